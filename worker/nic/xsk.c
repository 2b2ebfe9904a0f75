/* SPDX-License-Identifier: BSD-2-Clause */
#include "xsk.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* Of Linux 6.17. */
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif

int xsk_register(int fd, void *area, size_t size, uint32_t frame_size)
{
	const struct xdp_umem_reg memory = {.addr = (uintptr_t)area, .len = size, .chunk_size = frame_size};

	return setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &memory, sizeof(memory)) < 0 ? -errno : 0;
}

int xsk_make_rings(int fd, uint32_t size)
{
	static const int rings[] = {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING, XDP_TX_RING};

	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		if (setsockopt(fd, SOL_XDP, rings[i], &size, sizeof(size)) < 0)
			return -errno;
	return 0;
}

/* One ring of n entries of that size, as libxdp's functions for rings want it; NULL: -errno is in errno. */
static uint8_t *map(int fd, const struct xdp_ring_offset *at, size_t entries, off_t page, struct xsk_mapping *m)
{
	m->size = at->desc + entries;
	m->base = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, page);
	if (m->base != MAP_FAILED)
		return m->base;
	m->base = NULL;
	return NULL;
}

static void set_prod(struct xsk_ring_prod *r, uint8_t *base, const struct xdp_ring_offset *at, uint32_t size)
{
	*r = (struct xsk_ring_prod){
		.mask = size - 1,
		.size = size,
		.producer = (uint32_t *)(base + at->producer),
		.consumer = (uint32_t *)(base + at->consumer),
		.flags = (uint32_t *)(base + at->flags),
		.ring = base + at->desc,
	};
	r->cached_prod = *r->producer;
	r->cached_cons = *r->consumer + size;
}

static void set_cons(struct xsk_ring_cons *r, uint8_t *base, const struct xdp_ring_offset *at, uint32_t size)
{
	*r = (struct xsk_ring_cons){
		.mask = size - 1,
		.size = size,
		.producer = (uint32_t *)(base + at->producer),
		.consumer = (uint32_t *)(base + at->consumer),
		.flags = (uint32_t *)(base + at->flags),
		.ring = base + at->desc,
	};
	r->cached_prod = *r->producer;
	r->cached_cons = *r->consumer;
}

static int map_each(int fd, const struct xdp_mmap_offsets *at, uint32_t size, struct xsk_rings *rings)
{
	const size_t addrs = size * sizeof(uint64_t), descs = size * sizeof(struct xdp_desc);
	struct xsk_mapping *m = rings->mappings;
	uint8_t *fill = map(fd, &at->fr, addrs, XDP_UMEM_PGOFF_FILL_RING, &m[0]);
	uint8_t *comp = fill ? map(fd, &at->cr, addrs, XDP_UMEM_PGOFF_COMPLETION_RING, &m[1]) : NULL;
	uint8_t *rx = comp ? map(fd, &at->rx, descs, XDP_PGOFF_RX_RING, &m[2]) : NULL;
	uint8_t *tx = rx ? map(fd, &at->tx, descs, XDP_PGOFF_TX_RING, &m[3]) : NULL;

	if (!tx)
		return -errno;
	set_prod(&rings->fill, fill, &at->fr, size);
	set_cons(&rings->comp, comp, &at->cr, size);
	set_cons(&rings->rx, rx, &at->rx, size);
	set_prod(&rings->tx, tx, &at->tx, size);
	return 0;
}

int xsk_map_rings(int fd, uint32_t size, struct xsk_rings *rings)
{
	struct xdp_mmap_offsets at;
	socklen_t len = sizeof(at);
	int err = 0;

	memset(rings, 0, sizeof(*rings));
	if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &len) < 0)
		err = -errno;
	if (!err)
		err = map_each(fd, &at, size, rings);
	if (err)
		xsk_unmap_rings(rings);
	return err;
}

void xsk_unmap_rings(struct xsk_rings *rings)
{
	for (size_t i = 0; i < sizeof(rings->mappings) / sizeof(rings->mappings[0]); i++)
		if (rings->mappings[i].base)
			munmap(rings->mappings[i].base, rings->mappings[i].size);
	memset(rings, 0, sizeof(*rings));
}

int xsk_bind(int fd, uint32_t ifindex, uint32_t queue, uint16_t flags)
{
	const struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = flags,
		.sxdp_ifindex = ifindex,
		.sxdp_queue_id = queue,
	};

	return bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

bool xsk_is_zero_copy(int fd)
{
	struct xdp_options options = {0};
	socklen_t len = sizeof(options);

	return getsockopt(fd, SOL_XDP, XDP_OPTIONS, &options, &len) == 0 && (options.flags & XDP_OPTIONS_ZEROCOPY);
}

void xsk_set_send_budget(int fd, uint32_t descriptors)
{
	int budget = (int)descriptors;

	setsockopt(fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget, sizeof(budget));
}

bool xsk_wake_to_send(int fd)
{
	return sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 || errno == EAGAIN;
}

void xsk_wake_to_receive(int fd)
{
	recvfrom(fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

bool xsk_lost(int fd, uint64_t *lost)
{
	struct xdp_statistics statistics = {0};
	socklen_t len = sizeof(statistics);

	if (getsockopt(fd, SOL_XDP, XDP_STATISTICS, &statistics, &len) < 0)
		return false;
	*lost = statistics.rx_dropped + statistics.rx_ring_full;
	return true;
}
