/* SPDX-License-Identifier: BSD-2-Clause */
/* A frame of the host, as read from the TAP: a packet or a super-packet of up to 64 KiB, behind its virtio header. */
#ifndef WORKER_PACKET_HOST_FRAME_H
#define WORKER_PACKET_HOST_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "packet.h"
#include "virtio.h"

/* The longest frame: a 64 KiB packet with its Ethernet header. */
#define HOST_FRAME_MAX (ETH_LEN_MAX + 65535)
/* Bytes behind a frame that belong to the frame's reader, too: ESP's padding and trailer go there (ESP_TAIL_MAX). */
#define HOST_TAIL 16

/* The reader may overwrite data, len bytes of it and HOST_TAIL behind them. */
struct host_frame {
	struct virtio_net_hdr vnet;
	uint8_t *data; /* Ethernet header and on */
	size_t len;
};

#endif
