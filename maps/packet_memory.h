/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet memory of a NIC: how much its queues take, by which the loader chooses the size of the rings, and the file
 * that it is in. The loader makes the file, so that a worker that takes the place of another finds the packets that are
 * on their way (worker/nic/packet_file.h).
 *
 *   | frames of queue 0 | frames of queue 1 | ...  each from a huge page on | book of queue 0 | book of queue 1 | ...
 *
 *   of a queue:  | fill ring's frames | TX ring's frames | in hand |   frames of 2,048 bytes, or of 4,096 for a large
 * MTU
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
/* Fewer where many queues would take too much, down to these. A jumbo NIC's sends what it has in spans (worker/nic/umem.h),
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

/* A span has room for the largest MTU with Ethernet and two tags and, in front of a received packet, the metadata. */
#define SPAN_FRAMES 3
#define SPAN_SIZE   (SPAN_FRAMES * FRAME_SIZE_MAX)

#define PACKET_HUGE_PAGE ((size_t)2 << 20)

/* What a TAP queue's frames take besides once long ones have come by it: 32 super-packets (worker/host/host_ring.h). */
#define TAP_QUEUE_MEMORY ((size_t)2103296)
/* And what datagrams in fragments take, as far as they are filled: these that a lane keeps of a NIC, and that a TAP
 * queue keeps of the host (worker/packet/reassembly.h). */
#define DATAGRAM_MEMORY ((size_t)65664)
#define DATAGRAMS_IN	256
#define DATAGRAMS_OUT	32

/* Who has which frame of a queue (worker/nic/umem.h). */
struct packet_book {
	__u32 left; /* PACKET_BOOK_LEFT: a worker has let go in good order, and what follows is true */
	__u32 ring;
	__u32 mtu;
	__u32 free_frames;
	__u32 free_spans;
	__u32 outstanding; /* descriptors that the kernel is to send */
	__u64 free[];	   /* frames; behind them the numbers of free spans, and what spans are used by */
};

#define PACKET_BOOK_LEFT (0x78460000u | LAYOUT_VERSION)

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

/* As many spans as packets of three frames fill the TX ring. */
static inline __u32 packet_spans(__u32 ring)
{
	return ring / SPAN_FRAMES;
}

/* From one queue's frames to the next one's; so much is taken of memory, as the kernel gives whole huge pages. */
static inline size_t packet_stride(__u32 ring, __u32 mtu)
{
	return (packet_memory(ring, mtu) + PACKET_HUGE_PAGE - 1) & ~(PACKET_HUGE_PAGE - 1);
}

/* Bytes of a queue's book. */
static inline size_t packet_book_size(__u32 ring)
{
	const size_t spans = packet_spans(ring);

	return (sizeof(struct packet_book) + packet_frames(ring) * sizeof(__u64) + spans * (sizeof(__u32) + 1) + 63) &
	       ~(size_t)63;
}

/* Bytes of the file of a NIC. */
static inline size_t packet_file_size(__u32 queues, __u32 ring, __u32 mtu)
{
	return queues * (packet_stride(ring, mtu) + packet_book_size(ring));
}

/* The largest rings with which so many queues take no more than that many bytes, if any do: else the smallest. */
static inline __u32 packet_ring(__u32 queues, __u32 mtu, size_t most)
{
	const __u32 least = mtu > PORT_MTU_FRAME ? RING_SIZE_MIN_JUMBO : RING_SIZE_MIN;
	__u32 ring = RING_SIZE;

	while (ring > least && queues * packet_stride(ring, mtu) > most)
		ring /= 2;
	return ring;
}

#endif
