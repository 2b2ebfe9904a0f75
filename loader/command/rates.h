/* SPDX-License-Identifier: BSD-2-Clause */
/* How much goes through the SAs right now: the difference of two looks at what they have carried. */
#ifndef LOADER_COMMAND_RATES_H
#define LOADER_COMMAND_RATES_H

#include "maps/maps.h"

struct rate {
	double packets; /* a second */
	double bits;	/* a second, of what the inner packets carry */
};

struct rates {
	struct rate in;
	struct rate out;
	struct rate sa[]; /* each, by its slot */
};

/* What each SA has carried, by its slot, at one moment. */
struct rates_look {
	uint32_t slots;
	uint64_t at_ns; /* CLOCK_BOOTTIME */
	struct rates_sample {
		uint32_t generation; /* 0: no SA */
		bool outbound;
		uint64_t packets;
		uint64_t bytes;
	} sa[];
};

/* For so many slots, with nothing seen yet. To be freed; NULL: no memory. */
struct rates *rates_new(uint32_t slots);
struct rates_look *rates_look_new(uint32_t slots);

/* The look has to be for as many slots as the maps are, and so have both looks and the rates. */

void rates_look(const struct maps *maps, struct rates_look *look);

/* Packets of an SA that came or went between the two do not count. */
void rates_between(const struct rates_look *before, const struct rates_look *now, struct rates *rates);

/* Looks twice, a quarter of a second apart. To be freed; NULL: no memory. */
struct rates *rates_measure(const struct maps *maps);

#endif
