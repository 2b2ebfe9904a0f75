/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an IKE SA will need that takes a good part of a millisecond, known beforehand: others do it (hands/job.h) while
 * the message or the task that needs it waits, and remember it here until it is needed.
 *
 *   foresee_*    asked before a handler runs: true: wait, a job is out; and ask again when that is done
 *   foreseen_*   asked by the handler: what is known, by exactly what it depends on; what is not is done on the spot
 *
 * So nothing is right or wrong by what was foreseen, only sooner. One job of an IKE SA is out at a time. An IKE SA that
 * has ended is found by no answer.
 */
#ifndef IKE_ENGINE_FORESIGHT_H
#define IKE_ENGINE_FORESIGHT_H

#include "engine_state.h"
#include "identity/cert_check.h"

struct memos;

struct foresight {
	struct table_node by_number; /* of the engine's jobs: in there while one is out */
	struct memos *memos;	     /* NULL: none */
};

/* A job is out. */
static inline bool foresight_waits(const struct foresight *f)
{
	return f->by_number.back != NULL;
}

/* Whose the job of that number is; NULL: nobody's any more. */
struct foresight *foresight_find(const struct engine *e, uint32_t number);
/* It is done. */
void foresight_done(struct foresight *f, const struct job_answer *answer);

/* What is remembered is wiped, unless a job is out. */
void foresight_forget(struct foresight *f);
/* Also then: an answer finds nobody. */
void foresight_end(struct foresight *f);

/* ---- keys of group 20 ---- */

/* A key pair; a shared secret; the secret of a pair that is yet to be made. */
bool foresee_pair(struct engine *e, struct foresight *f, enum job_rank rank);
bool foresee_secret(struct engine *e, struct foresight *f, enum job_rank rank, const struct dh *own,
		    const uint8_t peer[DH_PUBLIC_SIZE]);
bool foresee_pair_and_secret(struct engine *e, struct foresight *f, enum job_rank rank,
			     const uint8_t peer[DH_PUBLIC_SIZE]);

/* As dh_generate() and dh_derive() (crypto/dh.h). A pair is given once. */
int foreseen_pair(struct foresight *f, struct dh *out);
int foreseen_secret(const struct foresight *f, const struct dh *own, const uint8_t peer[DH_PUBLIC_SIZE],
		    uint8_t secret[DH_SECRET_SIZE]);

/* ---- proofs ---- */

/* *good: once it is known, that the peer is proven. */
bool foresee_check(struct engine *e, struct foresight *f, enum job_rank rank, const struct cert_check *check,
		   bool *good);
/* As cert_check(). */
void foreseen_check(const struct foresight *f, const struct cert_check *check, struct cert_verdict *verdict);

/* The key holder as it is asked with ops of this kind: to sign is to ask for it, and gives -EINPROGRESS while it is
 * out; or to have it, if it is known. It is good until its holder goes. */
struct foreseen_signer {
	struct engine *engine;
	struct foresight *foresight;
	enum job_rank rank;
};
struct keyholder_ops foresee_signature(struct foreseen_signer *signer);
struct keyholder_ops foreseen_signature(struct foreseen_signer *signer);

#endif
