/* SPDX-License-Identifier: BSD-2-Clause */
#include "job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of what is in the files of CAs and CRLs, read: hosts of a mesh have one. */
#define TRUSTS_MAX 4

struct hand {
	struct trust *trusts[TRUSTS_MAX];
	unsigned next; /* which of them goes next */
	struct keys_done keys;
	uint8_t *verdict;
};

struct hand *hand_new(void)
{
	return calloc(1, sizeof(struct hand));
}

void hand_forget(struct hand *hand)
{
	explicit_bzero(&hand->keys, sizeof(hand->keys));
	free(hand->verdict);
	hand->verdict = NULL;
}

void hand_free(struct hand *hand)
{
	if (!hand)
		return;
	hand_forget(hand);
	for (unsigned i = 0; i < TRUSTS_MAX; i++)
		trust_free(hand->trusts[i]);
	free(hand);
}

/* ---- keys ---- */

static void do_keys(struct hand *hand, struct chunk data, struct job_answer *answer)
{
	struct keys_done *done = &hand->keys;
	struct keys_job job;

	if (data.size != sizeof(job))
		return;
	memcpy(&job, data.data, sizeof(job));
	done->own = job.own;
	answer->error = job.own.there ? 0 : dh_generate(&done->own);
	if (!answer->error && job.meets)
		done->error = dh_derive(&done->own, job.peer, done->secret);
	explicit_bzero(&job, sizeof(job));
	answer->data = (struct chunk){done, sizeof(*done)};
}

/* ---- a peer's proof ---- */

static struct trust *trust_of(struct hand *hand, const struct cert_check_files *files)
{
	struct trust *t;

	for (unsigned i = 0; i < TRUSTS_MAX; i++)
		if (hand->trusts[i] && memcmp(hand->trusts[i]->digest, files->digest, TRUST_DIGEST_SIZE) == 0)
			return hand->trusts[i];
	if (trust_load(&t, files->ca, files->crl, NULL))
		return NULL;
	trust_free(hand->trusts[hand->next]);
	hand->trusts[hand->next] = t;
	hand->next = (hand->next + 1) % TRUSTS_MAX;
	return t;
}

static void do_check(struct hand *hand, struct chunk data, struct job_answer *answer)
{
	struct cert_check_files files;
	struct cert_verdict verdict;
	struct cert_check check;
	size_t size = 0;

	if (!cert_check_read(&check, &files, data.data, data.size))
		return;
	check.trust = trust_of(hand, &files);
	answer->error = -ENOMEM;
	if (!check.trust)
		return;
	cert_check(&check, &verdict);
	hand->verdict = cert_verdict_write(&verdict, &size);
	cert_verdict_free(&verdict);
	if (!hand->verdict)
		return;
	answer->error = 0;
	answer->data = (struct chunk){hand->verdict, size};
}

void hand_do(struct hand *hand, uint32_t kind, struct chunk data, struct job_answer *answer)
{
	hand_forget(hand);
	*answer = (struct job_answer){.error = -EINVAL};
	if (kind == JOB_KEYS)
		do_keys(hand, data, answer);
	else if (kind == JOB_CHECK)
		do_check(hand, data, answer);
	if (answer->error)
		answer->data = (struct chunk){NULL, 0};
}
