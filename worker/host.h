/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host side: a TAP with a virtio header, through which the kernel hands over
 * and takes super-packets of up to 64 KiB.
 */
#ifndef WORKER_HOST_H
#define WORKER_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "host_frame.h"
#include "host_ring.h"

struct host {
	int fd;
	bool udp_segments; /* the kernel takes and gives UDP super-packets (6.2) */
	struct host_ring ring;
	uint32_t asked, next; /* frames of the last batch, and which is next */
	uint32_t wanted;      /* frames to ask for in the next one */
};

/* Takes over the TAP, whose offloads it sets. 0 or -ENOMEM. */
int host_open(struct host *h, int fd);

void host_close(struct host *h);

/* The next frame, which is the caller's until the next call; false when there is none now. Many are read at once in
 * bulk. */
bool host_next(struct host *h, struct host_frame *frame);

/*
 * Writes a frame of n pieces, the first of which has to be left free for the
 * virtio header. False if the host did not take it.
 */
bool host_write(struct host *h, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n);

#endif
