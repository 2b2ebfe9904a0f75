/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet memory of a NIC, mapped: one file for all its queues, laid out as maps/packet_memory.h says. The loader
 * has made it and keeps it, so that what is in it outlives a worker. The next one goes on where the last has left:
 *
 *   packet_file_map ─► each queue: umem_create ─► packets ─► umem_leave ─► packet_file_unmap
 *                                  or umem_resume, where a worker has left
 */
#ifndef WORKER_NIC_PACKET_FILE_H
#define WORKER_NIC_PACKET_FILE_H

#include "lib/fault.h"
#include "umem.h"

struct packet_file {
	uint8_t *base; /* of the first queue's frames, at the beginning of a huge page; NULL: there is none */
	uint32_t queues, ring, mtu;
	void *mapped; /* with what aligns the base */
	size_t mapped_size;
};

/* Maps the file that fd is of, for so many queues with rings of that size, and closes fd in any case. 0 or -errno. */
int packet_file_map(struct packet_file *m, int fd, uint32_t queues, uint32_t ring, uint32_t mtu, struct fault *f);

/* Safe on a zeroed struct. */
void packet_file_unmap(struct packet_file *m);

/* Where a queue of it is. */
struct umem_place packet_file_place(const struct packet_file *m, uint32_t queue);

#endif
