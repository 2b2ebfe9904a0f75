/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rules of nftables would do with a packet that 'explain' is asked about, as far as they can be understood. */
#ifndef LOADER_COMMAND_EXPLAIN_FIREWALL_H
#define LOADER_COMMAND_EXPLAIN_FIREWALL_H

#include <stdbool.h>
#include <stdint.h>

#include "check/firewall_packet.h"
#include "explain/packet.h"
#include "lib/json.h"

struct explain_rules {
	cJSON *ruleset;	    /* NULL: none */
	const char *unread; /* rules that nobody here can read; NULL: there are none such */
};

/* Where a packet meets them. */
struct explain_passage {
	enum firewall_way way;
	int dev;  /* ifindex that it comes in by, or leaves by */
	int from; /* FIREWALL_GOES_ON: that it came in by */
	int64_t mark;
};

/* explain_rules_free() when they are not needed any more. */
void explain_rules_read(struct explain_rules *rules);
void explain_rules_free(struct explain_rules *rules);

/* A step, where there are rules. True: a chain drops the packet for certain. */
bool explain_firewall_step(cJSON *path, const struct explain_rules *rules, const struct datapath_packet *p,
			   const struct explain_passage *at);

#endif
