/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "capture_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int capture_memory_make(const struct capture_wants *wants)
{
	const int fd = memfd_create("xdp-ipsec-capture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err = 0;

	if (fd < 0)
		return -errno;
	/* Who shortens it would end the others that have it mapped. */
	if (ftruncate(fd, (off_t)capture_memory_size(LANES_MAX)) < 0 ||
	    pwrite(fd, wants, sizeof(*wants), 0) != sizeof(*wants) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		err = errno ? -errno : -EIO;
	if (!err)
		return fd;
	close(fd);
	return err;
}

struct capture_memory *capture_memory_map(int fd, uint32_t lanes)
{
	void *p = mmap(NULL, capture_memory_size(lanes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

void capture_memory_unmap(struct capture_memory *memory, uint32_t lanes)
{
	if (memory)
		munmap(memory, capture_memory_size(lanes));
}

/* So much of n bytes at `at` is in front of the ring's end. */
static size_t first_part(uint64_t at, size_t n)
{
	const size_t left = CAPTURE_RING_SIZE - at % CAPTURE_RING_SIZE;

	return n < left ? n : left;
}

void capture_ring_write(struct capture_ring *ring, uint64_t at, const void *from, size_t n)
{
	const size_t first = first_part(at, n);

	memcpy(ring->bytes + at % CAPTURE_RING_SIZE, from, first);
	memcpy(ring->bytes, (const uint8_t *)from + first, n - first);
}

void capture_ring_read(const struct capture_ring *ring, uint64_t at, void *to, size_t n)
{
	const size_t first = first_part(at, n);

	memcpy(to, ring->bytes + at % CAPTURE_RING_SIZE, first);
	memcpy((uint8_t *)to + first, ring->bytes, n - first);
}

static bool is_record(const struct capture_record *r, uint64_t there)
{
	return r->caplen <= r->len && r->point <= CAPTURE_NOWHERE && r->reason <= REASON_COUNT &&
	       capture_record_size(r->caplen) <= there;
}

/* The record is copied before it is looked at: the worker could change it meanwhile. */
bool capture_ring_take(struct capture_ring *ring, struct capture_record *record, uint8_t *frame, uint32_t room,
		       int *err)
{
	const uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE), tail = ring->tail;
	const uint64_t there = head - tail;

	*err = 0;
	if (there == 0)
		return false;
	if (there <= CAPTURE_RING_SIZE && head % sizeof(*record) == 0)
		capture_ring_read(ring, tail, record, sizeof(*record));
	if (there > CAPTURE_RING_SIZE || head % sizeof(*record) || !is_record(record, there)) {
		*err = -EBADMSG;
		__atomic_store_n(&ring->tail, head, __ATOMIC_RELEASE);
		return false;
	}
	if (record->caplen < room)
		room = record->caplen;
	capture_ring_read(ring, tail + sizeof(*record), frame, room);
	__atomic_store_n(&ring->tail, tail + capture_record_size(record->caplen), __ATOMIC_RELEASE);
	record->caplen = room;
	return true;
}
