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

/* Whether a chain drops it for certain, and in text which one. */
bool firewall_drops(const cJSON *ruleset, const struct firewall_packet *p, char text[FIREWALL_CHAIN_TEXT]);

#endif
