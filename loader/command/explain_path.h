/* SPDX-License-Identifier: BSD-2-Clause */
/* What would happen to a packet, step by step. The decision is the programs' own (explain/datapath.h). */
#ifndef LOADER_COMMAND_EXPLAIN_PATH_H
#define LOADER_COMMAND_EXPLAIN_PATH_H

#include "explain/datapath.h"
#include "explain_firewall.h"
#include "instance/instance.h"
#include "lib/json.h"

struct explain {
	const struct instance *in;
	const struct maps *maps;
	const cJSON *status; /* the daemon's reply; NULL: none is running */
	const cJSON *names;  /* of policies, by selector; NULL: not known */
	struct explain_rules rules;
	struct datapath_packet packet;
	int dev;      /* ifindex by which it leaves or comes in, as people say; 0: as the routes say */
	int arrives;  /* by which what is another host's comes in; 0: that is not known, or it is ours */
	uint32_t spi; /* of ESP that comes in; 0: of the newest SA that is for the packet */
	bool to_us;   /* the destination is an address of this host; and so is the source */
	bool from_us;
};

/*
 * Each is an object, the caller's: {"direction": "out" or "in", "as": "clear" or "esp", "steps": [{"step", "text",
 * ...}], "verdict": "protected", "clear" or "dropped", "reason": NAME or null, "text"}.
 */
cJSON *explain_out(const struct explain *e);
cJSON *explain_in_clear(const struct explain *e);
cJSON *explain_in_esp(const struct explain *e);

#endif
