/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much packet memory a queue takes: the loader chooses the size of the rings by it, and the worker makes it.
 *
 *   | fill ring's frames | TX ring's frames | in hand |        frames of 2,048 bytes, or of 4,096 for a large MTU
 */
#ifndef MAPS_PACKET_MEMORY_H
#define MAPS_PACKET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "layout.h"

/*
 * Entries of each ring. With 1024 they overflow when the scheduler keeps the worker away for a few hundred microseconds
 * at the line rate of 64-byte packets. 4096 brought nothing but cache misses.
 */
#define RING_SIZE 2048
/* Fewer where many queues would take too much, down to these. A jumbo NIC's sends what it has in spans (worker/umem.h),
 * and some of them have to be left to receive into. */
#define RING_SIZE_MIN	    256
#define RING_SIZE_MIN_JUMBO 1024
/* A batch being opened, packets being coalesced. Without these the pool runs dry, and reception stalls until
 * transmission completes. */
#define FRAMES_IN_HAND 512
#define FRAME_SIZE_MIN 2048
#define FRAME_SIZE_MAX 4096
/* What a received frame holds beside the IP packet: XDP_PACKET_HEADROOM, Ethernet, two tags. */
#define FRAME_EXTRA (256 + 14 + 8)

/* Bytes of a frame for packets of that MTU. */
static inline __u32 packet_frame_size(__u32 mtu)
{
	return mtu + FRAME_EXTRA <= FRAME_SIZE_MIN ? FRAME_SIZE_MIN : FRAME_SIZE_MAX;
}

/* Frames of a queue whose rings have that many entries. */
static inline __u32 packet_frames(__u32 ring)
{
	return 2 * ring + FRAMES_IN_HAND;
}

/* Bytes of a queue. */
static inline size_t packet_memory(__u32 ring, __u32 mtu)
{
	return (size_t)packet_frames(ring) * packet_frame_size(mtu);
}

/* The largest rings with which so many queues take no more than that many bytes, if any do: else the smallest. */
static inline __u32 packet_ring(__u32 queues, __u32 mtu, size_t most)
{
	const __u32 least = mtu > PORT_MTU_FRAME ? RING_SIZE_MIN_JUMBO : RING_SIZE_MIN;
	__u32 ring = RING_SIZE;

	while (ring > least && queues * packet_memory(ring, mtu) > most)
		ring /= 2;
	return ring;
}

#endif
