/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ports of the bridge between the hosts: what each host sends is looked at, whatever it is, and what was ESP is
 * kept for a while, to be sent once more to whom it was for.
 */
#ifndef TESTS_KILLS_WIRE_H
#define TESTS_KILLS_WIRE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys.h"
#include "report.h"
#include "seen.h"

/* A frame of the ring, and of what is kept. Longer ones are IKE's, and not kept. */
#define WIRE_FRAME 1024
/* Kept of each host: a few seconds, and more than a replay window. A power of 2. */
#define WIRE_KEPT 8192

struct wire_frame {
	uint16_t length;
	uint8_t octets[WIRE_FRAME - sizeof(uint16_t)];
};

struct wire_port {
	int ring; /* the socket by which a host is heard */
	uint8_t *frames;
	unsigned next;
	int out;		  /* by which it is spoken to */
	struct seen ivs, numbers; /* by the id of the key */
	struct wire_frame *kept;  /* what the host sent: the last at kept_count - 1, modulo WIRE_KEPT */
	uint64_t kept_count;
};

struct wire_waiting {
	unsigned host;
	struct wire_frame frame; /* from ESP on */
};

struct wire {
	struct report *report;
	struct in_addr addrs[2];
	struct wire_port ports[2]; /* host a's, host b's */
	struct keys keys;
	struct wire_waiting *waiting; /* for a key */
	size_t waiting_count, waiting_room;
	uint64_t random;
	unsigned warned;
};

/* In the calling thread's namespace, on port0 and port1. Ends the program on an error. */
void wire_init(struct wire *w, struct report *report, const struct in_addr addrs[2], uint64_t seed,
	       const char *const keylogs[2]);

/* Looks for new keys, and at what has waited for them. */
void wire_read_keys(struct wire *w);

/* Looks at all that is there; whether anything was. */
bool wire_take(struct wire *w);

/* Sends once more what that host sent so many ESP packets ago, 1 being the last. */
void wire_again(struct wire *w, unsigned host, uint64_t ago);

/* Sends a datagram in clear to the other host, as if that host had sent it. */
void wire_forge(struct wire *w, unsigned host);

uint64_t wire_random(struct wire *w);

#endif
