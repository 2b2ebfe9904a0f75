/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all SAs of a peer, or of a connection, have carried so far, for who draws a curve of it: an SA's own counters go
 * with the SA, at each rekey. So what a half has counted is added here when it ends (child_settle()), and what is still
 * there is looked up by who asks. A sum that is asked for again is never less.
 *
 * It begins with the peer, or connection, and so anew when IKE is started again, or the file says something else of it.
 */
#ifndef IKE_ENGINE_TALLY_H
#define IKE_ENGINE_TALLY_H

#include "engine_ops.h"
#include "lib/json.h"

struct tally_way {
	uint64_t packets;
	uint64_t bytes;
};

struct tally {
	struct tally_way in;
	struct tally_way out;
	uint64_t drops[REASON_COUNT];
	uint64_t child_rekeys; /* child SAs that were replaced by others, */
	uint64_t ike_rekeys;   /* and IKE SAs */
};

/* Adds what an SA has counted since before. */
void tally_usage(struct tally *t, bool inbound, const struct sa_usage *now, const struct sa_usage *before);

void tally_add(struct tally *sum, const struct tally *t);

/* As the status has it: of drops, those that are not 0. */
cJSON *tally_json(const struct tally *t);

#endif
