/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "host_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "maps/packet_memory.h"
#include "packet/host_frame.h"

/* Frames begin on a cache line, and no two of them on the same cache sets. */
#define LINE	    64
#define STRIDE	    ((LINE + HOST_FRAME_MAX + HOST_TAIL + 2 * LINE - 1) / LINE * LINE)
#define AREA_SIZE   ((size_t)STRIDE * HOST_RING_FRAMES)
#define HEADER_SIZE sizeof(struct virtio_net_hdr)
#define BUFFER_SIZE (HEADER_SIZE + HOST_FRAME_MAX)
_Static_assert(AREA_SIZE == TAP_QUEUE_MEMORY, "'check' says how much it is");
_Static_assert(STRIDE % 4096 != 0, "frames would share their cache sets");

/* Reads, and nothing else, for good. */
static bool restrict_and_enable(struct io_uring *ring)
{
	struct io_uring_restriction only = {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ};

	return io_uring_register_restrictions(ring, &only, 1) == 0 && io_uring_enable_rings(ring) == 0;
}

void host_reader_open(struct host_reader *reader)
{
	reader->batches = false;
	if (io_uring_queue_init(HOST_RING_FRAMES, &reader->ring, IORING_SETUP_R_DISABLED) < 0)
		return;
	/* No TAP is registered: a ring gives its files back some time after its process has ended. */
	reader->batches = restrict_and_enable(&reader->ring);
	if (!reader->batches)
		io_uring_queue_exit(&reader->ring);
}

void host_reader_close(struct host_reader *reader)
{
	if (reader->batches)
		io_uring_queue_exit(&reader->ring);
	reader->batches = false;
}

int host_ring_open(struct host_ring *r, int fd, struct host_reader *reader)
{
	memset(r, 0, sizeof(*r));
	r->fd = fd;
	r->reader = reader;
	r->area = aligned_alloc(LINE, AREA_SIZE);
	return r->area ? 0 : -ENOMEM;
}

void host_ring_close(struct host_ring *r)
{
	free(r->area);
	memset(r, 0, sizeof(*r));
}

uint8_t *host_ring_frame(const struct host_ring *r, uint32_t i)
{
	return r->area + (size_t)i * STRIDE + LINE;
}

static uint8_t *buffer(const struct host_ring *r, uint32_t i)
{
	return host_ring_frame(r, i) - HEADER_SIZE;
}

static void note(struct host_ring *r, uint64_t i, ssize_t length)
{
	if (length > (ssize_t)HEADER_SIZE)
		r->lengths[i] = (uint32_t)length;
}

static void ask(struct host_ring *r, uint32_t i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->reader->ring);

	io_uring_prep_read(sqe, r->fd, buffer(r, i), BUFFER_SIZE, 0);
	io_uring_sqe_set_data64(sqe, i);
	/* A file that is non-blocking by itself would be waited for. */
	sqe->rw_flags = RWF_NOWAIT;
}

/* None of them waits, so each is done, or finds nothing, in its turn and within the call that submits them. */
static void read_together(struct host_ring *r, uint32_t n)
{
	struct io_uring_cqe *cqe;
	uint32_t head, seen = 0;

	for (uint32_t i = 0; i < n; i++)
		ask(r, i);
	/* A kernel without memory takes fewer. What is left in the ring would bring later frames out of order: one by
	 * one then. */
	if (io_uring_submit_and_wait(&r->reader->ring, n) != (int)n)
		r->reader->batches = false;
	io_uring_for_each_cqe(&r->reader->ring, head, cqe)
	{
		note(r, io_uring_cqe_get_data64(cqe), cqe->res);
		seen++;
	}
	io_uring_cq_advance(&r->reader->ring, seen);
}

static void read_singly(struct host_ring *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		note(r, i, read(r->fd, buffer(r, i), BUFFER_SIZE));
		if (r->lengths[i] == 0)
			break;
	}
}

void host_ring_read(struct host_ring *r, uint32_t n)
{
	memset(r->lengths, 0, sizeof(r->lengths));
	if (r->reader->batches && n > 1)
		read_together(r, n);
	else
		read_singly(r, n);
}
