/* SPDX-License-Identifier: BSD-2-Clause */
/* Clamping the MSS that a SYN offers, for paths whose routers say nothing of what is too big. */
#ifndef WORKER_MSS_H
#define WORKER_MSS_H

#include "esp.h"
#include "maps/layout.h"
#include "packet.h"

/*
 * If the len bytes of TCP are a SYN that offers an MSS (RFC 9293 section 3.7.1) above most, it offers most from now on.
 * The checksum is corrected by the difference (RFC 1624), so a wrong one stays wrong.
 */
void mss_lower(uint8_t *tcp, size_t len, size_t most);

/* The MSS that fits mtu with ESP around it, without options; 0 if nothing does. */
static inline size_t mss_that_fits(size_t mtu)
{
	size_t l4 = mtu > IP_LEN_MIN ? esp_max_payload(mtu - IP_LEN_MIN) : 0;

	return l4 > TCP_LEN_MIN ? l4 - TCP_LEN_MIN : 0;
}

/* Of a packet in clear, on its way in or out through a port with an mss_clamp. mtu: of the path. */
static inline void mss_clamp(const struct port *port, const struct ip_view *ip, uint8_t proto, size_t mtu)
{
	size_t fit = mss_that_fits(mtu), most = port->mss_clamp < fit ? port->mss_clamp : fit;

	if (proto == PROTO_TCP && most)
		mss_lower(ip->ip + ip->header, ip->total - ip->header, most);
}

#endif
