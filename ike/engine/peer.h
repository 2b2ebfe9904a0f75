/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection as it runs, and its peers: one, or with a mesh any number. A peer
 * knows what is wanted (which selectors wait for a child), who asked for it, and
 * when to try again.
 */
#ifndef IKE_PEER_H
#define IKE_PEER_H

#include <sys/queue.h>

#include "engine_state.h"

struct child;
struct ike_sa;

TAILQ_HEAD(peer_list, peer);
TAILQ_HEAD(ike_sa_list, ike_sa);
TAILQ_HEAD(order_list, order);

struct connection {
	struct mortal mortal;
	TAILQ_ENTRY(connection) of_engine;
	struct table_node by_net; /* unless it is gone */
	struct engine *engine;
	struct connection_config *config;
	struct peer_list peers;
	bool gone; /* no longer in the file: here until its SAs are deleted */
};

/* Somebody waits for an end: "connection initiate", "terminate", "rekey". */
struct order {
	TAILQ_ENTRY(order) of_peer;
	uint64_t ticket;
	enum order_kind {
		ORDER_UP,    /* a child is there */
		ORDER_DOWN,  /* nothing is left */
		ORDER_REKEY, /* what was there is replaced, or gone */
	} kind;
	bool ike;	 /* ORDER_REKEY: of an IKE SA */
	uint64_t serial; /* ORDER_REKEY: of that IKE SA; of the youngest child */
};

struct peer {
	struct mortal mortal;
	TAILQ_ENTRY(peer) of_connection;
	struct table_node by_addresses; /* peer_key() */
	struct connection *connection;
	uint8_t remote[4];
	struct ike_sa_list sas;
	struct child_list children; /* of any IKE SA */
	unsigned tasks;		    /* of any IKE SA, that are for it */
	unsigned era; /* how often it was taken down: an SA of an earlier era is to go, and so is what a rekey makes of
			 it */
	uint32_t wanted; /* selectors, by their index in the configuration, that are to get a child */
	bool held;	 /* taken down by order: not brought up again by itself */
	bool address_gone;
	bool no_pfs;	   /* it makes no child with a key exchange: each gets an IKE SA of its own, which has one */
	unsigned failures; /* in a row */
	struct timer retry;
	struct timer orphans; /* when SAs of an earlier run go */
	struct order_list orders;
};

/* Key of by_addresses. */
uint64_t peer_key(const uint8_t local[4], const uint8_t remote[4]);

/* All between the same two addresses, of whatever connection; NULL at the end. */
struct peer *peer_first(const struct engine *e, uint64_t key);
struct peer *peer_next(const struct peer *p);

/* Reports to its log with "NAME: " (a mesh: "NAME[192.0.2.7]: ") in front. */
void peer_log(const struct peer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with a line as it is. remote: anybody can cause it at will. */
void peer_log_line(const struct peer *p, bool remote, const char *line);

/* The peer of that connection, made if it is new. NULL: no memory. */
struct peer *peer_get(struct connection *c, const uint8_t remote[4]);

/* Whether the connection is for those two hosts. */
bool connection_covers(const struct connection *c, const uint8_t local[4], const uint8_t remote[4]);

/* The connection is found by connection_for from now on; no more. */
void connection_enter(struct connection *c);
void connection_leave(struct connection *c);

/* The first connection for the two, or the one after `after`. */
struct connection *connection_for(struct engine *e, const uint8_t local[4], const uint8_t remote[4],
				  const struct connection *after);

/* Sees to what is wanted: children on the IKE SA that is up, or a new IKE SA if none is under way. */
void peer_pursue(struct peer *p);

/* Begins a new IKE SA with a child for that selector, whatever there is. NULL: no memory. */
struct ike_sa *peer_open(struct peer *p, unsigned selector);

bool peer_is_under_way(const struct peer *p);
/* Nothing forbids it. */
bool peer_may_connect(const struct peer *p);
/* It is to be up whenever it can. */
bool peer_is_kept_up(const struct peer *p);

/* Wants all selectors (for start = initiate, and by order). */
void peer_want_all(struct peer *p);

/* The peer's IKE SA that new children are made on, or NULL. */
struct ike_sa *peer_ike_up(const struct peer *p);

/* Whether an SA of the peer is left that was to go when it was last taken down. */
bool peer_has_outlived(const struct peer *p);

/* A child that is up, and to stay so, for that selector, or what the peer leaves of it; or NULL. NULL for s: any. */
struct child *peer_child_up(const struct peer *p, const struct selector *s);

/* Which of the connection's selectors a child came of: the most exact that has all of it. -1: none. */
int peer_selector_of(const struct child *c);

/* The IKE SA is this peer's from now on. */
void peer_take_ike(struct peer *p, struct ike_sa *sa);

/* ---- what happens to it ---- */

void peer_on_child_up(struct peer *p, struct child *child);
/* An attempt to get an IKE SA or a child has failed, for that reason (one line). */
void peer_on_failure(struct peer *p, const char *why);
/* An IKE SA or a child is gone: what is to be there is wanted again, and the peer may be needed no more. */
void peer_on_loss(struct peer *p);

/* It has opened an IKE SA and asked for no child on it. */
void peer_on_childless(struct peer *p);
/* Ends an order, or those of that kind; error: NULL if well. */
void peer_end_order(struct peer *p, struct order *order, const char *error);
void peer_end_orders(struct peer *p, enum order_kind kind, const char *error);
/* An order waits from now on; NULL: there is no memory, and it has ended. */
struct order *peer_add_order(struct peer *p, enum order_kind kind, uint64_t ticket);

/* "down", "trap", "connecting", "up" */
const char *peer_state(const struct peer *p);

void peer_free(struct peer *p);

/* With its peers and its configuration. */
void connection_free(struct connection *c);

#endif
