/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How captured packets get from the worker to who looks at them: a ring for each lane, in memory that both have mapped.
 *
 *   wants | ring of lane 0 | ring of lane 1 | ...            ring: head, lost | tail | records, each behind the other
 *
 * The lane writes and never waits: what there is no room for it counts. A worker that is killed leaves a ring of whole
 * records behind, and the next one goes on where they end. The reader takes nothing of it for granted, since the worker
 * is a process that reads the network.
 */
#ifndef MAPS_CAPTURE_RING_H
#define MAPS_CAPTURE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "layout.h"

/* With half of it a reader that does not get the CPU for three milliseconds misses packets at 10 Gbit/s. Memory is
 * taken as it is written to. */
#define CAPTURE_RING_SIZE (8u << 20)

/* What is to be captured, written before the worker hears of it. */
struct capture_wants {
	uint32_t points; /* a bit for each enum capture_point */
	uint32_t drops;	 /* not 0: only what is dropped */
	uint32_t begun;	 /* the worker's: all lanes capture */
	uint8_t reserved[4084];
};

struct capture_ring {
	/* the lane's */
	uint64_t head; /* bytes written, in all */
	uint64_t lost[CAPTURE_POINTS];
	uint8_t reserved1[40];
	/* the reader's */
	uint64_t tail;
	uint8_t reserved2[4024];
	uint8_t bytes[CAPTURE_RING_SIZE];
};
_Static_assert(sizeof(struct capture_ring) % 4096 == 0, "rings are whole pages");

struct capture_memory {
	struct capture_wants wants;
	struct capture_ring rings[LANES_MAX];
};

/* Bytes of the memory for so many lanes, which is where it begins. */
static inline size_t capture_memory_size(uint32_t lanes)
{
	return sizeof(struct capture_wants) + lanes * sizeof(struct capture_ring);
}

/* What a record with so many bytes of frame takes of a ring. */
static inline uint64_t capture_record_size(uint32_t caplen)
{
	const uint64_t unit = sizeof(struct capture_record);

	return (unit + caplen + unit - 1) / unit * unit;
}

/* Memory for all lanes there can be, whose size nobody can change. A descriptor, or -errno. */
int capture_memory_make(const struct capture_wants *wants);

/* Maps the memory for so many lanes. NULL: errno says why. */
struct capture_memory *capture_memory_map(int fd, uint32_t lanes);

void capture_memory_unmap(struct capture_memory *memory, uint32_t lanes);

/* Copies n bytes into or out of a ring, which goes round, at so many bytes from the beginning of all. */
void capture_ring_write(struct capture_ring *ring, uint64_t at, const void *from, size_t n);
void capture_ring_read(const struct capture_ring *ring, uint64_t at, void *to, size_t n);

/*
 * Takes the next record, and its frame into `frame`, which has room for `room` bytes; a longer one is cut. False: there
 * is none now. -EBADMSG in *err: what is in the ring is no record; what was there is passed over.
 */
bool capture_ring_take(struct capture_ring *ring, struct capture_record *record, uint8_t *frame, uint32_t room,
		       int *err);

#endif
