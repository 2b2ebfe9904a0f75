/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deadlines, the nearest first: a binary heap of pointers to timers, each of which lives inside the object that it is
 * for. A timer has a kind and no function, so that an object need not know who sees to it.
 */
#ifndef IKE_ENGINE_TIMERS_H
#define IKE_ENGINE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The object that the timer lives in, and what is due then. tick.c has the table of who does it. */
enum timer_kind {
	TIMER_ENGINE_DAY,
	TIMER_ENGINE_OPENING,
	TIMER_CONNECTION_BEGIN,
	TIMER_PEER_RETRY,
	TIMER_PEER_ORPHANS,
	TIMER_IKE_RETRANSMIT,
	TIMER_IKE_KICK,
	TIMER_IKE_LIFE,
	TIMER_IKE_LIVENESS,
	TIMER_IKE_REAUTH,
	TIMER_CHILD_SOFT,
	TIMER_CHILD_HARD,
	TIMER_CHILD_WATCH,
	TIMER_KINDS,
};

struct timer {
	uint64_t due_ms;
	size_t place; /* in the heap, from 1; 0: not set */
	enum timer_kind kind;
};

struct timers {
	struct timer **heap; /* heap[0] is not used */
	size_t count;	     /* that are set */
	size_t reserved;
	size_t room;
};

/* The timer is of that kind, and not set. */
static inline void timer_init(struct timer *timer, enum timer_kind kind)
{
	*timer = (struct timer){.kind = kind};
}

static inline bool timer_is_set(const struct timer *timer)
{
	return timer->place != 0;
}

/* Makes room for so many more timers, set or not, so that setting one cannot fail: each object, when it is made,
 * reserves for all of its timers, and releases that when it ends. False: no memory. */
bool timers_reserve(struct timers *timers, size_t more);
void timers_release(struct timers *timers, size_t count);

/* Sets the timer, also if it was set to another time. */
void timer_set(struct timers *timers, struct timer *timer, uint64_t due_ms);
void timer_cancel(struct timers *timers, struct timer *timer);

/* The time of the nearest deadline; UINT64_MAX: none is set. */
uint64_t timers_next(const struct timers *timers);

/* Takes the nearest timer out, if it is due by now: it is not set any more. NULL: none is due. */
struct timer *timers_take_due(struct timers *timers, uint64_t now_ms);

void timers_free(struct timers *timers);

#endif
