/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of a NIC's queues ESP arrives on. By its addresses alone, all that one peer sends is on one queue, and so one
 * lane's; by its SPI, each SA has a queue of its own.
 *
 *   RSS by SPI, where the driver takes that   steering_hash.h
 *   else a rule for each SPI (ntuple)         steering_rules.h      which follows the SAD
 *   what was before                           steering_record.h, steering_undo.h
 *
 * Nothing depends on it: a lane opens for any SA. So whatever fails is a line in the log.
 */
#ifndef LOADER_ATTACH_STEERING_H
#define LOADER_ATTACH_STEERING_H

#include <event2/event.h>

#include "nics.h"
#include "steering_rules.h"

struct steering {
	struct nics *nics;
	struct event *timer;
	struct steering_nic {
		struct steering_rules rules;
		struct steering_record record;
	} nic[PORTS_MAX];
};

/* The SAD is followed from now on. */
void steering_start(struct steering *s, struct event_base *base, struct nics *nics);

/* Takes out the rules, as SAs end with the daemon. Safe on one that was not started. */
void steering_stop(struct steering *s);

/* Does for a NIC that has just been attached what its configuration asks for, and enters in ports what came of it. */
void steering_attach(struct steering *s, struct nic *nic);

/* Looks at the SAD once: rules for SAs that are new, none for those that are gone. */
void steering_follow(struct steering *s);

/* What steering_attach() would come to, as far as that can be told without changing anything. maybe: only if the driver
 * takes it, which is known when it is tried; else it is port_steering. */
struct steering_forecast {
	enum port_steering steering;
	bool maybe;
};
struct steering_forecast steering_look(const struct interface_config *config, const struct netdev *dev);

/* For machines: "rss", "ntuple", "addresses", "one_queue"; NULL: not known. For people: "an SA's packets go ...". */
const char *steering_name(enum port_steering steering);
const char *steering_text(enum port_steering steering);

#endif
