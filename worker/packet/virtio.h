/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The header in front of each frame of the TAP (virtio 1.2, section 5.1.6): it tells which checksum is still to be
 * made, and how a super-packet is to be cut. Its numbers are in this machine's byte order.
 */
#ifndef WORKER_PACKET_VIRTIO_H
#define WORKER_PACKET_VIRTIO_H

#include <linux/virtio_net.h>

/* A super-packet of UDP. Linux has it since 6.2, Debian 12's headers do not. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#endif
