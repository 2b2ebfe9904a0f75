/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer of a connection: what is wanted of it (which selectors wait for a child), who has ordered that, and when to
 * try again.
 */
#ifndef IKE_PEER_H
#define IKE_PEER_H

#include <sys/queue.h>

#include "connection.h"

TAILQ_HEAD(ike_sa_list, ike_sa);
TAILQ_HEAD(order_list, order);

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

/* Nothing forbids it. */
bool peer_may_connect(const struct peer *p);
/* It is to be up whenever it can. */
bool peer_is_kept_up(const struct peer *p);

/* SAs of an earlier run with it are in the datapath (orphans.h). */
static inline bool peer_has_orphans(const struct peer *p)
{
	return timer_is_set(&p->orphans);
}

/* Ends an order, or those of that kind; error: NULL if well. */
void peer_end_order(struct peer *p, struct order *order, const char *error);
void peer_end_orders(struct peer *p, enum order_kind kind, const char *error);
/* An order waits from now on; NULL: there is no memory, and it has ended. */
struct order *peer_add_order(struct peer *p, enum order_kind kind, uint64_t ticket);

/* It has no SA and no task any more; its orders end. */
void peer_free(struct peer *p);

#endif
