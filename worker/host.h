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

#include "packet.h"
#include "virtio.h"

/* The longest frame: a 64 KiB packet with its Ethernet header. */
#define HOST_FRAME_MAX (ETH_LEN_MAX + 65535)
/* Bytes behind a frame that belong to its reader, for ESP's padding. */
#define HOST_TAIL 16

struct host {
	int fd;
	bool udp_segments; /* the kernel takes and gives UDP super-packets (6.2) */
};

/* Takes over the TAP, whose offloads it sets. */
void host_open(struct host *h, int fd);

/*
 * Reads one frame into buf (HOST_FRAME_MAX + HOST_TAIL bytes) with its virtio
 * header. Its length, or 0 when there is none now.
 */
size_t host_read(struct host *h, struct virtio_net_hdr *vnet, uint8_t *buf);

/*
 * Writes a frame of n pieces, the first of which has to be left free for the
 * virtio header. False if the host did not take it.
 */
bool host_write(struct host *h, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n);

#endif
