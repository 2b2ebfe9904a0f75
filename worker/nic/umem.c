/* SPDX-License-Identifier: BSD-2-Clause */
#include "umem.h"

static void choose_sizes(struct umem *u, uint32_t mtu)
{
	u->frame_size = packet_frame_size(mtu);
	u->mtu_max = u->frame_size == FRAME_SIZE_MIN ? FRAME_SIZE_MIN - FRAME_EXTRA : PORT_MTU_FRAME;
	u->jumbo = mtu > PORT_MTU_FRAME;
	if (u->jumbo)
		u->mtu_max = PORT_MTU_MAX;
}

/* The arrays are one behind the other in the book. */
static void find_arrays(struct umem *u, const struct umem_place *place)
{
	const uint32_t spans = packet_spans(place->ring);

	*u = (struct umem){.area = place->area, .book = place->book};
	choose_sizes(u, place->mtu);
	u->size = packet_memory(place->ring, place->mtu);
	u->spans_at = u->jumbo ? u->size - (uint64_t)spans * SPAN_SIZE : u->size;
	u->free_frames = (uint64_t *)place->book->free;
	u->free_spans = (uint32_t *)(u->free_frames + packet_frames(place->ring));
	u->spans = (struct span *)(u->free_spans + spans);
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

void umem_create(struct umem *u, const struct umem_place *place)
{
	find_arrays(u, place);
	*place->book = (struct packet_book){.ring = place->ring, .mtu = place->mtu};
	for (uint32_t i = u->jumbo ? packet_spans(place->ring) : 0; i-- > 0;) {
		u->spans[i].descriptors = 0;
		u->free_spans[u->free_span_count++] = i;
	}
	for (uint64_t addr = u->spans_at; addr > 0; addr -= u->frame_size)
		umem_give(u, addr - u->frame_size);
}

/* ---- from one worker to the next ---- */

/* A book may be of anybody who has the file: a frame is taken for one only if it is. */
static bool is_sound(const struct umem *u, const struct umem_place *place)
{
	const struct packet_book *book = place->book;
	const uint32_t spans = u->jumbo ? packet_spans(place->ring) : 0;

	if (book->left != PACKET_BOOK_LEFT || book->ring != place->ring || book->mtu != place->mtu ||
	    book->free_frames > u->spans_at / u->frame_size || book->free_spans > spans ||
	    book->outstanding > place->ring)
		return false;
	for (uint32_t i = 0; i < book->free_frames; i++)
		if (u->free_frames[i] >= u->spans_at || u->free_frames[i] % u->frame_size)
			return false;
	for (uint32_t i = 0; i < book->free_spans; i++)
		if (u->free_spans[i] >= spans)
			return false;
	return true;
}

bool umem_resume(struct umem *u, const struct umem_place *place, uint32_t *outstanding)
{
	find_arrays(u, place);
	if (!is_sound(u, place))
		return false;
	u->free_count = place->book->free_frames;
	u->free_span_count = place->book->free_spans;
	*outstanding = place->book->outstanding;
	/* Of no use from the first frame on that is taken. */
	place->book->left = 0;
	return true;
}

void umem_leave(const struct umem *u, uint32_t outstanding)
{
	struct packet_book *book = u->book;

	book->free_frames = u->free_count;
	book->free_spans = u->free_span_count;
	book->outstanding = outstanding;
	book->left = PACKET_BOOK_LEFT;
}
