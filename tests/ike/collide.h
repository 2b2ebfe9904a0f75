/* SPDX-License-Identifier: BSD-2-Clause */
/* Two ends that do something at once: host 0 has opened what is up, and the tap may hold what either sends. For tests
 * with cmocka. */
#ifndef TESTS_IKE_COLLIDE_H
#define TESTS_IKE_COLLIDE_H

#include <stdint.h>

#include <cmocka.h>

#include "inside.h"
#include "tap.h"

static struct tap tap;

/* Up, host 0 the initiator, and the tap on. */
static inline void up(struct world *w)
{
	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	assert_true(world_is_up(w));
	tap_start(&tap, w);
}

/* The next datagram to that host waits on the wire. */
static inline void hold(int to)
{
	tap.hold[to] = 1;
}

static inline void close_child(struct world *w, int host)
{
	assert_non_null(child_queue(inside_child(w, host), TASK_DELETE_CHILD));
	world_run(w, 5);
}

static inline void make_child(struct world *w, int host)
{
	assert_non_null(task_queue(inside_ike(w, host), TASK_CHILD));
	world_run(w, 5);
}

static inline void rekey(struct world *w, int host, bool ike)
{
	world_rekey(w, host, ike);
	world_run(w, 5);
}

/* It has said no to that, once, and nothing else. */
static inline void assert_answered(int by, uint8_t exchange, uint16_t error)
{
	const struct tap_seen *s = tap_last(&tap, by, exchange, true);

	assert_non_null(s);
	assert_int_equal(s->error, error);
}

static inline void settle(struct world *w, int held)
{
	tap_release(&tap, w, held);
	world_run(w, 15000);
	assert_true(world_is_up(w));
	assert_int_equal(world_sa_count(w, 0, true), 1);
	assert_int_equal(world_sa_count(w, 1, false), 1);
}

#endif
