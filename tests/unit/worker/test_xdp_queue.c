/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/nic/xdp_queue.c: a queue of which nothing is sent any more, on a completion ring in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "memory_ring.h"
#include "nic/xdp_queue.h"

#define SECOND 1000000000ULL
#define START  (5 * SECOND)

static uint64_t addrs[RING_SIZE], frames[RING_SIZE];
static struct memory_ring comp;

static struct xdp_queue full(void)
{
	comp = (struct memory_ring){0};
	return (struct xdp_queue){
		.umem = {.frame_size = 2048, .spans_at = UINT64_MAX, .free_frames = frames},
		.rings.comp = RING_CONS(&comp, addrs, RING_SIZE),
		.outstanding = 64,
		.limit = 64,
	};
}

static void complete(struct xdp_queue *q, uint32_t n)
{
	comp.producer += n;
	xdp_queue_reap(q);
}

static void stuck_after_a_second_of_nothing(void **unused)
{
	struct xdp_queue q = full();

	(void)unused;
	assert_false(xdp_queue_is_stuck(&q, START));
	assert_false(xdp_queue_is_stuck(&q, START + SECOND));
	assert_true(xdp_queue_is_stuck(&q, START + SECOND + 1));
	complete(&q, 0);
	assert_true(xdp_queue_is_stuck(&q, START + SECOND + 2));
}

/* However slowly, it goes on. */
static void one_packet_is_enough(void **unused)
{
	struct xdp_queue q = full();

	(void)unused;
	for (uint64_t now = START; now < START + 60 * SECOND; now += SECOND) {
		assert_false(xdp_queue_is_stuck(&q, now));
		complete(&q, 1);
		q.outstanding++;
	}
}

/* And what was stuck is well when something is sent. */
static void it_recovers(void **unused)
{
	struct xdp_queue q = full();

	(void)unused;
	xdp_queue_is_stuck(&q, START);
	assert_true(xdp_queue_is_stuck(&q, START + 2 * SECOND));
	complete(&q, 64);
	assert_int_equal(xdp_queue_room(&q), 64);
	q.outstanding = 64;
	assert_false(xdp_queue_is_stuck(&q, START + 90 * SECOND));
	assert_true(xdp_queue_is_stuck(&q, START + 92 * SECOND));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stuck_after_a_second_of_nothing),
		cmocka_unit_test(one_packet_is_enough),
		cmocka_unit_test(it_recovers),
	};

	return cmocka_run_group_tests_name("xdp_queue", tests, NULL, NULL);
}
