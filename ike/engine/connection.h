/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection as it runs: its configuration and its peers, one, or with a mesh any number. It is found by the two
 * addresses of a packet.
 */
#ifndef IKE_CONNECTION_H
#define IKE_CONNECTION_H

#include "engine_state.h"

struct connection_config;

TAILQ_HEAD(peer_list, peer);

struct connection {
	struct mortal mortal;
	TAILQ_ENTRY(connection) of_engine;
	struct table_node by_net; /* unless it is gone */
	struct engine *engine;
	struct connection_config *config;
	struct peer_list peers;
	bool gone; /* no longer in the file: here until its SAs are deleted */
};

/* Its remote is a prefix: any host in it is a peer. */
bool connection_is_mesh(const struct connection *c);

/* Whether the connection is for those two hosts. */
bool connection_covers(const struct connection *c, const uint8_t local[4], const uint8_t remote[4]);

/* The connection is found by connection_for from now on; no more. */
void connection_enter(struct connection *c);
void connection_leave(struct connection *c);

/* The first connection for the two, or the one after `after`. */
struct connection *connection_for(struct engine *e, const uint8_t local[4], const uint8_t remote[4],
				  const struct connection *after);

/* With its configuration; it has no peer any more. */
void connection_free(struct connection *c);

#endif
