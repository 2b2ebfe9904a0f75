/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's side of the worker: a TAP, on which the kernel hands over and takes frames behind a virtio header
 * (virtio.h). A frame may be a super-packet of up to 64 KiB, so that one system call and one walk through the kernel
 * serve dozens of packets.
 */
#ifndef WORKER_HOST_HOST_H
#define WORKER_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "packet/host_frame.h"
#include "host_ring.h"

struct host;

/* A host in memory, in a TAP's place: for measurements. */
struct host_memory {
	/* Puts up to n frames into the ring's buffers, and their lengths with the virtio header into its lengths. */
	void (*read)(struct host *h, uint32_t n);
	void (*write)(struct host *h, const struct iovec *pieces, int n);
	void *user;
};

struct host {
	const struct host_memory *memory; /* NULL: there is a TAP */
	int fd;				  /* of the TAP queue that is written to */
	bool reads;			  /* the queue is its own, and read from */
	bool udp_segments;		  /* the kernel takes and gives UDP super-packets (6.2) */
	struct host_ring ring;
	uint32_t asked, next; /* frames that the last batch was asked for, and the index of the next to hand out */
	uint32_t wanted;      /* frames to ask for in the next batch */
	uint32_t skip; /* turns until the TAP queue is looked at again; not 0: nothing was there, and other queues have
			  work */
};

/*
 * Takes over a TAP queue, by whose reader frames are read. The loader has set the offloads; udp_segments: it got those
 * for UDP. reader NULL: another one's queue, which is only written to, and stays the other's to close. 0 or -ENOMEM.
 */
int host_open(struct host *h, int fd, bool udp_segments, struct host_reader *reader);

void host_close(struct host *h);

/*
 * Frames are read in batches, which grow while the host has many. Whether the next call of host_next reads one, over
 * the frames of the last.
 */
static inline bool host_reads_next(struct host *h)
{
	while (h->next < h->asked && h->ring.lengths[h->next] == 0)
		h->next++;
	return h->next == h->asked;
}

/* The host's next frame: the caller may use and overwrite it until the next batch is read. False: the host has none
 * now. */
bool host_next(struct host *h, struct host_frame *frame);

/* Writes a frame of n pieces to the host: pieces[0] is overwritten with the virtio header. False: the host did not take
 * the frame. */
bool host_write(struct host *h, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n);

#endif
