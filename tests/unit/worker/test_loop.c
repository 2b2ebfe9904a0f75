/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/loop.c: when a queue's driver is called, and when the lane sleeps. The first sleep is the end of each run. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/if_xdp.h>
#include <poll.h>

#include "half_datagram.h"
#include "lanes.h"
#include "loop.h"
#include "maps/turns.h"
#include "packets.h"

/* More than make bulk, in the midst of which a lane naps. */
#define BULK 20

static struct lanes lanes;
static struct queue queue;
static bool stop;
static uint32_t calls;
static uint64_t slept_at;
static struct timespec slept_for;
static nfds_t slept_on; /* descriptors */
static uint64_t lost;	/* packets, by the kernel */

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t size);
void __wrap_xsk_wake_to_receive(int fd);
bool __wrap_xsk_lost(int fd, uint64_t *n);

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	(void)fds;
	(void)mask;
	slept_on = n;
	slept_for = timeout ? *timeout : (struct timespec){0};
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

bool __wrap_xsk_lost(int fd, uint64_t *n)
{
	(void)fd;
	*n = lost;
	return true;
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

/* So many packets, of an SA that there is not. */
static void come(uint32_t packets)
{
	const struct rx_meta meta = {.slot = 7, .generation = 1};
	const uint8_t frame[64] = {0};

	for (uint32_t i = 0; i < packets; i++)
		assert_true(queue_receive(&queue, &meta, frame, sizeof(frame)));
}

/* They have come: ns from then until the lane sleeps. */
static uint64_t run(uint32_t packets)
{
	const uint64_t before = maps_now();

	come(packets);
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

/* ---- a driver that has stopped its queue ---- */

static struct memory_ring tx, completed;
static struct xdp_desc tx_descs[RING_SIZE];
static uint64_t completed_addrs[RING_SIZE];

/* Of a kernel that wants to be called. */
static void push_one(void)
{
	struct xdp_queue *q = &queue.port.q;

	tx = (struct memory_ring){.flags = XDP_RING_NEED_WAKEUP};
	completed = (struct memory_ring){0};
	q->rings.tx = RING_PROD(&tx, tx_descs, RING_SIZE);
	q->rings.comp = RING_CONS(&completed, completed_addrs, RING_SIZE);
	assert_true(xdp_queue_push(q, umem_take(&q->umem), 64));
}

static void assert_sleeps_for(time_t s, long ns)
{
	run(0);
	assert_int_equal(slept_for.tv_sec, s);
	assert_int_equal(slept_for.tv_nsec, ns);
}

/* The socket is none, so that the kernel takes nothing however often it is called. */
static void what_the_driver_did_not_take_is_tried_again_soon(void **unused)
{
	(void)unused;
	push_one();
	assert_sleeps_for(0, 50000);
	assert_int_equal(tx.producer, 1);
	assert_sleeps_for(0, 50000);
	tx.consumer = 1;
	assert_sleeps_for(1, 0);
}

/* Another packet of its may be for a queue that takes it. */
static void the_host_is_heard_meanwhile(void **unused)
{
	(void)unused;
	push_one();
	run(0);
	assert_int_equal(slept_on, 2);
	queue.port.host.reads = queue.port.express.reads = true;
	run(0);
	assert_int_equal(slept_on, 4);
	queue.port.host.reads = queue.port.express.reads = false;
}

/* With zero-copy it does so when it comes to it, and says that it need not be called. */
static void a_nic_that_takes_by_itself_is_left_alone(void **unused)
{
	(void)unused;
	push_one();
	tx.flags = 0;
	assert_sleeps_for(1, 0);
}

static void a_nic_that_takes_nothing_for_long_is_asked_seldom(void **unused)
{
	(void)unused;
	push_one();
	assert_sleeps_for(0, 50000);
	queue.port.q.full_since -= 1100000000;
	assert_sleeps_for(1, 0);
	/* It is back: one is sent, and the next one not yet. */
	tx.consumer = completed.producer = 1;
	assert_true(xdp_queue_push(&queue.port.q, umem_take(&queue.port.q.umem), 64));
	assert_sleeps_for(0, 50000);
}

/* ---- queues that are taken away ---- */

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

static void the_rest_of_a_datagram_is_waited_for(void **unused)
{
	struct lane_order order;
	struct lane *l = &lanes.lane[0];

	(void)unused;
	take_away(&order, true);
	begin_datagram(&queue, IP_MF);
	TAILQ_FIRST(&queue.port.fragments->reassembler.ages)->began -= 100000000;
	l->order = &order;
	run(0);
	assert_non_null(l->order);
	l->settling -= 600000000;
	run(0);
	assert_null(l->order);
}

/* Which may have been overtaken. Without it anybody can send the others, to hold up who takes this worker's place. */
static void a_first_fragment_is_not_waited_for_long(void **unused)
{
	struct lane_order order;
	struct lane *l = &lanes.lane[0];

	(void)unused;
	take_away(&order, true);
	begin_datagram(&queue, 8);
	l->order = &order;
	run(0);
	assert_non_null(l->order);
	TAILQ_FIRST(&queue.port.fragments->reassembler.ages)->began -= 100000000;
	run(0);
	assert_null(l->order);
	assert_int_equal(counted(&lanes, REASON_FRAG_TIMEOUT), 1);
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

/* Nobody waits, and what waited for its key is counted. */
static void what_a_queue_held_is_counted(void **unused)
{
	const struct xdp_desc early = {.addr = umem_take(&queue.port.q.umem)};
	const uint32_t free_frames = queue.port.q.umem.free_count;
	struct lane_order order;
	struct lane *l = &lanes.lane[0];

	(void)unused;
	take_away(&order, false);
	assert_true(park_add(&queue.port.in->park, 7, 1, &early, maps_now()));
	l->order = &order;
	run(0);
	assert_null(l->order);
	assert_int_equal(counted(&lanes, REASON_NO_SA), 1);
	assert_int_equal(queue.port.q.umem.free_count, free_frames + 1);
}

/* Since it was asked last, which it is once a second. */
static void what_the_rings_lost_is_counted(void **unused)
{
	struct lane_order order;

	(void)unused;
	take_away(&order, false);
	lost = 5;
	loop_obey(&lanes.lane[0], &order);
	assert_int_equal(counted(&lanes, REASON_RX_FULL), 5);
	lost = 0;
}

/* More than one batch of what no lane has looked at yet. */
static void what_has_come_is_counted(void **unused)
{
	struct lane_order order;

	(void)unused;
	take_away(&order, false);
	come(100);
	loop_obey(&lanes.lane[0], &order);
	assert_int_equal(counted(&lanes, REASON_NO_WORKER), 100);
	assert_int_equal(queue.rx.consumer, 100);
}

/* Another worker goes on with what is in the rings. */
static void what_has_come_stays_for_the_next_worker(void **unused)
{
	struct lane_order order;

	(void)unused;
	take_away(&order, true);
	come(3);
	loop_obey(&lanes.lane[0], &order);
	assert_int_equal(counted(&lanes, REASON_NO_WORKER), 0);
	assert_int_equal(queue.rx.consumer, 0);
}

/* By then no NIC is there for it. */
static void what_others_handed_over_is_counted_at_the_end(void **unused)
{
	struct lane *l = &lanes.lane[0];
	const struct handoff_item item = {.port = PORT + 1, .l2 = ETH_LEN, .len = 64};
	const uint8_t frame[64] = {0};

	(void)unused;
	for (uint32_t i = 0; i < 100; i++)
		assert_true(handoff_put(&l->handoffs[1], &item, frame));
	l->handed = 1;
	stop = true;
	loop_run(l, &stop);
	assert_int_equal(counted(&lanes, REASON_NO_WORKER), 100);
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
		cmocka_unit_test_setup_teardown(what_the_driver_did_not_take_is_tried_again_soon, open_queue,
						close_queue),
		cmocka_unit_test_setup_teardown(the_host_is_heard_meanwhile, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(a_nic_that_takes_by_itself_is_left_alone, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(a_nic_that_takes_nothing_for_long_is_asked_seldom, open_queue,
						close_queue),
		cmocka_unit_test_setup_teardown(a_queue_is_given_up_when_nothing_is_half_done, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(the_rest_of_a_datagram_is_waited_for, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(a_first_fragment_is_not_waited_for_long, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(a_queue_is_given_up_in_any_case, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(what_a_queue_held_is_counted, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(what_the_rings_lost_is_counted, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(what_has_come_is_counted, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(what_has_come_stays_for_the_next_worker, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(what_others_handed_over_is_counted_at_the_end, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(without_queues_no_turn_is_taken, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(nobody_is_called_without_busy_polling, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(the_driver_is_called_while_there_is_traffic, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(nobody_is_called_in_silence, open_queue, close_queue),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
