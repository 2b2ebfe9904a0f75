/* SPDX-License-Identifier: BSD-2-Clause */
/* How much goes through the SAs right now. */
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
	struct rate sa[SLOTS_MAX]; /* each, by its slot */
};

/* Looks twice, a quarter of a second apart. Packets of an SA that comes or goes meanwhile do not count. To be freed;
 * NULL: no memory. */
struct rates *rates_measure(const struct maps *maps);

#endif
