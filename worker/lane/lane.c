/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "lane.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* How long whoever gives an order sleeps before it looks again whether the lane has obeyed. A turn takes less. */
#define OBEYED_NS (100 * 1000)

static int make_handoffs(struct lane *l)
{
	l->handoffs = aligned_alloc(64, l->count * sizeof(*l->handoffs));
	if (!l->handoffs)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->count; i++)
		if (handoff_init(&l->handoffs[i], handoff_size(l->count)))
			return -ENOMEM;
	return 0;
}

int lane_init(struct lane *l, struct lane *lanes, uint32_t index, uint32_t count, struct fault *f)
{
	l->lanes = lanes;
	l->index = index;
	l->count = count;
	TAILQ_INIT(&l->queues);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake < 0 || make_handoffs(l))
		return fault(f, ENOMEM, "lane %u: not enough memory", index);
	host_reader_open(&l->reader);
	return 0;
}

__attribute__((cold, noinline)) void drop(struct lane *l, struct sa_state *sa, enum reason reason, uint64_t n)
{
	count(l, reason, n);
	if (l->capture)
		capture_drop(l->capture, reason);
	/* The BPF programs and other lanes count in the same place. */
	if (sa)
		__atomic_fetch_add(counts_at(&sa->drops, reason), n, __ATOMIC_RELAXED);
}

__attribute__((cold, noinline)) void drop_other(struct lane *l, const void *key, struct sa_state *sa,
						enum reason reason, uint64_t n)
{
	const int chosen = l->capture ? l->capture->chosen : -1;

	if (l->capture)
		capture_choose(l->capture, key);
	drop(l, sa, reason, n);
	if (l->capture)
		l->capture->chosen = chosen;
}

void lane_wake(struct lane *l)
{
	const uint64_t one = 1;

	/* It fails when the count is full, and then the lane is awake. */
	if (write(l->wake, &one, sizeof(one)) < 0)
		return;
}

void lane_give(struct lane *l, struct lane_order *order)
{
	TAILQ_INIT(&order->removed);
	__atomic_store_n(&l->order, order, __ATOMIC_RELEASE);
	lane_wake(l);
}

void lane_await(const struct lane *l)
{
	const struct timespec pause = {.tv_nsec = OBEYED_NS};

	while (__atomic_load_n(&l->order, __ATOMIC_ACQUIRE))
		ppoll(NULL, 0, &pause, NULL);
}
