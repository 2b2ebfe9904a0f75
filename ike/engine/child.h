/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child SA: two ESP SAs of the datapath. Each half has a state of its own, since in a rekey without loss they change
 * at different times (carry.h):
 *
 *                      inbound                        outbound
 *   initiator   reserved with the request,     bound with the answer
 *               installed with the answer
 *   responder   installed before the answer    first child: bound at once;
 *                                              rekey: registered, bound at the old one's DELETE or the first
 *                                              packet on the new inbound SA
 *   replaced    stays for a grace time         stays as long, for what is on its way to the worker
 */
#ifndef IKE_ENGINE_CHILD_H
#define IKE_ENGINE_CHILD_H

#include <sys/queue.h>

#include "ike_sa.h"
#include "maps/selector.h"
#include "peer.h"
#include "task.h"

enum half_state {
	HALF_NONE,
	HALF_REGISTERED, /* in the datapath, carries nothing yet */
	HALF_INSTALLED,	 /* inbound: packets are taken; outbound: bound */
};

struct child_half {
	enum half_state state;
	uint32_t spi;
	struct sa_usage settled; /* of what it has carried, that which is in its peer's tally */
	struct sa_handle sa;
	struct table_node by_slot;
};

enum child_state {
	CHILD_UP,
	CHILD_REPLACED, /* a successor has taken over; its DELETE is ours to send, or the peer's */
	CHILD_DELETING, /* our DELETE is on its way */
	CHILD_GRACE,	/* deleted, of no IKE SA and no peer; the halves stay for what is on its way */
};

struct child {
	struct mortal mortal;
	TAILQ_ENTRY(child) of_list; /* of its IKE SA; in CHILD_GRACE: of the engine */
	TAILQ_ENTRY(child) of_peer; /* in CHILD_GRACE of late, if there is one */
	struct engine *engine;
	struct ike_sa *ike; /* NULL in CHILD_GRACE */
	struct peer *peer;  /* whose connection the child is for (choice.h); NULL in CHILD_GRACE */
	struct peer *late;  /* in CHILD_GRACE: whose tally gets what still comes; NULL: nobody's, the peer is gone */
	enum child_state state;
	unsigned era;	 /* peer.era when the first child of this line of rekeys was made */
	uint64_t serial; /* of all that the engine has made */
	struct selector selector;
	struct selector asked; /* what we asked for, which the peer may have narrowed to selector */
	bool esn;
	bool initiator; /* we are, of the exchange that made the child */
	bool resource;	/* SA_RESOURCE_INFO went both ways: there may be others for lanes beside it (per_lane.h) */
	unsigned lane;	/* whose it is, as in sad_out_key; 0: it is for whichever has none; or LANE_SPARE */
	struct child_half in;
	struct child_half out;
	struct child *successor;       /* takes over when this one's DELETE comes; of the same IKE SA */
	struct child *rival;	       /* made by the peer while we were rekeying this one (RFC 7296 section 2.8.1) */
	uint8_t low_nonce[NONCE_SIZE]; /* nonce_lower() of the exchange that made the child */
	uint64_t made_ms;
	uint64_t made_on;   /* the serial of the IKE SA that the child was made on */
	uint32_t made_id;   /* the ID of the peer's request that made the child, unless initiator */
	unsigned unknown;   /* how often the peer did not know the child yet */
	uint64_t bind_ms;   /* the outbound half is bound then, even if nothing has come */
	struct timer soft;  /* the rekey */
	struct timer hard;  /* the end, if there was no rekey */
	struct timer watch; /* the first packet on a new inbound half is looked for; in CHILD_GRACE: the end */
};

/* The peer has asked for it, and no lane has wanted one yet: nothing leaves by it. */
#define LANE_SPARE (LANES_MAX + 1)

/* What an exchange has settled: both halves are made of it. */
struct child_terms {
	struct peer *peer;
	unsigned era;
	struct selector selector;
	struct selector asked;
	bool esn;
	bool initiator;
	bool resource;
	unsigned lane;
	uint32_t spi_in;
	uint32_t spi_out;
	struct sa_handle reserved; /* room for the inbound half; generation 0: none */
	const uint8_t *secret;	   /* DH_SECRET_SIZE, or NULL */
	struct chunk ni;
	struct chunk nr;
};

/* Makes the child: its inbound half is installed, its outbound half registered, and not bound. NULL: no room, and the
 * log has the reason. */
struct child *child_install(struct ike_sa *sa, const struct child_terms *terms);

/*
 * By the SPI that the peer names, which is our outbound one. The child may be on another IKE SA between the two: while
 * one is rekeyed (RFC 7296 section 2.8.2) the peer may have the children on the new one, and here they are on the old
 * one, or the other way.
 */
struct child *child_find(const struct ike_sa *sa, uint32_t spi);

/* By the handle of either half. */
struct child *child_by_handle(const struct engine *e, struct sa_handle sa);

/* How many packets have left by the outbound half. */
uint64_t child_sent_packets(const struct child *c);

/* How long ago the last packet came by the inbound half; UINT64_MAX: none has. */
uint64_t child_idle_ms(const struct child *c);

/* What the datapath has counted on that half. False: the half is not there. */
bool child_usage(const struct child *c, const struct child_half *half, struct sa_usage *usage);

/* Of so many packets or bytes that the file allows, those after which this end asks for a rekey: the end that made the
 * child is first. 0: no limit. */
uint64_t child_soft_limit(const struct child *c, uint64_t limit);
/* That of packets, which a child without ESN has in any case. */
uint64_t child_soft_packets(const struct child *c);

/* One line, with both SPIs and the selector in front. */
void child_log(const struct child *c, const char *what);

/* An event, with both SPIs and the selector, and what else there is in values, which may be NULL, and are deleted. */
void child_tell(const struct child *c, const char *event, cJSON *values);

/* task_queue_for() of the child, on its IKE SA. */
struct task *child_queue(struct child *c, enum task_kind kind);

/* False: the child's peer or IKE SA was taken down since, and the child ends as soon as possible. */
static inline bool child_is_wanted(const struct child *c)
{
	return c->era == c->peer->era && ike_sa_is_wanted(c->ike);
}

/* The number of the lane that it is for; -1: of none alone. */
static inline int child_lane(const struct child *c)
{
	return c->lane && c->lane != LANE_SPARE ? (int)c->lane - 1 : -1;
}

/* One of the two would do: what leaves by the one, or did, may leave by the other. */
static inline bool child_is_alike(const struct child *a, const struct child *b)
{
	return a->lane == b->lane && a->lane != LANE_SPARE && selector_equal(&a->selector, &b->selector);
}

/* Puts what the half has carried, and is not there yet, into the tally of the child's peer. */
void child_settle(struct child *c, struct child_half *half);

/* The same of all that are in their grace time. */
void child_settle_late(const struct engine *e);

/* The peer goes: what still comes by its children in their grace time is in nobody's tally. */
void child_forget_peer(struct peer *p);

/* Adds what both halves have carried, and is in no tally yet. */
void child_add_unsettled(const struct child *c, struct tally *t);

/* ---- the end: child_leave() of carry.h with a grace time, child_drop() at once; and their steps ---- */

/* No other child has this one as its successor or rival any more. One that this one was to replace, and that still
 * carries, is up again. */
void child_forget_links(const struct child *c);

/* Off its IKE SA and its peer, in CHILD_GRACE: no look-up of theirs finds it. */
void child_take_out(struct child *c);

/* Takes the half out of the datapath. */
void child_remove_half(struct child *c, struct child_half *half);

/* Takes the child and both halves out at once. */
void child_drop(struct child *c);

/* Frees the child, which is in CHILD_GRACE. Only for the tick. */
void child_free(struct child *c);

#endif
