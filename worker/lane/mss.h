/* SPDX-License-Identifier: BSD-2-Clause */
/* Clamping the MSS that a SYN offers, for paths whose routers do not report packets that are too big. */
#ifndef WORKER_LANE_MSS_H
#define WORKER_LANE_MSS_H

#include "esp/esp.h"
#include "maps/layout.h"
#include "packet/packet.h"

/*
 * Lowers the MSS option (RFC 9293 section 3.7.1) of a SYN to most, if the SYN offers more. tcp: len bytes of header and
 * payload, changed in place; anything but a SYN with that option is left alone. The checksum is corrected by the
 * difference (RFC 1624 equation 3), so a wrong checksum stays wrong.
 */
void mss_lower(uint8_t *tcp, size_t len, size_t most);

/* The largest MSS whose segments fit an IP packet of mtu bytes with ESP around them, when neither IP nor TCP has
 * options; 0 if not even one byte fits. */
static inline size_t mss_that_fits(size_t mtu)
{
	size_t l4 = mtu > IP_LEN_MIN ? esp_max_payload(mtu - IP_LEN_MIN) : 0;

	return l4 > TCP_LEN_MIN ? l4 - TCP_LEN_MIN : 0;
}

/* Clamps the MSS of a packet in clear, on its way in or out through a port with an mss_clamp. proto: of the packet's
 * payload, for a packet that is being taken out of ESP; mtu: bytes of an IP packet that the path takes. */
static inline void mss_clamp(const struct port *port, const struct ip_view *ip, uint8_t proto, size_t mtu)
{
	size_t fit = mss_that_fits(mtu), most = port->mss_clamp < fit ? port->mss_clamp : fit;

	if (proto == PROTO_TCP && most)
		mss_lower(ip->ip + ip->header, ip->total - ip->header, most);
}

#endif
