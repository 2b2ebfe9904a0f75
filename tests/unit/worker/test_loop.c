/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/loop.c: when a queue's driver is called, and when the lane sleeps. The first sleep is the end of each run. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>

#include "lanes.h"
#include "loop.h"
#include "maps/turns.h"

/* More than make bulk, in the midst of which a lane naps. */
#define BULK 20

static struct lanes lanes;
static struct queue queue;
static bool stop;
static uint32_t calls;
static uint64_t slept_at;

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t size);
void __wrap_xsk_wake_to_receive(int fd);

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	(void)fds;
	(void)n;
	(void)timeout;
	(void)mask;
	slept_at = maps_now();
	stop = true;
	return 0;
}

int __wrap___ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t size)
{
	(void)size;
	return __wrap_ppoll(fds, n, timeout, mask);
}

void __wrap_xsk_wake_to_receive(int fd)
{
	(void)fd;
	calls++;
}

static int open_queue(void **unused)
{
	struct fault f;

	(void)unused;
	lanes_open(&lanes, aead_select("openssl", &f));
	lanes.maps.port[PORT] = (struct port){.queues = 1, .mtu = 1500};
	queue_open(&queue, &lanes, 0);
	TAILQ_INIT(&lanes.lane[0].queues);
	TAILQ_INSERT_TAIL(&lanes.lane[0].queues, &queue.port, of_lane);
	return 0;
}

static int close_queue(void **unused)
{
	(void)unused;
	queue_close(&queue);
	lanes_close(&lanes);
	return 0;
}

/* So many packets, of an SA that there is not, have come: ns from then until the lane sleeps. */
static uint64_t run(uint32_t packets)
{
	const struct rx_meta meta = {.slot = 7, .generation = 1};
	const uint8_t frame[64] = {0};
	const uint64_t before = maps_now();

	for (uint32_t i = 0; i < packets; i++)
		assert_true(queue_receive(&queue, &meta, frame, sizeof(frame)));
	calls = 0;
	stop = false;
	loop_run(&lanes.lane[0], &stop);
	return slept_at - before;
}

/* The two TAP queues of a pair count as one: neither is skipped for the other's sake. */
static void a_pair_of_tap_queues_is_one_reader(void **unused)
{
	struct lane_order order = {.remove = -1};
	struct lane *l = &lanes.lane[0];

	(void)unused;
	TAILQ_INIT(&order.add);
	TAILQ_INIT(&order.removed);
	TAILQ_REMOVE(&l->queues, &queue.port, of_lane);
	TAILQ_INSERT_TAIL(&order.add, &queue.port, of_lane);
	queue.port.host.reads = queue.port.express.reads = true;
	l->order = &order;
	run(0);
	assert_null(l->order);
	assert_int_equal(l->readers, 1);
	queue.port.host.reads = queue.port.express.reads = false;
}

/* Its lists point into it, so that it is made where it stays. */
static void take_away(struct lane_order *order, bool settle)
{
	*order = (struct lane_order){.remove = PORT, .settle = settle};
	TAILQ_INIT(&order->add);
	TAILQ_INIT(&order->removed);
}

/* What waits for its key does so until it is there, or its time is over; then the queue is given up. */
static void a_queue_is_given_up_when_nothing_is_half_done(void **unused)
{
	const struct xdp_desc early = {.addr = umem_take(&queue.port.q.umem)};
	struct lane_order order;
	struct lane *l = &lanes.lane[0];

	(void)unused;
	take_away(&order, true);
	/* The SA is there, and its key not yet. */
	l->maps->sa[7] = (struct sa_state){.generation = 1, .direction = SA_INBOUND};
	assert_true(park_add(&queue.port.in->park, 7, 1, &early, maps_now()));
	l->order = &order;
	run(0);
	assert_non_null(l->order);
	assert_true(l->settling);
	l->maps->sa[7].generation = 2;
	run(0);
	run(0);
	assert_null(l->order);
	assert_false(l->settling);
	assert_true(TAILQ_EMPTY(&l->queues));
}

/* Not for ever: a NIC may take nothing. */
static void a_queue_is_given_up_in_any_case(void **unused)
{
	struct lane_order order;
	struct lane *l = &lanes.lane[0];

	(void)unused;
	take_away(&order, true);
	queue.port.in->park.waiting = 1;
	l->order = &order;
	run(0);
	assert_non_null(l->order);
	l->settling -= 600000000;
	run(0);
	assert_null(l->order);
	queue.port.in->park.waiting = 0;
}

/* The lane of that number may be another worker's. */
static void without_queues_no_turn_is_taken(void **unused)
{
	struct lane_order order;
	struct lane *l = &lanes.lane[0];
	struct turns *turns = l->maps->turns;

	(void)unused;
	take_away(&order, false);
	turn_begin(turns, 0);
	l->order = &order;
	run(0);
	assert_int_equal(turns->lanes[0].at, 0);
	turn_begin(turns, 0);
	run(0);
	assert_int_not_equal(turns->lanes[0].at, 0);
	turn_end(turns, 0);
}

/* Whether the driver is called: a machine that takes the CPU away for all of that millisecond is asked again. */
static bool is_called(uint32_t packets)
{
	for (unsigned tries = 0; tries < 100; tries++) {
		run(packets);
		if (calls)
			return true;
	}
	return false;
}

static void nobody_is_called_without_busy_polling(void **unused)
{
	(void)unused;
	run(1);
	assert_int_equal(calls, 0);
	run(BULK);
	assert_int_equal(calls, 0);
}

/* No nap, no sleep, and a call each turn, until nothing has come for a millisecond. */
static void the_driver_is_called_while_there_is_traffic(void **unused)
{
	(void)unused;
	queue.port.busy_poll = true;
	for (uint32_t packets = 1; packets <= BULK; packets += BULK - 1) {
		assert_in_range(run(packets), 1000 * 1000, UINT64_MAX);
		assert_true(is_called(packets));
	}
}

static void nobody_is_called_in_silence(void **unused)
{
	(void)unused;
	queue.port.busy_poll = true;
	assert_true(is_called(1));
	run(0);
	assert_int_equal(calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_pair_of_tap_queues_is_one_reader, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(a_queue_is_given_up_when_nothing_is_half_done, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(a_queue_is_given_up_in_any_case, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(without_queues_no_turn_is_taken, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(nobody_is_called_without_busy_polling, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(the_driver_is_called_while_there_is_traffic, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(nobody_is_called_in_silence, open_queue, close_queue),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
