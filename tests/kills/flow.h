/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbered datagrams from one host to the other, by sockets of theirs: by the hosts' own stacks, so in ESP or not at
 * all. Most are sent many at once (UDP_SEGMENT), which the worker seals as one burst.
 */
#ifndef TESTS_KILLS_FLOW_H
#define TESTS_KILLS_FLOW_H

#include <netinet/in.h>
#include <stdint.h>

#include "report.h"

#define FLOW_PORT	 7411
#define FLOW_SIZE_MIN	 16
#define FLOW_SIZE_MAX	 256
#define FLOW_AT_ONCE_MAX 24
#define FLOW_NUMBERS_MAX (1ULL << 28)

struct flow {
	struct report *report;
	int sockets[2];	    /* host a's, host b's */
	uint64_t *heard[2]; /* a bit for each number that has arrived there */
};

/* In each host's namespace, given as a path. Ends the program on an error. */
void flow_init(struct flow *f, struct report *report, const char *const namespaces[2], const struct in_addr addrs[2]);

/* That host sends a few. random: which size, and how many. */
void flow_send(struct flow *f, unsigned host, uint64_t random);

/* Counts what has arrived at either. */
void flow_hear(struct flow *f);

/* The payload of a datagram that nobody sent. FLOW_SIZE_MIN octets. */
void flow_forge(uint8_t *payload, uint64_t number);

#endif
