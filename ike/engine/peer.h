/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer of a connection: what is there between the two hosts, which selectors are to have a child and have none, who
 * has ordered something and waits, when to try again. peer_sas.h finds what a peer has, wish.h pursues what is wanted.
 */
#ifndef IKE_ENGINE_PEER_H
#define IKE_ENGINE_PEER_H

#include <sys/queue.h>

#include "connection.h"

TAILQ_HEAD(ike_sa_list, ike_sa);
TAILQ_HEAD(order_list, order);

/* Somebody waits for the end of "connection initiate", "terminate" or "rekey". */
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
	struct child_list late;	    /* of those that have left, and whose counts are still its own */
	unsigned tasks;		    /* how many are for this peer, of any IKE SA */
	/* How often the peer was taken down. SAs of an earlier era are to go, and so is what rekeys make of them. */
	unsigned era;
	uint32_t wanted;    /* selectors that are to get a child: a bit each, by the index in the configuration */
	uint32_t missed;    /* those that a packet was for when there was no IKE SA, and none was to be opened, */
	uint64_t missed_ms; /* and when the last of them came */
	TAILQ_ENTRY(peer) of_waiting;
	bool waits;   /* for its turn to have an IKE SA opened (opening.h), */
	bool hurries; /* and a packet with it */
	bool held;    /* taken down by order: up again by order, or by a packet, alone */
	bool address_gone;
	bool no_pfs; /* makes no child with a key exchange: each child gets an IKE SA of its own (renew.h) */
	uint64_t lanes_again_ms; /* when a child for a lane may be asked for again; 0: none was refused */
	bool childless;		 /* makes no child in IKE_AUTH (childless.h) */
	unsigned failures;	 /* in a row */
	struct failure last_failures[FAILURE_KINDS];
	struct tally *tally;  /* of SAs that have ended; NULL: none has. Most peers of a flood never have any */
	bool is_up;	      /* a child carries traffic, as peer_see_state() saw it last; */
	uint64_t up_ms;	      /* since when, or when that was last so; 0: never */
	uint64_t lost_ms;     /* when it came to its end; before it ever was: when the peer was made */
	struct timer retry;   /* wishes are pursued again */
	struct timer orphans; /* SAs of an earlier run go (orphans.h) */
	struct order_list orders;
};

/* Key of by_addresses. */
uint64_t peer_key(const uint8_t local[4], const uint8_t remote[4]);

/* The peers of all connections between the two addresses of key; NULL at the end. */
struct peer *peer_first(const struct engine *e, uint64_t key);
struct peer *peer_next(const struct peer *p);

/* One line, with "NAME: " (of a mesh "NAME[192.0.2.7]: ") in front. */
void peer_log(const struct peer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An event of the peer's connection, with its address. values, which may be NULL, are deleted. */
void peer_tell(const struct peer *p, bool remote, const char *event, cJSON *values);

/* What went wrong last, as an event. */
void peer_tell_failure(const struct peer *p, enum failure_kind kind);

/*
 * What this host wants of the peer (FAILED), or is wanted of it (REFUSED), has come to nothing: logged, and kept for
 * the status. notify: 0, or what the peer said, or was told. The one place besides ike_failure() where that is
 * recorded.
 */
void peer_failure(struct peer *p, enum failure_kind kind, uint16_t notify, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same without the log. */
void peer_note_failure(struct peer *p, enum failure_kind kind, uint16_t notify, const char *what);

/* What was wanted of the peer has succeeded: what went wrong before is over. */
void peer_failures_over(struct peer *p);

/* The same, of a line that is no format. flags: enum line_flag. */
void peer_log_line(const struct peer *p, unsigned flags, const char *line);

/* The connection's peer of that address, made if there is none. NULL: no memory. */
struct peer *peer_get(struct connection *c, const uint8_t remote[4]);

/* Nothing forbids to open an IKE SA: not taken down, the local address is there, the connection in the file. */
bool peer_may_connect(const struct peer *p);

/* The peer is to be up whenever it can be: start = initiate, and no mesh. */
bool peer_is_kept_up(const struct peer *p);

/* SAs of an earlier run between the two are in the datapath. */
static inline bool peer_has_orphans(const struct peer *p)
{
	return timer_is_set(&p->orphans);
}

/* An order waits from now on. NULL: no memory, and who ordered has been told. */
struct order *peer_add_order(struct peer *p, enum order_kind kind, uint64_t ticket);

/* Ends that order, or all of that kind, and tells who ordered. error: NULL if well, else one line. */
void peer_end_order(struct peer *p, struct order *order, const char *error);
void peer_end_orders(struct peer *p, enum order_kind kind, const char *error);

/* It is in the queue of those that wait for their turn no more. */
void peer_wait_no_more(struct peer *p);

/* Frees the peer, which has no SA and no task any more; its orders end. child_forget_peer() comes before. */
void peer_free(struct peer *p);

/* Where what an SA of the peer has carried goes when it ends; without memory for one of its own, the connection's. */
struct tally *peer_tally(struct peer *p);

#endif
