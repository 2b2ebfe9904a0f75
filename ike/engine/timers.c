/* SPDX-License-Identifier: BSD-2-Clause */
#include "timers.h"

#include <stdlib.h>

static void put(struct timers *t, struct timer *timer, size_t place)
{
	t->heap[place] = timer;
	timer->place = place;
}

static void sift_up(struct timers *t, struct timer *timer, size_t place)
{
	while (place > 1 && t->heap[place / 2]->due_ms > timer->due_ms) {
		put(t, t->heap[place / 2], place);
		place /= 2;
	}
	put(t, timer, place);
}

static void sift_down(struct timers *t, struct timer *timer, size_t place)
{
	for (;;) {
		size_t child = place * 2;

		if (child < t->count && t->heap[child + 1]->due_ms < t->heap[child]->due_ms)
			child++;
		if (child > t->count || t->heap[child]->due_ms >= timer->due_ms)
			break;
		put(t, t->heap[child], place);
		place = child;
	}
	put(t, timer, place);
}

/* The heap grows for every object that is made and never shrinks: its size is that of the busiest hour. */
bool timers_reserve(struct timers *t, size_t more)
{
	size_t room = t->room ? t->room : 64;
	struct timer **heap;

	while (room < t->reserved + more + 1)
		room *= 2;
	if (room != t->room) {
		heap = realloc(t->heap, room * sizeof(*heap));
		if (!heap)
			return false;
		t->heap = heap;
		t->room = room;
	}
	t->reserved += more;
	return true;
}

void timers_release(struct timers *t, size_t count)
{
	t->reserved -= count;
}

void timer_cancel(struct timers *t, struct timer *timer)
{
	const size_t place = timer->place;
	struct timer *last;

	if (!place)
		return;
	timer->place = 0;
	last = t->heap[t->count--];
	if (last == timer)
		return;
	if (place > 1 && t->heap[place / 2]->due_ms > last->due_ms)
		sift_up(t, last, place);
	else
		sift_down(t, last, place);
}

void timer_set(struct timers *t, struct timer *timer, uint64_t due_ms)
{
	timer_cancel(t, timer);
	/* Only if an object set more timers than it reserved. */
	if (t->count == t->reserved)
		abort();
	timer->due_ms = due_ms;
	sift_up(t, timer, ++t->count);
}

uint64_t timers_next(const struct timers *t)
{
	return t->count ? t->heap[1]->due_ms : UINT64_MAX;
}

struct timer *timers_take_due(struct timers *t, uint64_t now_ms)
{
	struct timer *timer = t->count ? t->heap[1] : NULL;

	if (!timer || timer->due_ms > now_ms)
		return NULL;
	timer_cancel(t, timer);
	return timer;
}

void timers_free(struct timers *t)
{
	free(t->heap);
	*t = (struct timers){0};
}
