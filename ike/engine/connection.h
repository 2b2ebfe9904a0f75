/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection of the file as it runs: its configuration and its peers. A connection between two hosts has one peer; a
 * mesh, whose remote is a prefix, has one for each host that it has to do with.
 */
#ifndef IKE_ENGINE_CONNECTION_H
#define IKE_ENGINE_CONNECTION_H

#include "engine_state.h"
#include "failure.h"
#include "tally.h"

struct connection {
	struct mortal mortal;
	TAILQ_ENTRY(connection) of_engine;
	struct table_node by_net;  /* net_key(); in the table unless the connection is gone */
	struct table_node by_name; /* the same */
	uint64_t configured;	   /* by which configuration, of all so far, it is here */
	struct engine *engine;
	struct connection_config *config;
	struct peer_list peers;
	struct timer begin; /* there was no memory for the peer that is to be up */
	bool gone;	    /* no longer in the file: the connection stays until its SAs are deleted */
	struct tally tally; /* of peers that are gone */
	struct failure failures[FAILURE_KINDS]; /* of a mesh: with hosts that are no peers, or not any more */
};

/* The connection's remote is a prefix, and no host. */
bool connection_is_mesh(const struct connection *c);

/* The connection is for those two hosts. */
bool connection_covers(const struct connection *c, const uint8_t local[4], const uint8_t remote[4]);

/* What s takes, one of the connection's selectors takes, too: an SA for s may be the connection's. */
bool connection_takes(const struct connection *c, const struct selector *s);

/* The connection of that name that is in the file; NULL: there is none. */
struct connection *connection_named(struct engine *e, const char *name);

/* connection_for and connection_named find the connection from now on; do not any more. */
void connection_enter(struct connection *c);
void connection_leave(struct connection *c);

/*
 * The connections for those two hosts: the first, or the next one after `after`; NULL at the end. The longest prefix
 * goes first, as with policies; among equal ones the order of the file.
 */
struct connection *connection_for(struct engine *e, const uint8_t local[4], const uint8_t remote[4],
				  const struct connection *after);

/* Frees the connection and its configuration. Its peers are freed before. */
void connection_free(struct connection *c);

#endif
