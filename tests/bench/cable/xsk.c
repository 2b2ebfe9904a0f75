/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker/nic/xsk.h over an end of the cable. The loader's socket is bound to nothing; XDP finds it in its map, as there
 * has to be one for the gate to hand anything to the worker.
 */
#define _GNU_SOURCE
#include "nic/xsk.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cable.h"
#include "maps/maps.h"
#include "maps/slots.h"
#include "packet/packet.h"
#include "unit/worker/memory_ring.h"

static const struct maps *maps;

/* ---- rings and memory ---- */

/* NULL: it is no end's. */
static struct cable *cable_of(int fd)
{
	for (unsigned i = 0; fd >= 0 && i < cable_count; i++)
		if (__atomic_load_n(&cables[i].socket, __ATOMIC_RELAXED) == fd)
			return &cables[i];
	return NULL;
}

/* Lanes do so at the same time. NULL: none is left. */
static struct cable *claim(int fd)
{
	for (unsigned i = 0; i < cable_count; i++) {
		int nobody = -1;

		if (__atomic_compare_exchange_n(&cables[i].socket, &nobody, fd, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return &cables[i];
	}
	return NULL;
}

/* In place of the worker's own memory comes the end's. */
int xsk_register(int fd, void *area, size_t size, uint32_t frame_size)
{
	const size_t whole = (size + CABLE_HUGE_PAGE - 1) & ~(CABLE_HUGE_PAGE - 1);

	struct cable *cable = claim(fd);

	if (!cable || whole > CABLE_MEMORY)
		return -EINVAL;
	if (mmap(area, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, cable->own_file,
		 (off_t)CABLE_MEMORY_AT) == MAP_FAILED)
		return -errno;
	cable->own->frame_size = frame_size;
	return 0;
}

static void begin(struct cable_ring *r, uint32_t flags)
{
	r->producer = r->consumer = CABLE_FIRST;
	r->flags = flags;
}

int xsk_make_rings(int fd, uint32_t size)
{
	(void)fd;
	return size > RING_SIZE ? -EINVAL : 0;
}

int xsk_map_rings(int fd, uint32_t size, struct xsk_rings *rings)
{
	struct cable_end *own = cable_of(fd)->own;

	memset(rings, 0, sizeof(*rings));
	own->ring_size = size;
	begin(&own->comp, 0);
	begin(&own->rx, 0);
	begin(&own->tx, XDP_RING_NEED_WAKEUP);
	/* Nobody has to be asked to look at it: the other end does, when it has a packet. */
	begin(&own->fill, 0);
	rings->fill = RING_PROD(&own->fill, own->fill.addrs, size);
	rings->comp = RING_CONS(&own->comp, own->comp.addrs, size);
	rings->rx = RING_CONS(&own->rx, own->rx.descs, size);
	rings->tx = RING_PROD(&own->tx, own->tx.descs, size);
	return 0;
}

void xsk_unmap_rings(struct xsk_rings *rings)
{
	for (unsigned i = 0; i < cable_count; i++) {
		if (rings->fill.ring != cables[i].own->fill.addrs)
			continue;
		__atomic_store_n(&cables[i].own->attached, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&cables[i].socket, -1, __ATOMIC_RELEASE);
	}
	memset(rings, 0, sizeof(*rings));
}

int xsk_bind(int fd, uint32_t ifindex, uint32_t queue, uint16_t flags)
{
	(void)ifindex;
	(void)flags;
	cable_of(fd)->own->queue = queue;
	__atomic_store_n(&cable_of(fd)->own->attached, 1, __ATOMIC_RELEASE);
	return 0;
}

/* ---- what takes system calls of a socket ---- */

bool xsk_is_zero_copy(int fd)
{
	(void)fd;
	return true;
}

void xsk_set_send_budget(int fd, uint32_t descriptors)
{
	(void)fd;
	(void)descriptors;
}

bool xsk_wake_to_send(int fd)
{
	cable_carry(cable_of(fd));
	return true;
}

void xsk_wake_to_receive(int fd)
{
	(void)fd;
}

bool xsk_lost(int fd, uint64_t *lost)
{
	*lost = __atomic_load_n(&cable_of(fd)->own->lost, __ATOMIC_RELAXED);
	return true;
}

/* ---- SPIs ---- */

int __real_maps_open(struct maps *m, const char *dir, struct fault *f);
int __wrap_maps_open(struct maps *m, const char *dir, struct fault *f);

int __wrap_maps_open(struct maps *m, const char *dir, struct fault *f)
{
	maps = m;
	return __real_maps_open(m, dir, f);
}

static bool is_inbound_sa(uint32_t slot, uint32_t spi)
{
	const struct sa_state *sa = &maps->sa[slot];

	return slot_in_use(slot_generation(maps->sa, slot)) && sa->direction == SA_INBOUND && sa->spi == spi;
}

/* By one thread, the lane whose queue it is: another's ppoll() has no queue in it. */
static void tell_spi(struct cable_end *own, uint32_t spi)
{
	for (uint32_t slot = 0; slot < maps->slots && own->spi_count < CABLE_SPIS; slot++) {
		if (!is_inbound_sa(slot, spi))
			continue;
		own->spis[own->spi_count] = (struct cable_spi){
			.spi = spi,
			.meta = {.slot = slot, .l3_offset = ETH_LEN, .generation = maps->sa[slot].generation},
		};
		__atomic_store_n(&own->spi_count, own->spi_count + 1, __ATOMIC_RELEASE);
		return;
	}
}

/* ---- sleeping ---- */

/* By either name: the second is _FORTIFY_SOURCE's. */
int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t size);

/* A lane has one queue of the cable at most: there are no more than lanes. */
static struct pollfd *find_queue(struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		if (cable_of(fds[i].fd))
			return &fds[i];
	return NULL;
}

static bool has_received(const struct cable_end *own)
{
	return __atomic_load_n(&own->rx.producer, __ATOMIC_ACQUIRE) != own->rx.consumer;
}

/* Sleeps on the FIFO in the socket's place, unless packets came meanwhile. */
static int sleep_until_woken(struct pollfd *queue, struct pollfd *fds, nfds_t n, const struct timespec *timeout,
			     const sigset_t *mask)
{
	static const struct timespec at_once;
	const struct cable *cable = cable_of(queue->fd);
	struct cable_end *own = cable->own;
	const int socket = queue->fd;
	char woken[64];
	int ready;

	queue->fd = cable->own_wake;
	__atomic_store_n(&own->sleeps, 1, __ATOMIC_SEQ_CST);
	ready = __real_ppoll(fds, n, has_received(own) ? &at_once : timeout, mask);
	__atomic_store_n(&own->sleeps, 0, __ATOMIC_SEQ_CST);
	queue->fd = socket;
	if (queue->revents && read(cable->own_wake, woken, sizeof(woken)) < 0)
		queue->revents = 0;
	return ready;
}

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	struct pollfd *queue = find_queue(fds, n);
	struct cable_end *own;
	uint32_t spi;

	if (!queue)
		return __real_ppoll(fds, n, timeout, mask);
	own = cable_of(queue->fd)->own;
	spi = __atomic_exchange_n(&own->wanted_spi, 0, __ATOMIC_ACQ_REL);
	if (spi)
		tell_spi(own, spi);
	return sleep_until_woken(queue, fds, n, timeout, mask);
}

int __wrap___ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t size)
{
	(void)size;
	return __wrap_ppoll(fds, n, timeout, mask);
}
