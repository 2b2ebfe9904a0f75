/* SPDX-License-Identifier: BSD-2-Clause */
/* A packet that is yet to come, as far as it is known. */
#ifndef LOADER_CHECK_FIREWALL_PACKET_H
#define LOADER_CHECK_FIREWALL_PACKET_H

#include <net/if.h>
#include <stdint.h>

#define UNKNOWN_NUMBER (-1)

/* To this host, from it; and what is forwarded, as it comes and as it leaves. */
enum firewall_way { FIREWALL_IN, FIREWALL_OUT, FIREWALL_COMES, FIREWALL_GOES_ON };

struct firewall_packet {
	enum firewall_way way;
	char dev[IF_NAMESIZE];	/* that it comes in by, or leaves by */
	char from[IF_NAMESIZE]; /* FIREWALL_GOES_ON: that it came in by; "": unknown */
	uint8_t src[4];
	uint8_t dst[4];
	int64_t proto; /* this and the next four: or UNKNOWN_NUMBER */
	int64_t sport;
	int64_t dport;
	int64_t icmp_type;
	int64_t mark;
	const char *ct_state; /* NULL: unknown */
};

#endif
