/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A receive rule for the SPI of each inbound SA, which puts it on the queue that has the fewest: so a peer with several
 * SAs is spread as evenly as many peers are.
 *
 *   SPIs that are wanted ──► SPIs into the record ──► rules into the NIC        rules out of the NIC ──► SPIs out of
 * the record
 */
#ifndef LOADER_ATTACH_STEERING_RULES_H
#define LOADER_ATTACH_STEERING_RULES_H

#include "maps/layout.h"
#include "steering_record.h"

struct steering_rules {
	bool full;	   /* the NIC took no more, and none of ours has gone since */
	bool full_told;	   /* that has been said, and not all have found a place since */
	bool refused_told; /* that a rule was refused, and some still are */
	uint32_t count;
	struct steering_rule {
		uint32_t spi;
		uint32_t location;
		uint32_t queue;
		bool refused; /* it is not in the NIC: the driver did not take this one */
	} rule[STEERING_RULES_MAX];
};

/* For qsort() and bsearch(): the order of SPIs. */
int steering_spi_compare(const void *a, const void *b);

/* Whether the NIC has a table of rules, and uses it: the feature ntuple is on. Whether ESP can be in it is not known.
 */
bool steering_rules_look(const char *name);

/* Begins with no rules of ours, also of an earlier run, and tries whether the driver takes one. may_turn_on: the
 * feature ntuple. 0, or -errno with why not and everything as it was. */
int steering_rules_begin(const struct steering_place *at, struct steering_rules *rules, struct steering_record *record,
			 bool may_turn_on, struct fault *f);

/*
 * Has the rules be those of the SPIs, which are sorted and differ, on queues 0 ... queues - 1. A call adds some and
 * takes some away, so that it does not take long, and the next one goes on. -ENOSPC, once, when the NIC takes no more:
 * the rest stay by their addresses. -EINVAL, once, when its driver refuses a rule for a reason of that rule's: that SA
 * alone stays by its addresses, until one of ours has gone and it is asked again.
 */
int steering_rules_follow(const struct steering_place *at, struct steering_rules *rules, struct steering_record *record,
			  const uint32_t *spis, uint32_t count, uint32_t queues, struct fault *f);

/* Takes our rules out of the NIC, by the record alone, and turns the feature off if it was; the record on disk is the
 * caller's to renew. 0, or -errno: the record has what is left. */
int steering_rules_give_back(const char *name, struct steering_record *record);

#endif
