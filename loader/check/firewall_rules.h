/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rules of nftables, as 'nft -j list ruleset' shows them, would do with a packet. Not every word is understood
 * here, and not everything is known of a packet that is yet to come: an answer is given only if it is the same whatever
 * the unknown is.
 */
#ifndef LOADER_CHECK_FIREWALL_RULES_H
#define LOADER_CHECK_FIREWALL_RULES_H

#include <stdbool.h>

#include "firewall_packet.h"
#include "lib/json.h"

/* "chain input of table inet filter" */
#define FIREWALL_CHAIN_TEXT 160

enum firewall_fate {
	FIREWALL_PASSES,
	FIREWALL_UNSURE, /* what a chain does with it is not known, or it makes another packet of it */
	FIREWALL_DROPS,
};

/* What becomes of it for certain, and in text the chain that drops it or is not understood. */
enum firewall_fate firewall_fate(const cJSON *ruleset, const struct firewall_packet *p, char text[FIREWALL_CHAIN_TEXT]);

#endif
