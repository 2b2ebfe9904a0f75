/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlines, the nearest first: a binary heap of timers that live inside what they are for. */
#ifndef IKE_TIMERS_H
#define IKE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
	uint64_t due_ms;
	size_t place; /* in the heap, from 1; 0: not set */
	void (*fire)(struct timer *timer);
};

struct timers {
	struct timer **heap; /* heap[0] is not used */
	size_t count;
	size_t room;
};

/* A timer that is set to do that, but not yet to when. */
static inline void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
	*timer = (struct timer){.fire = fire};
}

static inline bool timer_is_set(const struct timer *timer)
{
	return timer->place != 0;
}

/* Makes room for one more timer, so that setting it cannot fail. Each object reserves for all it has. False: no memory.
 */
bool timers_reserve(struct timers *timers, size_t more);

/* Sets it, or sets it anew. */
void timer_set(struct timers *timers, struct timer *timer, uint64_t due_ms);
void timer_cancel(struct timers *timers, struct timer *timer);

/* When the nearest is due; UINT64_MAX: none is set. */
uint64_t timers_next(const struct timers *timers);

/* Fires what is due by now, each once set off before it is called: it may set itself and others again. */
void timers_run(struct timers *timers, uint64_t now_ms);

void timers_free(struct timers *timers);

#endif
