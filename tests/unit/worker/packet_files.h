/* SPDX-License-Identifier: BSD-2-Clause */
/* Packet memory of one queue, as the loader makes it. */
#ifndef TESTS_UNIT_WORKER_PACKET_FILES_H
#define TESTS_UNIT_WORKER_PACKET_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nic/packet_file.h"

static inline int packet_file_fd(uint32_t ring, uint32_t mtu)
{
	const int fd = memfd_create("packets", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)packet_file_size(1, ring, mtu)), 0);
	return fd;
}

/* Free from the first frame to the last. */
static inline void packet_file_begin(struct packet_file *m, struct umem *u, uint32_t ring, uint32_t mtu)
{
	struct umem_place place;

	assert_int_equal(packet_file_map(m, packet_file_fd(ring, mtu), 1, ring, mtu, NULL), 0);
	place = packet_file_place(m, 0);
	umem_create(u, &place);
}

#endif
