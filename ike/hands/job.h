/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What takes a good part of a millisecond, and is done by other processes, on other CPUs, so that the one which runs
 * the protocol waits for none of it:
 *
 *   JOB_KEYS    a key pair of group 20, a shared secret, or both     a hand (hands.h)
 *   JOB_CHECK   a peer's proof by a certificate                      a hand
 *   JOB_SIGN    our own proof                                        the key holder, by one of its threads
 *
 * A hand has no key of this host's: what is hostile in a job, a point or a certificate, is parsed where nothing is to
 * be had but what the hands are at work on. Whoever has the private keys parses none of it.
 */
#ifndef IKE_HANDS_JOB_H
#define IKE_HANDS_JOB_H

#include "crypto/dh.h"
#include "identity/cert_check.h"
#include "keyholder/keyholder_wire.h"

enum job_kind {
	JOB_SIGN = ASK_SIGN,
	JOB_KEYS = 100,
	JOB_CHECK,
};

/* Who waits for it: those of lower rank wait until there is none of a higher one. */
enum job_rank {
	JOB_OF_KNOWN,	/* a peer that is up, or that we speak to by our own will */
	JOB_OF_SERIOUS, /* one that is not, but has read what we sent to its address */
	JOB_OF_ANYBODY, /* IKE_SA_INIT, from an address that may be forged */
	JOB_RANKS,
};

/* Longer ones are not for others: the one who needs it does it. A CRL of 3,000 entries fits. */
#define JOB_MAX 160000

struct job {
	uint32_t number;
	enum job_kind kind;
	enum job_rank rank;
	struct chunk data; /* a struct keys_job; cert_check_write()'s; a struct sign_job, as far as it goes */
};

struct keys_job {
	struct dh own; /* or none: then a fresh one */
	bool meets;    /* and the shared secret with */
	uint8_t peer[DH_PUBLIC_SIZE];
};

struct sign_job {
	uint32_t key;
	uint32_t scheme; /* enum sig_scheme */
	uint8_t octets[OCTETS_MAX];
};

/* What comes of it. */
struct job_answer {
	int error;	   /* 0 or -errno: it could not be done */
	struct chunk data; /* a struct keys_done; cert_verdict_write()'s; the signature */
};

struct keys_done {
	struct dh own;
	int error; /* dh_derive()'s */
	uint8_t secret[DH_SECRET_SIZE];
};

/* How jobs are given out: the answer comes later, never from within the call. data is the caller's again then. 0; or
 * -errno: nobody takes it. give NULL: there is nobody. */
struct hands_ops {
	int (*give)(void *arg, const struct job *job);
	void *arg;
};

/* ---- doing it ---- */

/* What one who does them keeps from one to the next. Zeroed: nothing. */
struct hand;
struct hand *hand_new(void);
void hand_free(struct hand *hand);

/* Does a job of JOB_KEYS or JOB_CHECK. The answer's data stay good until the next one, or hand_forget(). */
void hand_do(struct hand *hand, uint32_t kind, struct chunk data, struct job_answer *answer);

/* Wipes the answer: its keys are the business of who asked from here on. */
void hand_forget(struct hand *hand);

#endif
