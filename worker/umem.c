/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "umem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "maps/layout.h"

#define HUGE_PAGE ((size_t)2 << 20)

static void choose_sizes(struct umem *u, uint32_t mtu)
{
	u->frame_size = packet_frame_size(mtu);
	u->mtu_max = u->frame_size == FRAME_SIZE_MIN ? FRAME_SIZE_MIN - FRAME_EXTRA : PORT_MTU_FRAME;
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
	u->mapped = p;
	u->mapped_size = mapped;
	madvise(p, mapped, MADV_DONTDUMP);
	u->area = p + (-(uintptr_t)p & (HUGE_PAGE - 1));
	madvise(u->area, whole, MADV_HUGEPAGE);
	return true;
}

int umem_create(struct umem *u, uint32_t ring, uint32_t mtu, struct fault *f)
{
	memset(u, 0, sizeof(*u));
	choose_sizes(u, mtu);
	u->size = u->spans_at = packet_memory(ring, mtu);
	u->free_frames = calloc(packet_frames(ring), sizeof(*u->free_frames));
	/* As many spans as packets of three frames fill the TX ring. */
	if (!u->free_frames || !map_area(u) || (u->jumbo && !make_spans(u, ring / SPAN_FRAMES))) {
		umem_destroy(u);
		return fault(f, ENOMEM, "packet memory: %zu bytes: not available", packet_memory(ring, mtu));
	}
	for (uint64_t addr = u->spans_at; addr > 0; addr -= u->frame_size)
		umem_give(u, addr - u->frame_size);
	return 0;
}

void umem_destroy(struct umem *u)
{
	if (u->mapped)
		munmap(u->mapped, u->mapped_size);
	free(u->free_frames);
	free(u->spans);
	free(u->free_spans);
	u->mapped = NULL;
	u->free_frames = NULL;
	u->spans = NULL;
	u->free_spans = NULL;
}
