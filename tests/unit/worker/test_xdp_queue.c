/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/nic/xdp_queue.c: how a queue begins, with a kernel and a zero-copy driver that are played; and one of which
 * nothing is sent any more. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <unistd.h>

#include "memory_ring.h"
#include "nic/xdp_queue.h"
#include "packet_files.h"

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

/* ---- how it begins ---- */

#define FRAMES_HAD 64
#define JUMBO_MTU  9000

/* The kernel's ends, and what the driver does when it is called. */
static struct {
	struct memory_ring fill, comp, rx, tx;
	struct xdp_desc rx_descs[RING_SIZE], tx_descs[RING_SIZE];
	uint64_t fill_addrs[RING_SIZE], comp_addrs[RING_SIZE];
	uint32_t takes;	   /* frames to receive into, at most */
	bool completes;	   /* what it is to send */
	bool copies;	   /* for want of zero-copy */
	unsigned busy;	   /* so often the queue is another's still */
	uint32_t at_bind;  /* frames in the fill ring when the socket was bound */
	unsigned no_room;  /* so many calls to send end with ENOBUFS, each after one packet */
	unsigned asked;	   /* calls that say that there are frames */
	uint8_t frame[64]; /* the first that was sent */
} nic;

int __wrap_xsk_register(int fd, void *area, size_t size, uint32_t frame_size);
int __wrap_xsk_make_rings(int fd, uint32_t size);
int __wrap_xsk_map_rings(int fd, uint32_t size, struct xsk_rings *rings);
void __wrap_xsk_unmap_rings(struct xsk_rings *rings);
int __wrap_xsk_bind(int fd, uint32_t ifindex, uint32_t queue, uint16_t flags);
bool __wrap_xsk_is_zero_copy(int fd);
bool __wrap_xsk_wake_to_send(int fd);
void __wrap_xsk_wake_to_receive(int fd);

static uint8_t *area;
static size_t area_size;

int __wrap_xsk_register(int fd, void *at, size_t size, uint32_t frame_size)
{
	(void)fd;
	(void)frame_size;
	area = at;
	area_size = size;
	return 0;
}

int __wrap_xsk_make_rings(int fd, uint32_t size)
{
	(void)fd;
	assert_int_equal(size, RING_SIZE);
	return 0;
}

int __wrap_xsk_map_rings(int fd, uint32_t size, struct xsk_rings *rings)
{
	(void)fd;
	*rings = (struct xsk_rings){
		.fill = RING_PROD(&nic.fill, nic.fill_addrs, size),
		.comp = RING_CONS(&nic.comp, nic.comp_addrs, size),
		.rx = RING_CONS(&nic.rx, nic.rx_descs, size),
		.tx = RING_PROD(&nic.tx, nic.tx_descs, size),
	};
	return 0;
}

void __wrap_xsk_unmap_rings(struct xsk_rings *rings)
{
	memset(rings, 0, sizeof(*rings));
}

static void take_frames(void)
{
	for (; nic.takes && nic.fill.consumer != nic.fill.producer; nic.takes--)
		nic.fill.consumer++;
}

/* Those that look once look now. */
int __wrap_xsk_bind(int fd, uint32_t ifindex, uint32_t queue, uint16_t flags)
{
	(void)fd;
	(void)ifindex;
	(void)queue;
	(void)flags;
	if (nic.busy && nic.busy--)
		return -EBUSY;
	nic.at_bind = nic.fill.producer - nic.fill.consumer;
	take_frames();
	nic.tx.flags = XDP_RING_NEED_WAKEUP;
	return 0;
}

bool __wrap_xsk_is_zero_copy(int fd)
{
	(void)fd;
	return !nic.copies;
}

static void send_one(void)
{
	const uint64_t addr = nic.tx_descs[nic.tx.consumer++ % RING_SIZE].addr;

	assert_true(addr < area_size);
	memcpy(nic.frame, area + addr, sizeof(nic.frame));
	nic.comp_addrs[nic.comp.producer++ % RING_SIZE] = addr;
}

bool __wrap_xsk_wake_to_send(int fd)
{
	(void)fd;
	while (nic.completes && nic.tx.consumer != nic.tx.producer) {
		send_one();
		if (nic.no_room && nic.no_room--)
			return false;
	}
	return true;
}

void __wrap_xsk_wake_to_receive(int fd)
{
	(void)fd;
	nic.asked++;
}

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

/* A queue of a NIC that does this much. */
struct beginning {
	struct packet_file memory;
	struct xdp_queue q;
};

static void begin(struct beginning *b, uint32_t mtu)
{
	struct xdp_queue_place at = {.nic = "nic0", .ifindex = 1};

	assert_int_equal(packet_file_map(&b->memory, packet_file_fd(RING_SIZE, mtu), 1, RING_SIZE, mtu, NULL), 0);
	at.memory = packet_file_place(&b->memory, 0);
	assert_int_equal(xdp_queue_open(&b->q, open("/dev/null", O_RDWR | O_CLOEXEC), &at, NULL), 0);
	assert_int_equal(b->q.zero_copy, !nic.copies);
}

static void end(struct beginning *b)
{
	xdp_queue_close(&b->q);
	packet_file_unmap(&b->memory);
}

/* A driver that finds none has nothing to receive into, and some do not look again. */
static void frames_are_there_before_it_is_bound(void **unused)
{
	struct beginning b;

	(void)unused;
	memset(&nic, 0, sizeof(nic));
	nic.busy = 2;
	begin(&b, 1500);
	assert_int_equal(nic.at_bind, RING_SIZE);
	assert_int_equal(nic.asked, 0);
	end(&b);
}

/* It says in the ring that it waits to be called. */
static void a_driver_that_wants_to_be_called_is(void **unused)
{
	struct beginning b;

	(void)unused;
	memset(&nic, 0, sizeof(nic));
	nic.fill.flags = XDP_RING_NEED_WAKEUP;
	begin(&b, 1500);
	assert_true(nic.asked > 0);
	end(&b);
}

static bool moves(uint32_t mtu, uint32_t takes, bool completes)
{
	struct beginning b;
	bool moved;

	memset(&nic, 0, sizeof(nic));
	nic.takes = takes;
	nic.completes = completes;
	begin(&b, mtu);
	moved = xdp_queue_moves(&b.q, mac);
	end(&b);
	return moved;
}

/* What it sends for that is nobody's but its own. */
static void a_driver_that_moves_frames_is_trusted(void **unused)
{
	static const uint8_t type[2] = {0x88, 0xb5};

	(void)unused;
	assert_true(moves(1500, FRAMES_HAD, true));
	assert_memory_equal(nic.frame, mac, 6);
	assert_memory_equal(nic.frame + 6, mac, 6);
	assert_memory_equal(nic.frame + 12, type, sizeof(type));
}

static void one_that_sends_nothing_is_not(void **unused)
{
	(void)unused;
	assert_false(moves(1500, FRAMES_HAD, false));
}

static void nor_one_that_could_receive_nothing(void **unused)
{
	(void)unused;
	assert_false(moves(1500, 0, true));
}

/* Its own ring may have room for all frames that there are. */
static void one_that_takes_all_frames_is_tried_as_well(void **unused)
{
	(void)unused;
	assert_true(moves(JUMBO_MTU, UINT32_MAX, true));
	assert_memory_equal(nic.frame, mac, 6);
	assert_false(moves(JUMBO_MTU, UINT32_MAX, false));
}

/* What is not sent does not come back, and says nothing of the driver. */
static void without_memory_to_send_it_is_enough_to_receive(void **unused)
{
	struct beginning b;

	(void)unused;
	memset(&nic, 0, sizeof(nic));
	nic.takes = FRAMES_HAD;
	begin(&b, JUMBO_MTU);
	b.q.umem.free_span_count = SPANS_FOR_RX;
	assert_true(xdp_queue_moves(&b.q, mac));
	assert_int_equal(nic.tx.producer, 0);
	end(&b);
}

/* ---- a driver whose own ring has room for all frames ---- */

/* How many packets it leaves memory to send for. */
static uint32_t left_by_driver(struct xdp_queue *q)
{
	uint32_t taken;

	do {
		taken = nic.fill.consumer;
		nic.takes = UINT32_MAX;
		take_frames();
		xdp_queue_refill(q);
	} while (nic.fill.consumer != taken);
	return umem_left_to_send(&q->umem);
}

static void send(struct xdp_queue *q, uint32_t n)
{
	while (n--)
		assert_true(xdp_queue_push(q, umem_take_to_send(&q->umem), 60));
	xdp_queue_kick(q);
	xdp_queue_reap(q);
}

static void it_leaves_some_to_send(void **unused)
{
	struct beginning b;
	uint32_t left;

	(void)unused;
	memset(&nic, 0, sizeof(nic));
	nic.completes = true;
	begin(&b, 1500);
	left = left_by_driver(&b.q);
	assert_in_range(left, 64, FRAMES_IN_HAND);
	send(&b.q, left);
	assert_int_equal(left_by_driver(&b.q), left);
	end(&b);
}

/* What is being sent is of what was left. */
static void and_no_more_than_may_be_sent(void **unused)
{
	struct beginning b;

	(void)unused;
	memset(&nic, 0, sizeof(nic));
	nic.copies = true;
	begin(&b, 1500);
	assert_int_equal(left_by_driver(&b.q), b.q.limit);
	send(&b.q, b.q.limit);
	assert_int_equal(left_by_driver(&b.q), 0);
	assert_int_equal(nic.fill.producer + b.q.limit, packet_frames(RING_SIZE));
	end(&b);
}

/* A jumbo NIC's has all, for spans are what is sent from. */
static void but_where_there_are_spans_to_send_it_has_all(void **unused)
{
	struct beginning b;

	(void)unused;
	memset(&nic, 0, sizeof(nic));
	begin(&b, JUMBO_MTU);
	assert_int_equal(left_by_driver(&b.q), packet_spans(RING_SIZE) - SPANS_FOR_RX);
	assert_int_equal(b.q.umem.free_count, 0);
	end(&b);
}

/* ---- a kernel that has no room for more (ENOBUFS) ---- */

#define PUSHED 8

static void push_numbered(struct xdp_queue *q)
{
	for (uint8_t n = 0; n < PUSHED; n++) {
		const uint64_t addr = umem_take_to_send(&q->umem);

		memset(umem_data(&q->umem, addr), n, sizeof(nic.frame));
		assert_true(xdp_queue_push(q, addr, sizeof(nic.frame)));
	}
}

/* Each kick calls it once and lets what is left wait for the next; then all has gone, in its order, and all memory is
 * back. */
static void what_it_has_no_room_for_goes_later(void **unused)
{
	struct beginning b;
	uint32_t left;

	(void)unused;
	memset(&nic, 0, sizeof(nic));
	nic.completes = true;
	begin(&b, 1500);
	left = umem_left_to_send(&b.q.umem);
	push_numbered(&b.q);
	nic.no_room = PUSHED;
	for (uint8_t n = 0; n < PUSHED; n++) {
		assert_int_equal(nic.tx.consumer, n);
		xdp_queue_kick(&b.q);
		xdp_queue_reap(&b.q);
		assert_int_equal(nic.frame[0], n);
		assert_int_equal(b.q.outstanding, PUSHED - 1 - n);
		assert_int_equal(xdp_queue_wants_kick(&b.q), n < PUSHED - 1);
	}
	assert_int_equal(nic.tx.consumer, PUSHED);
	assert_int_equal(umem_left_to_send(&b.q.umem), left);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_there_before_it_is_bound),
		cmocka_unit_test(a_driver_that_wants_to_be_called_is),
		cmocka_unit_test(a_driver_that_moves_frames_is_trusted),
		cmocka_unit_test(one_that_sends_nothing_is_not),
		cmocka_unit_test(nor_one_that_could_receive_nothing),
		cmocka_unit_test(one_that_takes_all_frames_is_tried_as_well),
		cmocka_unit_test(without_memory_to_send_it_is_enough_to_receive),
		cmocka_unit_test(it_leaves_some_to_send),
		cmocka_unit_test(and_no_more_than_may_be_sent),
		cmocka_unit_test(but_where_there_are_spans_to_send_it_has_all),
		cmocka_unit_test(what_it_has_no_room_for_goes_later),
		cmocka_unit_test(stuck_after_a_second_of_nothing),
		cmocka_unit_test(one_packet_is_enough),
		cmocka_unit_test(it_recovers),
	};

	return cmocka_run_group_tests_name("xdp_queue", tests, NULL, NULL);
}
