/* SPDX-License-Identifier: BSD-2-Clause */
#include "foresight.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_SIZE 32

/* Of one handshake there are the check, with another cookie another one, the signature, and with a PPK another one.
 */
#define PROOFS_MAX 4

/* What became of a job of JOB_CHECK or JOB_SIGN. */
struct proof_memo {
	enum job_kind kind;
	uint8_t about[DIGEST_SIZE]; /* what it depends on */
	int error;
	uint8_t *data; /* malloc'd */
	size_t size;
};

struct memos {
	/* the job that is out */
	enum job_kind kind;
	struct keys_job keys;
	uint8_t about[DIGEST_SIZE];
	bool failed; /* what was asked for did not come: it is not asked for again */

	struct dh pair;
	bool met;
	uint8_t ours[DH_PUBLIC_SIZE], theirs[DH_PUBLIC_SIZE];
	int error;
	uint8_t secret[DH_SECRET_SIZE];
	struct proof_memo proofs[PROOFS_MAX];
	unsigned next; /* of the proofs: where the next one goes */
};

/* ---- jobs ---- */

/* Where memos go; NULL: nobody makes any, or there is no memory. */
static struct memos *memos_for(const struct engine *e, struct foresight *f)
{
	if (!e->ops.hands.give || (f->memos && f->memos->failed))
		return NULL;
	if (!f->memos)
		f->memos = calloc(1, sizeof(*f->memos));
	return f->memos;
}

/* False: nobody does it, and it is done where it is needed. */
static bool give(struct engine *e, struct foresight *f, enum job_rank rank, enum job_kind kind, struct chunk data)
{
	const struct hands_ops *hands = &e->ops.hands;
	const struct job job = {.number = ++e->last_job, .kind = kind, .rank = rank, .data = data};

	if (data.size > JOB_MAX || hands->give(hands->arg, &job))
		return false;
	f->memos->kind = kind;
	table_add(&e->jobs, &f->by_number, job.number);
	return true;
}

struct foresight *foresight_find(const struct engine *e, uint32_t number)
{
	struct table_node *node = table_find(&e->jobs, number);

	return node ? container_of(node, struct foresight, by_number) : NULL;
}

static void forget_proof(struct proof_memo *p)
{
	if (p->data)
		explicit_bzero(p->data, p->size);
	free(p->data);
	*p = (struct proof_memo){0};
}

void foresight_forget(struct foresight *f)
{
	struct memos *m = f->memos;

	if (!m || foresight_waits(f))
		return;
	for (unsigned i = 0; i < PROOFS_MAX; i++)
		forget_proof(&m->proofs[i]);
	explicit_bzero(m, sizeof(*m));
	free(m);
	f->memos = NULL;
}

void foresight_end(struct foresight *f)
{
	table_remove(&f->by_number);
	foresight_forget(f);
}

/* ---- answers ---- */

/* It is of the keys that were asked for, or of nothing. */
static void take_keys(struct memos *m, const struct job_answer *answer)
{
	const struct keys_job *job = &m->keys;
	struct keys_done done;

	m->failed = answer->error || answer->data.size != sizeof(done);
	if (m->failed)
		return;
	memcpy(&done, answer->data.data, sizeof(done));
	if (!job->own.there)
		m->pair = done.own;
	m->met = job->meets;
	memcpy(m->ours, job->own.there ? job->own.public : done.own.public, sizeof(m->ours));
	memcpy(m->theirs, job->peer, sizeof(m->theirs));
	m->error = done.error;
	memcpy(m->secret, done.secret, sizeof(m->secret));
	explicit_bzero(&done, sizeof(done));
}

static void take_proof(struct memos *m, const struct job_answer *answer)
{
	struct proof_memo *p = &m->proofs[m->next];
	uint8_t *data = malloc(answer->data.size ? answer->data.size : 1);

	forget_proof(p);
	m->failed = !data;
	if (!data)
		return;
	m->next = (m->next + 1) % PROOFS_MAX;
	if (answer->data.size)
		memcpy(data, answer->data.data, answer->data.size);
	*p = (struct proof_memo){.kind = m->kind, .error = answer->error, .data = data, .size = answer->data.size};
	memcpy(p->about, m->about, DIGEST_SIZE);
}

void foresight_done(struct foresight *f, const struct job_answer *answer)
{
	table_remove(&f->by_number);
	if (f->memos->kind == JOB_KEYS)
		take_keys(f->memos, answer);
	else
		take_proof(f->memos, answer);
	explicit_bzero(&f->memos->keys, sizeof(f->memos->keys));
}

/* ---- keys ---- */

static bool has_met(const struct memos *m, const struct dh *own, const uint8_t *peer)
{
	return m && m->met && memcmp(m->ours, own->public, DH_PUBLIC_SIZE) == 0 &&
	       memcmp(m->theirs, peer, DH_PUBLIC_SIZE) == 0;
}

static bool ask_for_keys(struct engine *e, struct foresight *f, enum job_rank rank, const struct dh *own,
			 const uint8_t *peer)
{
	struct memos *m;

	if (foresight_waits(f))
		return true;
	m = memos_for(e, f);
	if (!m)
		return false;
	/* Of several secrets the last one is wanted. */
	m->met = false;
	m->keys = (struct keys_job){.meets = peer};
	if (own)
		m->keys.own = *own;
	if (peer)
		memcpy(m->keys.peer, peer, DH_PUBLIC_SIZE);
	return give(e, f, rank, JOB_KEYS, CHUNK(m->keys));
}

bool foresee_pair(struct engine *e, struct foresight *f, enum job_rank rank)
{
	return !(f->memos && f->memos->pair.there) && ask_for_keys(e, f, rank, NULL, NULL);
}

bool foresee_secret(struct engine *e, struct foresight *f, enum job_rank rank, const struct dh *own,
		    const uint8_t peer[DH_PUBLIC_SIZE])
{
	return own->there && !has_met(f->memos, own, peer) && ask_for_keys(e, f, rank, own, peer);
}

bool foresee_pair_and_secret(struct engine *e, struct foresight *f, enum job_rank rank,
			     const uint8_t peer[DH_PUBLIC_SIZE])
{
	const struct dh *own = f->memos && f->memos->pair.there ? &f->memos->pair : NULL;

	return !(own && has_met(f->memos, own, peer)) && ask_for_keys(e, f, rank, own, peer);
}

int foreseen_pair(struct foresight *f, struct dh *out)
{
	if (!f->memos || !f->memos->pair.there)
		return dh_generate(out);
	*out = f->memos->pair;
	dh_wipe(&f->memos->pair);
	return 0;
}

int foreseen_secret(const struct foresight *f, const struct dh *own, const uint8_t peer[DH_PUBLIC_SIZE],
		    uint8_t secret[DH_SECRET_SIZE])
{
	if (!has_met(f->memos, own, peer))
		return dh_derive(own, peer, secret);
	memcpy(secret, f->memos->secret, DH_SECRET_SIZE);
	return f->memos->error;
}

/* ---- proofs ---- */

static bool digest(struct chunk about, uint8_t out[DIGEST_SIZE])
{
	return EVP_Q_digest(NULL, "SHA256", NULL, about.data, about.size, out, NULL) == 1;
}

/* NULL: not known. */
static const struct proof_memo *find(const struct foresight *f, enum job_kind kind, struct chunk about)
{
	uint8_t wanted[DIGEST_SIZE];

	if (!f->memos || !digest(about, wanted))
		return NULL;
	for (unsigned i = 0; i < PROOFS_MAX; i++) {
		const struct proof_memo *p = &f->memos->proofs[i];

		if (p->kind == kind && memcmp(p->about, wanted, DIGEST_SIZE) == 0)
			return p;
	}
	return NULL;
}

static bool ask_for_proof(struct engine *e, struct foresight *f, enum job_rank rank, enum job_kind kind,
			  struct chunk about, struct chunk data)
{
	if (foresight_waits(f))
		return true;
	return memos_for(e, f) && digest(about, f->memos->about) && give(e, f, rank, kind, data);
}

static bool read_verdict(const struct proof_memo *p, struct cert_verdict *v)
{
	return p && !p->error && cert_verdict_read(v, p->data, p->size);
}

bool foresee_check(struct engine *e, struct foresight *f, enum job_rank rank, const struct cert_check *check,
		   bool *good)
{
	const struct proof_memo *known;
	struct cert_verdict v = {0};
	size_t about, size;
	uint8_t *data;
	bool wait;

	*good = false;
	if (!e->ops.hands.give)
		return false;
	data = cert_check_write(check, &about, &size);
	if (!data)
		return false;
	known = find(f, JOB_CHECK, (struct chunk){data, about});
	wait = !known && ask_for_proof(e, f, rank, JOB_CHECK, (struct chunk){data, about}, (struct chunk){data, size});
	*good = read_verdict(known, &v) && !v.err;
	cert_verdict_free(&v);
	free(data);
	return wait;
}

void foreseen_check(const struct foresight *f, const struct cert_check *check, struct cert_verdict *verdict)
{
	size_t about, size;
	uint8_t *data = f->memos ? cert_check_write(check, &about, &size) : NULL;
	const bool known = data && read_verdict(find(f, JOB_CHECK, (struct chunk){data, about}), verdict);

	free(data);
	if (!known)
		cert_check(check, verdict);
}

/* malloc'd; what a signature depends on, as a job has it. */
static struct sign_job *sign_job(uint32_t key, enum sig_scheme scheme, const uint8_t *octets, size_t octets_size,
				 size_t *size)
{
	struct sign_job *job;

	*size = offsetof(struct sign_job, octets) + octets_size;
	job = octets_size <= OCTETS_MAX ? malloc(*size) : NULL;
	if (!job)
		return NULL;
	job->key = key;
	job->scheme = scheme;
	memcpy(job->octets, octets, octets_size);
	return job;
}

static int take_signature(const struct proof_memo *p, uint8_t *out, size_t *out_size)
{
	if (!p->error && p->size > *out_size)
		return -EPROTO;
	if (p->error)
		return p->error;
	memcpy(out, p->data, p->size);
	*out_size = p->size;
	return 0;
}

/* What is known of it: 1: nothing. */
static int known_signature(const struct foresight *f, const struct sign_job *job, size_t size, uint8_t *out,
			   size_t *out_size)
{
	const struct proof_memo *p = job ? find(f, JOB_SIGN, (struct chunk){job, size}) : NULL;

	return p ? take_signature(p, out, out_size) : 1;
}

static int ask_to_sign(void *arg, uint32_t key, enum sig_scheme scheme, const uint8_t *octets, size_t size,
		       uint8_t *out, size_t *out_size)
{
	const struct foreseen_signer *s = arg;
	size_t all;
	struct sign_job *job = sign_job(key, scheme, octets, size, &all);
	const struct chunk data = {job, all};
	int err = job ? known_signature(s->foresight, job, all, out, out_size) : -ENOMEM;

	if (err == 1)
		err = ask_for_proof(s->engine, s->foresight, s->rank, JOB_SIGN, data, data) ? -EINPROGRESS : -EAGAIN;
	free(job);
	return err;
}

static int sign(void *arg, uint32_t key, enum sig_scheme scheme, const uint8_t *octets, size_t size, uint8_t *out,
		size_t *out_size)
{
	const struct foreseen_signer *s = arg;
	const struct keyholder_ops *keys = &s->engine->ops.keys;
	size_t all;
	struct sign_job *job = s->foresight->memos ? sign_job(key, scheme, octets, size, &all) : NULL;
	int err = known_signature(s->foresight, job, job ? all : 0, out, out_size);

	free(job);
	return err == 1 ? keys->sign(keys->arg, key, scheme, octets, size, out, out_size) : err;
}

static int psk_auth(void *arg, uint32_t key, uint16_t prf, const uint8_t *octets, size_t size, uint8_t *out)
{
	const struct foreseen_signer *s = arg;
	const struct keyholder_ops *keys = &s->engine->ops.keys;

	return keys->psk_auth(keys->arg, key, prf, octets, size, out);
}

struct keyholder_ops foresee_signature(struct foreseen_signer *signer)
{
	return (struct keyholder_ops){.sign = ask_to_sign, .arg = signer};
}

struct keyholder_ops foreseen_signature(struct foreseen_signer *signer)
{
	return (struct keyholder_ops){.sign = sign, .psk_auth = psk_auth, .arg = signer};
}
