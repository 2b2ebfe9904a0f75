/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hands that are played (hands/job.h): what an engine gives out is done in this process, and comes back when the test
 * wants it to, in any order. It answers what a process would.
 */
#ifndef TESTS_IKE_PLAYED_HANDS_H
#define TESTS_IKE_PLAYED_HANDS_H

#include "engine/engine.h"

struct played_job {
	struct played_job *next;
	uint64_t at_ms;
	uint32_t number;
	enum job_kind kind;
	enum job_rank rank;
	size_t size;
	uint8_t data[];
};

struct played_hands {
	struct played_job *jobs; /* by when they are done */
	struct hand *hand;
	struct keyholder_ops keys;
	unsigned out;  /* jobs that are not done yet */
	unsigned done; /* in all */
	bool full;     /* nobody takes one any more */
};

/* keys: who signs. The memory of jobs is the test's own. */
void played_hands_init(struct played_hands *hands, struct keyholder_ops keys);
void played_hands_free(struct played_hands *hands);

/* As hands_ops.give: it will be done at that time. */
int played_give(struct played_hands *hands, const struct job *job, uint64_t at_ms);

/* When the next one is done; UINT64_MAX: none is out. */
uint64_t played_next(const struct played_hands *hands);
/* Does the first one whose time has come. False: none has. */
bool played_do(struct played_hands *hands, struct engine *e, uint64_t now_ms);
/* Nobody hears of those that are out. */
void played_forget(struct played_hands *hands);

#endif
