/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings of an AF_XDP socket without a kernel below them: the worker has its end as from libxdp, and the other end is
 * the test's, which counts by itself.
 */
#ifndef TESTS_UNIT_MEMORY_RING_H
#define TESTS_UNIT_MEMORY_RING_H

#include <stdint.h>
#include <xdp/xsk.h>

/* What both ends see of a ring, besides its entries. */
struct memory_ring {
	uint32_t producer, consumer, flags;
};

/* The worker's end of a ring that it fills, of `size` entries, a power of two; from where the counts are now. */
static inline struct xsk_ring_prod ring_prod(uint32_t *producer, uint32_t *consumer, uint32_t *flags, void *entries,
					     uint32_t size)
{
	return (struct xsk_ring_prod){
		.cached_prod = *producer,
		.cached_cons = *consumer + size,
		.mask = size - 1,
		.size = size,
		.producer = producer,
		.consumer = consumer,
		.flags = flags,
		.ring = entries,
	};
}

/* The same of a ring that it empties. */
static inline struct xsk_ring_cons ring_cons(uint32_t *producer, uint32_t *consumer, uint32_t *flags, void *entries,
					     uint32_t size)
{
	return (struct xsk_ring_cons){
		.cached_prod = *producer,
		.cached_cons = *consumer,
		.mask = size - 1,
		.size = size,
		.producer = producer,
		.consumer = consumer,
		.flags = flags,
		.ring = entries,
	};
}

/* Of a struct memory_ring, or of another that has its three words. */
#define RING_PROD(r, entries, size) ring_prod(&(r)->producer, &(r)->consumer, &(r)->flags, entries, size)
#define RING_CONS(r, entries, size) ring_cons(&(r)->producer, &(r)->consumer, &(r)->flags, entries, size)

#endif
