/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "umem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What a received frame holds beside the IP packet: XDP_PACKET_HEADROOM, Ethernet, two tags. */
#define FRAME_EXTRA (256 + 14 + 8)

static int register_area(struct umem *u, struct fault *f)
{
	const struct xsk_umem_config config = {
		.fill_size = RING_SIZE,
		.comp_size = RING_SIZE,
		.frame_size = u->frame_size,
		.frame_headroom = 0,
	};
	int err = xsk_umem__create(&u->handle, u->area, u->size, &u->first_fill, &u->first_comp, &config);

	if (err)
		return fault(f, -err, "AF_XDP: %s: is CONFIG_XDP_SOCKETS on, and 'ulimit -l' large enough?", strerror(-err));
	return 0;
}

int umem_create(struct umem *u, uint32_t queues, uint32_t mtu, struct fault *f)
{
	const uint32_t frames = queues * FRAMES_PER_QUEUE;

	memset(u, 0, sizeof(*u));
	u->frame_size = mtu + FRAME_EXTRA <= 2048 ? 2048 : 4096;
	u->size = (size_t)frames * u->frame_size;
	u->free_frames = calloc(frames, sizeof(*u->free_frames));
	u->area = mmap(NULL, u->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!u->free_frames || u->area == MAP_FAILED)
		return fault(f, ENOMEM, "packet memory: %zu bytes: not available", u->size);
	/* Fewer page table walks; where the kernel has no huge page to spare, small ones do. */
	madvise(u->area, u->size, MADV_HUGEPAGE);
	/* What was opened is in here. */
	madvise(u->area, u->size, MADV_DONTDUMP);
	for (uint32_t i = frames; i-- > 0;)
		umem_give(u, (uint64_t)i * u->frame_size);
	return register_area(u, f);
}
