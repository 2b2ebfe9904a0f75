/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "xdp_queue.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * In copy mode a frame completes when its receiver has consumed it, so what is
 * outstanding sits in the driver's queue. A veth's is 256 long and drops beyond.
 * 64 frames stay in the cache: small datagrams gained an eighth over 200, and TCP
 * lost nothing. Much less, and a NIC that completes late runs dry.
 */
#define COPY_OUTSTANDING 64
/*
 * Frames that reception leaves for sending, of those that sending has room for: a driver whose own ring is large takes
 * all others, and gives none back before something comes. As many full packets take 120 us at 25 Gbit/s. With much
 * fewer the link waits for the NIC to complete them; more are missing in the driver's ring. With those that are being
 * sent they are never more than the TX ring has entries: reception has at least what it has beside a full one.
 */
#define FRAMES_TO_SEND (FRAMES_IN_HAND / 2)
/* The kernel lets go of a queue up to a second after its socket is closed. */
#define BIND_RETRIES  100
#define BIND_PAUSE_NS (20 * 1000 * 1000)
/* Longer than a slow link takes for a packet; a second's wait is what a queue that is gone costs the others. */
#define STUCK_NS 1000000000ULL
/* What tries a queue: so long a frame, waited for by so many pauses. */
#define TEST_FRAME     60
#define TEST_ETHERTYPE 0x88b5
#define TEST_TRIES     200
#define TEST_PAUSE_NS  (5 * 1000 * 1000)
/* How often one kick calls the kernel: 32 descriptors a call in copy mode (6.17 and later take a budget). */
#define KICKS_MAX (COPY_OUTSTANDING / 32 + 1)

static uint16_t bind_flags(const struct xdp_queue *q, const struct xdp_queue_place *at)
{
	return (uint16_t)(XDP_USE_NEED_WAKEUP | (at->copy ? XDP_COPY : 0) | (q->umem.jumbo ? XDP_USE_SG : 0));
}

static int bind_with_patience(struct xdp_queue *q, const struct xdp_queue_place *at)
{
	const struct timespec pause = {.tv_nsec = BIND_PAUSE_NS};
	int err = 0;

	for (int i = 0; i < BIND_RETRIES; i++) {
		err = xsk_bind(q->fd, at->ifindex, at->queue, bind_flags(q, at));
		if (err != -EBUSY)
			break;
		nanosleep(&pause, NULL);
	}
	return err;
}

static const char *remedy(int err)
{
	if (err == ENOBUFS)
		return ": packet memory cannot be locked: raise 'ulimit -l', or run with CAP_IPC_LOCK";
	return err == EBUSY ? ": another program receives from this queue" : "";
}

static void tune_socket(struct xdp_queue *q)
{
	q->zero_copy = xsk_is_zero_copy(q->fd);
	q->limit = q->zero_copy ? q->rings.tx.size : COPY_OUTSTANDING;
	xsk_set_send_budget(q->fd, q->rings.tx.size);
}

static int begin(struct xdp_queue *q, const struct xdp_queue_place *at)
{
	int err = xsk_register(q->fd, q->umem.area, q->umem.size, q->umem.frame_size);

	if (!err)
		err = xsk_make_rings(q->fd, at->memory.ring);
	if (!err)
		err = xsk_map_rings(q->fd, at->memory.ring, &q->rings);
	if (err)
		return err;
	/* Some drivers look for frames once, when the socket is bound, and stand still without any. */
	xdp_queue_refill(q);
	return bind_with_patience(q, at);
}

/* The kernel had nobody to tell what was refilled before, and what was left behind may have run dry. */
static void receive_from_now_on(struct xdp_queue *q)
{
	xdp_queue_refill(q);
	if (xsk_ring_prod__needs_wakeup(&q->rings.fill))
		xsk_wake_to_receive(q->fd);
}

/* Ends with a queue, or without and with the socket closed. */
static int settle(struct xdp_queue *q, const struct xdp_queue_place *at, int err, struct fault *f)
{
	if (err) {
		fault(f, -err, "%s: AF_XDP socket on queue %u: %s%s", at->nic, at->queue, strerror(-err), remedy(-err));
		xdp_queue_close(q);
		return err;
	}
	tune_socket(q);
	receive_from_now_on(q);
	return 0;
}

int xdp_queue_open(struct xdp_queue *q, int fd, const struct xdp_queue_place *at, struct fault *f)
{
	memset(q, 0, sizeof(*q));
	q->fd = fd;
	umem_create(&q->umem, &at->memory);
	return settle(q, at, begin(q, at), f);
}

int xdp_queue_resume(struct xdp_queue *q, int fd, const struct xdp_queue_place *at, struct fault *f)
{
	memset(q, 0, sizeof(*q));
	q->fd = fd;
	if (!umem_resume(&q->umem, &at->memory, &q->outstanding))
		return settle(q, at, -ESTALE, f);
	xsk_lost(fd, &q->lost);
	return settle(q, at, xsk_map_rings(fd, at->memory.ring, &q->rings), f);
}

void xdp_queue_leave(struct xdp_queue *q)
{
	xdp_queue_reap(q);
	xdp_queue_kick(q);
	umem_leave(&q->umem, q->outstanding);
	xdp_queue_close(q);
}

/* None where there is no memory to send: that is no fault of the driver's. */
static void send_test_frame(struct xdp_queue *q, const uint8_t mac[6])
{
	const uint64_t addr = umem_take_to_send(&q->umem);
	uint8_t *frame;

	if (addr == UINT64_MAX)
		return;
	frame = umem_data(&q->umem, addr);
	memset(frame, 0, TEST_FRAME);
	memcpy(frame, mac, 6);
	memcpy(frame + 6, mac, 6);
	frame[12] = TEST_ETHERTYPE >> 8;
	frame[13] = TEST_ETHERTYPE & 0xff;
	xdp_queue_push(q, addr, TEST_FRAME);
	xdp_queue_kick(q);
}

bool xdp_queue_moves(struct xdp_queue *q, const uint8_t mac[6])
{
	const struct timespec pause = {.tv_nsec = TEST_PAUSE_NS};

	send_test_frame(q, mac);
	for (int i = 0; i < TEST_TRIES; i++) {
		xdp_queue_reap(q);
		if (!q->outstanding && __atomic_load_n(q->rings.fill.consumer, __ATOMIC_ACQUIRE))
			return true;
		xdp_queue_kick(q);
		nanosleep(&pause, NULL);
	}
	return false;
}

void xdp_queue_close(struct xdp_queue *q)
{
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
	xsk_unmap_rings(&q->rings);
}

/* How many of n descriptors make whole packets: the rest of the last one may be behind them. All, if one fills the
 * batch. */
static __attribute__((cold, noinline)) uint32_t whole_packets(const struct xdp_desc *descs, uint32_t n, uint32_t max)
{
	uint32_t whole = n;

	while (whole && !xdp_queue_is_last(&descs[whole - 1]))
		whole--;
	return whole == 0 && n == max ? n : whole;
}

uint32_t xdp_queue_receive(struct xdp_queue *q, struct xdp_desc *descs, uint32_t max)
{
	uint32_t at, n = xsk_ring_cons__peek(&q->rings.rx, max, &at), whole;

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		descs[i] = *xsk_ring_cons__rx_desc(&q->rings.rx, at + i);
	whole = q->umem.jumbo ? whole_packets(descs, n, max) : n;
	if (whole < n)
		xsk_ring_cons__cancel(&q->rings.rx, n - whole);
	if (whole)
		xsk_ring_cons__release(&q->rings.rx, whole);
	return whole;
}

bool xdp_queue_is_last(const struct xdp_desc *desc)
{
	return !(desc->options & XDP_PKT_CONTD);
}

/* Frames of the pool that may be received into. A jumbo NIC's are for nothing else: it sends from spans. */
static uint32_t to_receive_into(const struct xdp_queue *q)
{
	const uint32_t room = xdp_queue_room(q), kept = room < FRAMES_TO_SEND ? room : FRAMES_TO_SEND;

	if (q->umem.jumbo)
		return q->umem.free_count;
	return q->umem.free_count > kept ? q->umem.free_count - kept : 0;
}

void xdp_queue_refill(struct xdp_queue *q)
{
	const uint32_t spare = to_receive_into(q);
	uint32_t at, n = xsk_prod_nb_free(&q->rings.fill, q->rings.fill.size);

	if (n > spare)
		n = spare;
	if (n == 0 || xsk_ring_prod__reserve(&q->rings.fill, n, &at) != n)
		return;
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&q->rings.fill, at + i) = umem_take(&q->umem);
	xsk_ring_prod__submit(&q->rings.fill, n);
	if (xsk_ring_prod__needs_wakeup(&q->rings.fill))
		xsk_wake_to_receive(q->fd);
}

void xdp_queue_poll(struct xdp_queue *q)
{
	xsk_wake_to_receive(q->fd);
}

void xdp_queue_reap(struct xdp_queue *q)
{
	uint32_t at, n = q->outstanding ? xsk_ring_cons__peek(&q->rings.comp, q->rings.comp.size, &at) : 0;

	for (uint32_t i = 0; i < n; i++)
		umem_give(&q->umem, *xsk_ring_cons__comp_addr(&q->rings.comp, at + i));
	if (n)
		xsk_ring_cons__release(&q->rings.comp, n);
	q->outstanding -= n;
	q->completed += n;
}

bool xdp_queue_is_stuck(struct xdp_queue *q, uint64_t now)
{
	if (!q->full_since || q->full_at != q->completed) {
		q->full_since = now;
		q->full_at = q->completed;
	}
	return now - q->full_since > STUCK_NS;
}

uint64_t xdp_queue_lost(struct xdp_queue *q)
{
	uint64_t before = q->lost;

	return xsk_lost(q->fd, &q->lost) ? q->lost - before : 0;
}

/* A packet that fills more than one frame of a span: as many descriptors, or none. */
static __attribute__((cold, noinline)) bool push_span(struct xdp_queue *q, uint64_t addr, uint32_t len)
{
	const uint32_t size = q->umem.frame_size, n = (len + size - 1) / size;
	uint32_t at;

	if (xsk_ring_prod__reserve(&q->rings.tx, n, &at) != n) {
		umem_give(&q->umem, addr);
		return false;
	}
	umem_split_span(&q->umem, addr, n);
	for (uint32_t i = 0; i < n; i++, addr += size, len -= size)
		*xsk_ring_prod__tx_desc(&q->rings.tx, at + i) = (struct xdp_desc){
			.addr = addr,
			.len = len < size ? len : size,
			.options = i + 1 < n ? XDP_PKT_CONTD : 0,
		};
	q->outstanding += n;
	return true;
}

bool xdp_queue_push(struct xdp_queue *q, uint64_t addr, uint32_t len)
{
	uint32_t at;

	if (len > q->umem.frame_size)
		return push_span(q, addr, len);
	if (xsk_ring_prod__reserve(&q->rings.tx, 1, &at) != 1) {
		umem_give(&q->umem, addr);
		return false;
	}
	*xsk_ring_prod__tx_desc(&q->rings.tx, at) = (struct xdp_desc){.addr = addr, .len = len};
	q->outstanding++;
	return true;
}

int xdp_queue_next_unkicked(const struct xdp_queue *q, uint32_t *at, struct iovec *pieces)
{
	const struct xsk_ring_prod *tx = &q->rings.tx;
	const uint32_t n = xdp_queue_unkicked(q);
	bool last = false;
	int count = 0;

	while (*at < n && !last && count < SPAN_FRAMES) {
		const uint32_t place = (*tx->producer + (*at)++) & tx->mask;
		const struct xdp_desc *desc = &((const struct xdp_desc *)tx->ring)[place];

		pieces[count++] = (struct iovec){umem_data(&q->umem, desc->addr), desc->len};
		last = xdp_queue_is_last(desc);
	}
	return count;
}

/* Frames the kernel has not taken from the TX ring yet. */
static uint32_t waiting(const struct xdp_queue *q)
{
	return q->rings.tx.cached_prod - __atomic_load_n(q->rings.tx.consumer, __ATOMIC_ACQUIRE);
}

void xdp_queue_kick(struct xdp_queue *q)
{
	uint32_t left;

	__atomic_store_n(q->rings.tx.producer, q->rings.tx.cached_prod, __ATOMIC_RELEASE);
	if (!xsk_ring_prod__needs_wakeup(&q->rings.tx))
		return;
	left = waiting(q);
	for (int i = 0; i < KICKS_MAX && left; i++) {
		uint32_t before = left;

		/* The driver is full, and what is left goes with the next kick; never spin here. */
		if (!xsk_wake_to_send(q->fd))
			break;
		left = waiting(q);
		if (left == before)
			break;
	}
}

bool xdp_queue_wants_kick(const struct xdp_queue *q)
{
	return q->outstanding && waiting(q) && xsk_ring_prod__needs_wakeup(&q->rings.tx);
}
