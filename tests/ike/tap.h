/* SPDX-License-Identifier: BSD-2-Clause */
/* A filter that sees what is inside each message, and can hold some back until it is told. */
#ifndef TESTS_IKE_TAP_H
#define TESTS_IKE_TAP_H

#include "sealed.h"

#define TAP_SEEN 128
#define TAP_HELD 16

struct tap_seen {
	int from;
	uint8_t exchange;
	bool response;
	bool rekey; /* N(REKEY_SA) */
	uint16_t error;
	unsigned deletes;	   /* D payloads */
	uint8_t nonce[NONCE_SIZE]; /* of ours, which are that long; zeros: none */
};

struct tap {
	unsigned hold[2]; /* so many of the next datagrams to that host */
	struct world_packet held[TAP_HELD];
	unsigned held_count;
	struct tap_seen seen[TAP_SEEN];
	unsigned count;
};

/* From now on it is the world's filter. */
void tap_start(struct tap *t, struct world *w);
/* What was held for that host goes on, in its order. */
void tap_release(struct tap *t, struct world *w, int to);
/* What is held is lost. */
void tap_drop(struct tap *t);

/* How many messages of that host, exchange and kind had that error (0: none). */
unsigned tap_count(const struct tap *t, int from, uint8_t exchange, bool response, uint16_t error);
/* The last message of that host, exchange and kind; NULL: none. */
const struct tap_seen *tap_last(const struct tap *t, int from, uint8_t exchange, bool response);

/* Of the last two CREATE_CHILD_SA exchanges, one begun by each host: each has a lower one of its two nonces, and this
 * is the higher of these. */
const uint8_t *tap_higher_nonce(const struct tap *t);

#endif
