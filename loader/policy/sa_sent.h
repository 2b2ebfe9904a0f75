/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * By which outbound SAs people have added packets were sent before, in this run or an earlier one, and how far: a peer
 * that has kept its end drops what begins anew as replay, and neither end would know why.
 */
#ifndef LOADER_POLICY_SA_SENT_H
#define LOADER_POLICY_SA_SENT_H

#include "maps/maps.h"

struct sa_sent_entry {
	uint32_t spi;
	uint8_t src[4];
	uint8_t dst[4];
	uint64_t seq; /* the last number given out */
};

/* A zeroed one is empty. */
struct sa_sent {
	struct sa_sent_entry *entries; /* malloc'd: a hash table; SPI 0: nothing is there */
	unsigned room;		       /* a power of two */
	unsigned count;
};

/* Takes in what is left in the maps of an earlier run, before a slot is used again. Without memory it is forgotten. */
void sa_sent_collect(struct sa_sent *sent, const struct maps *maps);

/* The SA is given up; of one that is inbound, IKE's or has sent nothing there is nothing to remember. */
void sa_sent_note(struct sa_sent *sent, const struct sa_state *sa);

/* How far SAs of that SPI and these ends have sent; 0: there is none. */
uint64_t sa_sent_by(const struct sa_sent *sent, uint32_t spi, const uint8_t src[4], const uint8_t dst[4]);

void sa_sent_free(struct sa_sent *sent);

#endif
