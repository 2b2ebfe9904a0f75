/* SPDX-License-Identifier: BSD-2-Clause */
/* Which way a packet would take now, by the routes and rules of this process's network namespace. */
#ifndef LOADER_NET_ROUTE_H
#define LOADER_NET_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

/* A packet; what is 0 is not asked for. */
struct route_question {
	uint8_t src[4];
	uint8_t dst[4];
	int iif; /* it came in by this interface: it is forwarded */
	int oif; /* its socket is bound to this one */
	uint8_t proto;
	uint16_t sport;
	uint16_t dport;
};

struct route {
	int ifindex;	   /* 0: none */
	bool encapsulates; /* packets leave as others, by whatever interface these have ('encap seg6', 'encap mpls') */
	uint8_t type;	   /* RTN_UNICAST, RTN_LOCAL, RTN_MULTICAST ... */
	uint8_t via[4];	   /* 0.0.0.0: the destination itself */
};

/* 0; -errno: there is no route, and what the kernel would tell the sender. */
int route_get(const struct route_question *q, struct route *out);

/* The route that an echo request between the two would take now, if it leaves this host; else the ifindex is 0. */
struct route route_to_peer(const uint8_t local[4], const uint8_t remote[4]);

#endif
