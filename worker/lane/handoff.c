/* SPDX-License-Identifier: BSD-2-Clause */
#include "handoff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An entry: the item, the frame, and what makes it a multiple of that. One that would pass the end of the ring begins
 * anew at its beginning; what it leaves is an entry without a frame, of which `len` says how much to skip. */
#define ALIGN 32
#define SKIP  UINT32_MAX
_Static_assert(sizeof(struct handoff_item) <= ALIGN, "an item fits where any entry fits");

uint32_t handoff_size(uint32_t lanes)
{
	uint32_t size = HANDOFF_SIZE_MAX;

	while (size > HANDOFF_SIZE_MIN && (uint64_t)size * (lanes - 1) > HANDOFF_SIZE_MAX)
		size /= 2;
	return size;
}

static uint32_t size_of(uint32_t len)
{
	return (ALIGN + len + ALIGN - 1) & ~(uint32_t)(ALIGN - 1);
}

static uint8_t *at(const struct handoff *h, uint32_t position)
{
	return h->bytes + (position & (h->size - 1));
}

int handoff_init(struct handoff *h, uint32_t size)
{
	*h = (struct handoff){.bytes = aligned_alloc(ALIGN, size), .size = size};
	return h->bytes ? 0 : -ENOMEM;
}

bool handoff_put(struct handoff *h, const struct handoff_item *item, const uint8_t *frame)
{
	const uint32_t head = __atomic_load_n(&h->head, __ATOMIC_ACQUIRE), size = size_of(item->len);
	const uint32_t left = h->size - (h->tail & (h->size - 1)), skip = left < size ? left : 0;
	uint8_t *to;

	if (item->len > h->size - ALIGN || h->size - (h->tail - head) < skip + size)
		return false;
	if (skip) {
		const struct handoff_item gap = {.port = SKIP, .len = skip};

		memcpy(at(h, h->tail), &gap, sizeof(gap));
	}
	to = at(h, h->tail + skip);
	memcpy(to, item, sizeof(*item));
	memcpy(to + ALIGN, frame, item->len);
	__atomic_store_n(&h->tail, h->tail + skip + size, __ATOMIC_RELEASE);
	return true;
}

/* Where the oldest entry with a frame is. False: there is none. */
static bool oldest(const struct handoff *h, struct handoff_item *item, uint32_t *position)
{
	if (h->head == __atomic_load_n(&h->tail, __ATOMIC_ACQUIRE))
		return false;
	*position = h->head;
	memcpy(item, at(h, *position), sizeof(*item));
	if (item->port == SKIP) {
		*position += item->len;
		memcpy(item, at(h, *position), sizeof(*item));
	}
	return true;
}

bool handoff_look(const struct handoff *h, struct handoff_item *item, uint8_t **frame)
{
	uint32_t position;

	if (!oldest(h, item, &position))
		return false;
	*frame = at(h, position) + ALIGN;
	return true;
}

void handoff_next(struct handoff *h)
{
	struct handoff_item item;
	uint32_t position;

	if (oldest(h, &item, &position))
		__atomic_store_n(&h->head, position + size_of(item.len), __ATOMIC_RELEASE);
}
