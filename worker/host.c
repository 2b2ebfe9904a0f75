/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "host.h"

#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* The kernel takes the two UDP flags (6.2) only together. */
#define OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN)

void host_open(struct host *h, int fd)
{
	h->fd = fd;
	h->udp_segments = ioctl(fd, TUNSETOFFLOAD, OFFLOADS | TUN_F_USO4 | TUN_F_USO6) == 0;
	if (!h->udp_segments)
		ioctl(fd, TUNSETOFFLOAD, OFFLOADS);
}

size_t host_read(struct host *h, struct virtio_net_hdr *vnet, uint8_t *buf)
{
	struct iovec pieces[] = {{vnet, sizeof(*vnet)}, {buf, HOST_FRAME_MAX}};
	ssize_t n = readv(h->fd, pieces, 2);

	return n > (ssize_t)sizeof(*vnet) ? (size_t)n - sizeof(*vnet) : 0;
}

bool host_write(struct host *h, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n)
{
	pieces[0] = (struct iovec){(void *)vnet, sizeof(*vnet)};
	return writev(h->fd, pieces, n) > 0;
}
