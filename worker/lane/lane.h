/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lane: one thread of the worker, and all that a packet touches on its way. A lane's memory has one writer, the lane.
 *
 *   shared by all lanes    maps and vault: written atomically, or under the SA's lock (sa_lock.h)
 *   a lane                 expanded keys, counters, IDs, the time of its turn
 *   a queue of a lane      packet memory, rings, TAP queue, coalescer, parking (port.h)
 *
 * Queue q of NIC n belongs to lane n + q modulo the number of lanes. Fragments go to the lane that puts their datagram
 * together by a ring from each lane to each other one (handoff.h). What a lane serves it is told by the thread that
 * listens to the loader (ports.h), between two turns.
 */
#ifndef WORKER_LANE_LANE_H
#define WORKER_LANE_LANE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "capture.h"
#include "handoff.h"
#include "host/host_ring.h"
#include "packet/ip_id.h"
#include "maps/maps.h"
#include "esp/sa_cache.h"
#include "esp/sa_lock.h"

struct port_queue;
TAILQ_HEAD(port_queues, port_queue);

/* lane_order.remove: all NICs. */
#define LANE_ALL_NICS PORTS_MAX

/* What a lane is to do between two turns; it belongs to the lane until the lane clears lane.order. */
struct lane_order {
	struct port_queues add; /* queues that are the lane's from now on; empty afterwards */
	int remove; /* NIC, by its index in ports, whose queues are the lane's no more; -1: none; LANE_ALL_NICS */
	struct port_queues removed;
	bool settle;   /* they are removed when nothing of them is half done, or cannot be done (loop.c) */
	bool captures; /* what is captured changes: */
	struct capture *capture;
};

struct lane {
	uint32_t index; /* in turns and in stats_worker */
	uint32_t count; /* of lanes */
	uint64_t now;	/* CLOCK_BOOTTIME ns, as of this turn of the loop */
	struct maps *maps;
	const struct aead *aead;
	struct sa_cache sas;
	struct sa_lock *locks; /* SA_LOCKS; of all lanes */
	struct ip_ids *ip_ids; /* of all lanes */
	struct host_reader reader;
	struct port_queues queues;
	struct capture *capture;  /* NULL: nothing is captured */
	bool low_latency;	  /* shorter naps (loop.h), shorter turns (outbound.c) */
	uint64_t poll_until;	  /* the latest poll_until of the queues, as of when one was set: no rest until then */
	uint64_t settling;	  /* since when nothing new is read from the host; 0: it is */
	uint32_t readers;	  /* how many of the queues read from a pair of TAP queues */
	struct lane *lanes;	  /* the first of all */
	struct handoff *handoffs; /* what the others have for this lane, by their index */

	/* Written by other threads. */
	int wake; /* eventfd: there is an order, or something was handed over, or it is the end */
	uint32_t handed __attribute__((aligned(64))); /* something was handed over since it was last looked */
	struct lane_order *order;
};

/* Counts n packets for status. */
static inline void count(struct lane *l, enum reason reason, uint64_t n)
{
	__u64 *counter = counts_at(&l->maps->worker_counts[l->index], reason);

	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Counts n dropped packets for status, and for their SA if there is one; a capture hears of it (capture.h). */
void drop(struct lane *l, struct sa_state *sa, enum reason reason, uint64_t n);

/* The same of what is not the packet that the capture has chosen, which stays so: key is what it is known by there;
 * NULL: it is not. */
void drop_other(struct lane *l, const void *key, struct sa_state *sa, enum reason reason, uint64_t n);

/* Makes lane `index` of `count`, before privileges are given up. 0 or -errno. */
int lane_init(struct lane *l, struct lane *lanes, uint32_t index, uint32_t count, struct fault *f);

/* Gives the lane an order, which stays where it is until lane_await() returns. */
void lane_give(struct lane *l, struct lane_order *order);

/* Waits until the lane has obeyed. Not for the lane itself to call. */
void lane_await(const struct lane *l);

/* Has the lane follow the order, and waits until that is done. */
static inline void lane_tell(struct lane *l, struct lane_order *order)
{
	lane_give(l, order);
	lane_await(l);
}

/* Wakes the lane if it sleeps. */
void lane_wake(struct lane *l);

#endif
