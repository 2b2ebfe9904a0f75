/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs on a NIC decide on a packet, found out without one: they are compiled a second time, for this host,
 * and run on a frame in memory. What they look up comes from the instance's maps as they are now; what they would write
 * (counters, events, fragments, limits that are told) goes nowhere. So there is no second opinion that could differ.
 */
#ifndef LOADER_EXPLAIN_DATAPATH_H
#define LOADER_EXPLAIN_DATAPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/config.bpf.h"
#include "maps/maps.h"
#include "packet.h"

/* What the maps do not tell. */
struct datapath_world {
	const struct maps *maps;
	struct prog_config config;
	bool worker;   /* it serves the NICs' queues */
	bool ike;      /* there is an IKE daemon */
	bool from_ike; /* the packet is from a socket of the daemon's */
	bool forwards; /* the kernel would forward the packet to another host */
	uint32_t ifindex;
	uint32_t ingress; /* by which it came in; 0: it is this host's own */
};

enum datapath_verdict {
	DATAPATH_PASSES,
	DATAPATH_DROPS,
	DATAPATH_TO_WORKER,
	DATAPATH_TO_HOST, /* what the worker has opened */
	DATAPATH_IN_GRE,  /* multicast or broadcast: a copy for each peer */
};

struct datapath_outcome {
	enum datapath_verdict verdict;
	enum reason reason; /* what was counted; REASON_COUNT: nothing was */
	bool found_sa;	    /* an SA was looked at; that is it */
	struct sad_out_value sa;
	bool acquires;	 /* IKE is asked for an SA */
	unsigned copies; /* DATAPATH_IN_GRE */
};

/* The rule of the SPD that decides, as policy_decide() finds it. */
struct datapath_rule {
	int action; /* enum spd_action; DATAPATH_NO_RULE: none does */
	bool cover; /* no rule takes the packet, but that of a connection for another local address covers it */
	struct spd_rule rule; /* unless it is DATAPATH_NO_RULE */
};

#define DATAPATH_NO_RULE (-1)

/* Leaving by world->ifindex, and coming in by it: off the wire, in clear or as ESP, and out of the worker. */
struct datapath_outcome datapath_egress(const struct datapath_world *world, const struct datapath_packet *p);
struct datapath_outcome datapath_ingress(const struct datapath_world *world, const struct datapath_packet *p);
struct datapath_outcome datapath_opened(const struct datapath_world *world, const struct datapath_packet *p);

/* Whether the backstop drops a packet that no gate guards: as it leaves, as it comes in. */
bool datapath_backstop_out(const struct datapath_world *world, const struct datapath_packet *p);
bool datapath_backstop_in(const struct datapath_world *world, const struct datapath_packet *p);

/* Which rule decides on a packet that leaves, or comes in. */
struct datapath_rule datapath_rule(const struct maps *maps, const struct datapath_packet *p, bool out);

/* The outbound SA that a rule for the packet would have carry it, whatever is left of that SA. False: there is none. */
bool datapath_sa(const struct maps *maps, const struct datapath_packet *p, struct sad_out_value *out);

#endif
