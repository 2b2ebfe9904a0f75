/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading many frames of the host with one system call, by an io_uring that can
 * do nothing else: it is restricted to reads before it is enabled.
 *
 *   | room | virtio header | frame, up to 64 KiB ... | tail |   HOST_RING_FRAMES times
 */
#ifndef WORKER_HOST_RING_H
#define WORKER_HOST_RING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Frames a call may bring. A read that finds nothing costs a tenth of one that does,
 * and what a system call costs is shared by so many; more would only fill the cache.
 */
#define HOST_RING_FRAMES 32

struct host_ring {
	int fd;
	bool batches; /* the kernel lets us have an io_uring, and took all we asked of it */
	struct io_uring ring;
	uint8_t *area;
	uint32_t lengths[HOST_RING_FRAMES]; /* of virtio header and frame, as the last call read them; 0: none */
};

/* Makes the buffers, and the ring for the TAP; without one, frames are read one by one. 0 or -ENOMEM. */
int host_ring_open(struct host_ring *r, int fd);

void host_ring_close(struct host_ring *r);

/* Where frame i is read to, its virtio header in front: HOST_FRAME_MAX bytes with HOST_TAIL behind them. */
uint8_t *host_ring_frame(const struct host_ring *r, uint32_t i);

/*
 * Reads up to n frames (1 ... HOST_RING_FRAMES), in order: lengths tells which there were. What came while they were
 * read may follow a gap. The frames of the last call are gone.
 */
void host_ring_read(struct host_ring *r, uint32_t n);

#endif
