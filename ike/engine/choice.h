/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which connection a child is for, when several are for the same two hosts. RFC 7296 section 2.9 leaves it to the
 * responder's policy which of the offered traffic selectors it takes; RFC 4301 section 4.4.3 says which it may: those
 * that the peer database allows to who has been authenticated. Here:
 *
 *   may    the IKE SA's own connection, and any other that asks for the same proof to the letter:
 *          same addresses, identities, secret or certificates, PPK
 *   takes  of these the one that leaves the most of what the peer asks for; of those that leave
 *          the same the one whose protect says it most exactly, as policies have it
 *
 * So of "tcp/179" and "all" the first gets a child for tcp/179, and the second one for everything.
 *
 * Who has proven itself for one gets nothing of what another that goes before that decides on, which asks for another
 * proof: an SA takes packets by addresses and selector, and whose it is does not count there.
 */
#ifndef IKE_ENGINE_CHOICE_H
#define IKE_ENGINE_CHOICE_H

#include "peer.h"

/* What a peer asks for, and the best that was found so far. connection: NULL if nothing was. */
struct choice {
	const struct ts_list *local_ts;
	const struct ts_list *remote_ts;
	const uint8_t *local;
	const uint8_t *remote;
	struct connection *connection;
	struct selector selector; /* what the child is to carry */
	unsigned index;		  /* of the connection's selector that it is taken from */
};

/* Considers one more connection. To be called in the order of connection_for(). */
void choice_consider(struct choice *ch, struct connection *c);

/* Who has proven itself for one connection has for the other. */
bool choice_same_proof(const struct connection *a, const struct connection *b);

/* Whether a child of that connection, with such a selector, would carry what is another's that goes before it and asks
 * for another proof: the other one, or NULL. */
const struct connection *choice_others(const struct connection *own, const uint8_t local[4], const uint8_t remote[4],
				       const struct selector *child);

/* Considers all connections that a child on an IKE SA of that connection may be for. False: nothing in common. */
bool choice_make(struct choice *ch, struct connection *own);

#endif
