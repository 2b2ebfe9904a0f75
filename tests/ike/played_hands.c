/* SPDX-License-Identifier: BSD-2-Clause */
#include "played_hands.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void played_hands_init(struct played_hands *hands, struct keyholder_ops keys)
{
	*hands = (struct played_hands){.hand = hand_new(), .keys = keys};
}

void played_forget(struct played_hands *hands)
{
	struct played_job *job;

	while ((job = hands->jobs)) {
		hands->jobs = job->next;
		free(job);
	}
	hands->out = 0;
}

void played_hands_free(struct played_hands *hands)
{
	played_forget(hands);
	hand_free(hands->hand);
}

int played_give(struct played_hands *hands, const struct job *given, uint64_t at_ms)
{
	struct played_job **at = &hands->jobs, *job;

	if (hands->full)
		return -EAGAIN;
	job = malloc(sizeof(*job) + given->data.size);
	*job = (struct played_job){.at_ms = at_ms,
				   .number = given->number,
				   .kind = given->kind,
				   .rank = given->rank,
				   .size = given->data.size};
	memcpy(job->data, given->data.data, job->size);
	while (*at && (*at)->at_ms <= at_ms)
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	hands->out++;
	return 0;
}

uint64_t played_next(const struct played_hands *hands)
{
	return hands->jobs ? hands->jobs->at_ms : UINT64_MAX;
}

static void sign(struct played_hands *hands, const struct played_job *job, uint8_t *signature,
		 struct job_answer *answer)
{
	const struct keyholder_ops *keys = &hands->keys;
	const struct sign_job *s = (const struct sign_job *)(const void *)job->data;
	size_t size = SIGNATURE_MAX;

	answer->error = keys->sign(keys->arg, s->key, (enum sig_scheme)s->scheme, s->octets,
				   job->size - offsetof(struct sign_job, octets), signature, &size);
	answer->data = (struct chunk){signature, answer->error ? 0 : size};
}

bool played_do(struct played_hands *hands, struct engine *e, uint64_t now_ms)
{
	struct played_job *job = hands->jobs;
	uint8_t signature[SIGNATURE_MAX];
	struct job_answer answer;

	if (!job || job->at_ms > now_ms)
		return false;
	hands->jobs = job->next;
	hands->out--;
	hands->done++;
	if (job->kind == JOB_SIGN)
		sign(hands, job, signature, &answer);
	else
		hand_do(hands->hand, job->kind, (struct chunk){job->data, job->size}, &answer);
	engine_job_done(e, job->number, &answer);
	free(job);
	return true;
}
