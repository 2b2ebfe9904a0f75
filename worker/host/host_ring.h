/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading many frames of the host with one system call, by an io_uring. The ring is restricted to reads before it is
 * enabled, for good: an io_uring is outside of the system calls that seccomp looks at.
 *
 *   | room | virtio header | frame, up to 64 KiB ... | tail |   HOST_RING_FRAMES times
 */
#ifndef WORKER_HOST_HOST_RING_H
#define WORKER_HOST_HOST_RING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The most frames that one call reads. Together they share the cost of one system call, and a read that finds nothing
 * costs a tenth of one that finds a frame. With more, frames would leave the cache before they are sealed.
 */
#define HOST_RING_FRAMES 32

/* What a lane reads by, from each of its TAP queues in turn. */
struct host_reader {
	bool batches; /* the kernel lets us have an io_uring, and took all we asked of it */
	struct io_uring ring;
};

struct host_ring {
	int fd;
	struct host_reader *reader;
	uint8_t *area;
	uint32_t lengths[HOST_RING_FRAMES]; /* of virtio header and frame, as the last call read them; 0: none */
};

/* Makes the io_uring; without one, frames are read one by one. Before the lane's system calls are restricted. */
void host_reader_open(struct host_reader *reader);

void host_reader_close(struct host_reader *reader);

/* Makes the buffers for that TAP queue. The reader stays the caller's, and is used by no other thread. 0 or -ENOMEM. */
int host_ring_open(struct host_ring *r, int fd, struct host_reader *reader);

void host_ring_close(struct host_ring *r);

/* Where frame i is read to: HOST_FRAME_MAX bytes, with the virtio header in front of them and HOST_TAIL bytes behind.
 */
uint8_t *host_ring_frame(const struct host_ring *r, uint32_t i);

/*
 * Reads up to n frames (1 ... HOST_RING_FRAMES) in the host's order, over those of the last call. lengths[i] is 0 where
 * read i found no frame; a frame that came during the call may follow such a gap.
 */
void host_ring_read(struct host_ring *r, uint32_t n);

#endif
