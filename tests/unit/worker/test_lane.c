/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "lanes.h"
#include "loop.h"
#include "maps/turns.h"

/* Longer than anything here takes. */
#define SECONDS_MAX 120
#define COUNTED	    300000
#define SLOT	    9
#define NICS	    3

static struct lanes lanes;
static pthread_t threads[LANES];
static bool stop;

static int set_up(void **unused)
{
	(void)unused;
	lanes_open(&lanes, aead_select("openssl", NULL));
	alarm(SECONDS_MAX);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	alarm(0);
	lanes_close(&lanes);
	return 0;
}

static void run_in_lanes(void *(*body)(void *))
{
	for (uint32_t i = 0; i < LANES; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, body, &lanes.lane[i]), 0);
}

static void join_lanes(void)
{
	for (uint32_t i = 0; i < LANES; i++)
		pthread_join(threads[i], NULL);
}

/* ---- counters ---- */

static void *count_up(void *arg)
{
	struct lane *l = arg;

	for (uint32_t i = 0; i < COUNTED; i++) {
		count(l, REASON_OPENED, l->index + 1);
		drop(l, &l->maps->sa[SLOT], REASON_REPLAY, 3);
		drop(l, NULL, REASON_NO_SA, 1);
	}
	return NULL;
}

/* Each lane's are its own; an SA's are everybody's. Nothing is lost, and others may look meanwhile. */
static void nothing_is_counted_twice_or_lost(void **unused)
{
	uint64_t before = 0, now;

	(void)unused;
	run_in_lanes(count_up);
	do {
		now = __atomic_load_n(counts_at(&lanes.maps.worker_counts[0], REASON_OPENED), __ATOMIC_RELAXED);
		assert_true(now >= before);
		before = now;
	} while (now < COUNTED);
	join_lanes();
	for (uint32_t i = 0; i < LANES; i++) {
		struct counts *own = &lanes.maps.worker_counts[i];

		assert_int_equal(*counts_at(own, REASON_OPENED), COUNTED * (i + 1));
		assert_int_equal(*counts_at(own, REASON_REPLAY), COUNTED * 3);
		assert_int_equal(*counts_at(own, REASON_NO_SA), COUNTED);
	}
	assert_int_equal(*counts_at(&lanes.maps.sa[SLOT].drops, REASON_REPLAY), COUNTED * 3 * LANES);
	assert_int_equal(*counts_at(&lanes.maps.sa[SLOT].drops, REASON_NO_SA), 0);
}

/* ---- whose a queue is ---- */

/* Queues of a NIC, and NICs of one queue, go round the lanes. */
static void queues_go_round(void **unused)
{
	(void)unused;
	for (uint32_t count = 1; count <= LANES_MAX; count++) {
		uint32_t queues[LANES_MAX] = {0}, nics[LANES_MAX] = {0};

		for (uint32_t i = 0; i < count; i++) {
			queues[lane_of_queue(PORT, i, count)]++;
			nics[lane_of_queue(i, 0, count)]++;
		}
		for (uint32_t i = 0; i < count; i++) {
			assert_int_equal(queues[i], 1);
			assert_int_equal(nics[i], 1);
		}
	}
}

/* ---- orders ---- */

static void *run(void *arg)
{
	loop_run(arg, &stop);
	return NULL;
}

static void end_lanes(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < LANES; i++)
		lane_wake(&lanes.lane[i]);
	join_lanes();
	stop = false;
}

static void give(struct lane *l, struct queue *q)
{
	struct lane_order order = {.remove = -1};

	TAILQ_INIT(&order.add);
	TAILQ_INSERT_TAIL(&order.add, &q->port, of_lane);
	lane_tell(l, &order);
	assert_true(TAILQ_EMPTY(&order.add));
}

/* The queues of the NIC, and no other, come back. */
static void take_back(struct lane *l, uint32_t nic, struct queue *q)
{
	struct lane_order order = {.remove = (int)nic};

	TAILQ_INIT(&order.add);
	lane_tell(l, &order);
	assert_ptr_equal(TAILQ_FIRST(&order.removed), &q->port);
	assert_null(TAILQ_NEXT(&q->port, of_lane));
}

/* What is malformed is counted: so one sees that the lane is at it. */
static void come(struct queue *q)
{
	const struct rx_meta meta = {.l3_offset = 14};
	const uint8_t frame[60] = {0};

	assert_true(queue_receive(q, &meta, frame, sizeof(frame)));
	lane_wake(q->port.lane);
}

static uint64_t counted_by(uint32_t lane, enum reason reason)
{
	return __atomic_load_n(counts_at(&lanes.maps.worker_counts[lane], reason), __ATOMIC_RELAXED);
}

/* What the lane had not come to is counted when the NIC goes. */
static uint64_t looked_at(uint32_t lane)
{
	return counted_by(lane, REASON_MALFORMED) + counted_by(lane, REASON_NO_WORKER);
}

/* NICs come and go on lanes that sleep or are at work; what was given back is nobody's any more. */
static void queues_come_and_go(void **unused)
{
	static struct queue queues[NICS];
	uint64_t sent = 0;

	(void)unused;
	run_in_lanes(run);
	for (uint32_t nic = 0; nic < NICS; nic++) {
		queue_open(&queues[nic], &lanes, 0);
		queues[nic].port.index = nic;
		give(&lanes.lane[0], &queues[nic]);
	}
	for (uint32_t round = 0; round < 200; round++) {
		const uint32_t nic = round % NICS;

		for (uint32_t i = 0; i < NICS; i++, sent++)
			come(&queues[i]);
		if (round % 2)
			while (looked_at(0) < sent)
				usleep(10);
		take_back(&lanes.lane[0], nic, &queues[nic]);
		assert_int_equal(queues[nic].rx.producer, queues[nic].rx.consumer);
		queue_close(&queues[nic]);
		memset(&queues[nic], 0xff, sizeof(queues[nic]));
		queue_open(&queues[nic], &lanes, 0);
		queues[nic].port.index = nic;
		give(&lanes.lane[0], &queues[nic]);
	}
	while (looked_at(0) < sent)
		usleep(10);
	assert_int_equal(looked_at(0), sent);
	assert_int_equal(looked_at(1), 0);
	end_lanes();
	for (uint32_t nic = 0; nic < NICS; nic++)
		queue_close(&queues[nic]);
}

/* Nobody waits for a lane in vain, and a lane that is at rest holds nobody up. */
static void lanes_at_rest_are_in_no_turn(void **unused)
{
	(void)unused;
	run_in_lanes(run);
	for (int i = 0; i < 100; i++) {
		const uint64_t number = turns_next(lanes.maps.turns);

		lane_wake(&lanes.lane[i % LANES]);
		while (!turns_are_past(lanes.maps.turns, number))
			usleep(10);
	}
	end_lanes();
	for (uint32_t i = 0; i < LANES; i++)
		assert_int_equal(lanes.maps.turns->lanes[i].at, 0);
}

#define ON_LANES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_LANES(nothing_is_counted_twice_or_lost),
		cmocka_unit_test(queues_go_round),
		ON_LANES(queues_come_and_go),
		ON_LANES(lanes_at_rest_are_in_no_turn),
	};

	return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
