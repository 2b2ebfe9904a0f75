/* SPDX-License-Identifier: BSD-2-Clause */
/* What of the host's packets must not wait behind bulk. */
#ifndef BPF_URGENT_H
#define BPF_URGENT_H

/* Differentiated services: RFC 2474 section 4.2.2.1 (network control, as routing protocols have it), RFC 3246. */
#define DSCP_CS6 48
#define DSCP_CS7 56
#define DSCP_EF	 46

/*
 * A stream's window stands in the TAP's queue, milliseconds of it, for the kernel has no way to tell TCP that the TAP
 * is full: what does not fill queues, or says that it is urgent, does not wait behind it. A flow is the one or the
 * other, and keeps its order.
 */
static __always_inline bool is_urgent(const __u8 *ip)
{
	const __u8 dscp = ip[1] >> 2, proto = ip[9];

	if (dscp == DSCP_CS6 || dscp == DSCP_CS7 || dscp == DSCP_EF)
		return true;
	return proto == IPPROTO_ICMP || proto == IPPROTO_UDP;
}

#endif
