/* SPDX-License-Identifier: BSD-2-Clause */
/* The header in front of each frame of the TAP (virtio 1.2, section 5.1.6). */
#ifndef WORKER_VIRTIO_H
#define WORKER_VIRTIO_H

#include <linux/virtio_net.h>

/* UDP super-packets: Linux 6.2 and later, younger than Debian 12's headers. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#endif
