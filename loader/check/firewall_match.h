/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a packet is what a rule of nftables is for. */
#ifndef LOADER_CHECK_FIREWALL_MATCH_H
#define LOADER_CHECK_FIREWALL_MATCH_H

#include "firewall_packet.h"
#include "lib/json.h"

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

/* Where the sets of a rule are looked for. */
struct firewall_place {
	const cJSON *ruleset; /* the array */
	const char *family;
	const char *table;
	unsigned *budget; /* so many rules more are looked at; then the answer is unknown */
};

/* {"op", "left", "right"} of a "match". */
enum answer firewall_match(const struct firewall_place *at, const cJSON *match, const struct firewall_packet *p);

/* Whether what a map's key is of the packet is that value. */
enum answer firewall_is(const struct firewall_place *at, const cJSON *key, const cJSON *value,
			const struct firewall_packet *p);

/* The elements of a named set or map, without '@'. NULL: there are none. */
const cJSON *firewall_elements(const struct firewall_place *at, const char *name);

#endif
