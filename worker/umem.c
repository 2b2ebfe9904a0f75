/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "umem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/privileges.h"
#include "maps/layout.h"

/* What a received frame holds beside the IP packet: XDP_PACKET_HEADROOM, Ethernet, two tags. */
#define FRAME_EXTRA (256 + 14 + 8)
#define HUGE_PAGE   ((size_t)2 << 20)

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
		return fault(
			f, -err, "AF_XDP: %s: %s", strerror(-err),
			err == -ENOBUFS
				? "packet memory cannot be locked: raise 'ulimit -l', or run with CAP_IPC_LOCK"
				: privileges_remedy(-err, "is CONFIG_XDP_SOCKETS on, and 'ulimit -l' large enough?"));
	return 0;
}

static void choose_sizes(struct umem *u, uint32_t mtu)
{
	u->frame_size = mtu + FRAME_EXTRA <= 2048 ? 2048 : FRAME_SIZE_MAX;
	u->mtu_max = u->frame_size == 2048 ? 2048 - FRAME_EXTRA : PORT_MTU_FRAME;
	u->jumbo = mtu > PORT_MTU_FRAME;
	if (u->jumbo)
		u->mtu_max = PORT_MTU_MAX;
}

/* False if there is no memory. */
static bool make_spans(struct umem *u, uint32_t count)
{
	u->spans = calloc(count, sizeof(*u->spans));
	u->free_spans = calloc(count, sizeof(*u->free_spans));
	if (!u->spans || !u->free_spans)
		return false;
	u->spans_at = u->size - (uint64_t)count * SPAN_SIZE;
	for (uint32_t i = count; i-- > 0;)
		u->free_spans[u->free_span_count++] = i;
	return true;
}

static uint32_t span_of(const struct umem *u, uint64_t addr)
{
	return (uint32_t)((addr - u->spans_at) / SPAN_SIZE);
}

uint64_t umem_take_span(struct umem *u, uint32_t spare)
{
	uint32_t i;

	if (u->free_span_count <= spare)
		return UINT64_MAX;
	i = u->free_spans[--u->free_span_count];
	u->spans[i].descriptors = 1;
	return u->spans_at + (uint64_t)i * SPAN_SIZE;
}

void umem_split_span(struct umem *u, uint64_t addr, uint32_t descriptors)
{
	u->spans[span_of(u, addr)].descriptors = (uint8_t)descriptors;
}

void umem_give_span(struct umem *u, uint64_t addr)
{
	uint32_t i = span_of(u, addr);

	if (--u->spans[i].descriptors == 0)
		u->free_spans[u->free_span_count++] = i;
}

/*
 * On huge pages, and the whole of it: with a third on small ones TCP is some 4 % slower. Where the kernel has
 * no huge page to spare, small ones do.
 */
static bool map_area(struct umem *u)
{
	const size_t whole = (u->size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1), mapped = whole + HUGE_PAGE;
	uint8_t *p = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	/* What was opened is in here. */
	madvise(p, mapped, MADV_DONTDUMP);
	u->area = p + (-(uintptr_t)p & (HUGE_PAGE - 1));
	madvise(u->area, whole, MADV_HUGEPAGE);
	return true;
}

int umem_create(struct umem *u, uint32_t queues, uint32_t mtu, struct fault *f)
{
	const uint32_t frames = queues * FRAMES_PER_QUEUE;

	memset(u, 0, sizeof(*u));
	choose_sizes(u, mtu);
	u->size = u->spans_at = (size_t)frames * u->frame_size;
	u->free_frames = calloc(frames, sizeof(*u->free_frames));
	if (!u->free_frames || !map_area(u) || (u->jumbo && !make_spans(u, queues * SPANS_PER_QUEUE)))
		return fault(f, ENOMEM, "packet memory: %zu bytes: not available", u->size);
	for (uint64_t addr = u->spans_at; addr > 0; addr -= u->frame_size)
		umem_give(u, addr - u->frame_size);
	return register_area(u, f);
}
