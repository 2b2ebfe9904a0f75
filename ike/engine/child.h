/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child SA: two ESP SAs and what becomes of them. The halves have states of
 * their own, since a rekey without loss means that they change at different times:
 *
 *                      inbound                        outbound
 *   initiator   reserved with the request,     bound with the answer
 *               installed with the answer
 *   responder   installed before the answer    first child: bound at once;
 *                                              rekey: registered, bound at the old one's DELETE or the first
 *                                              packet on the new inbound SA
 *   replaced    stays for a grace time         stays as long, for what is on its way to the worker
 */
#ifndef IKE_CHILD_H
#define IKE_CHILD_H

#include <sys/queue.h>

#include "ike_sa.h"
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
	struct sa_handle sa;
	struct table_node by_slot;
};

enum child_state {
	CHILD_UP,
	CHILD_REPLACED, /* a successor has taken over; its DELETE is ours to send, or the peer's */
	CHILD_DELETING, /* our DELETE is on its way */
	CHILD_GRACE,	/* deleted; the halves stay for what is on its way. It has no IKE SA any more */
};

struct child {
	struct mortal mortal;
	TAILQ_ENTRY(child) of_list; /* of its IKE SA; in CHILD_GRACE: of the engine */
	TAILQ_ENTRY(child) of_peer; /* not in CHILD_GRACE */
	struct engine *engine;
	struct ike_sa *ike; /* NULL in CHILD_GRACE */
	struct peer *peer;  /* whose connection it is for; its IKE SA may be another connection's (choice.h) */
	enum child_state state;
	unsigned era;	 /* the peer's when the first of its line was made */
	uint64_t serial; /* of all that the engine has made */
	struct selector selector;
	struct selector asked; /* what we asked for first, if the peer has narrowed it; else the same */
	bool esn;
	bool initiator; /* of the exchange that made it */
	struct child_half in;
	struct child_half out;
	struct child *successor; /* who takes over when this one's DELETE comes; of the same IKE SA */
	struct child *rival; /* the child that the peer made while we were rekeying this one (RFC 7296 section 2.8.1) */
	uint8_t low_nonce[NONCE_SIZE]; /* the lower of the two that made it, cut or padded with zeros */
	uint64_t made_ms;
	uint64_t bind_ms;   /* to be bound then, even if nothing has come on it */
	struct timer soft;  /* time to rekey */
	struct timer hard;  /* end of its life */
	struct timer watch; /* looks for the first packet on a new inbound SA; in CHILD_GRACE: the end */
};

/* What an exchange has settled, and from which both halves are made. */
struct child_terms {
	struct peer *peer;
	unsigned era;
	struct selector selector;
	struct selector asked;
	bool esn;
	bool initiator;
	uint32_t spi_in;
	uint32_t spi_out;
	struct sa_handle reserved; /* for the inbound half; generation 0: none */
	const uint8_t *secret;	   /* DH_SECRET_SIZE, or NULL */
	struct chunk ni;
	struct chunk nr;
};

/* Makes the child with its inbound half installed and its outbound half registered. NULL if there is no room, with the
 * reason logged. */
struct child *child_install(struct ike_sa *sa, const struct child_terms *terms);

/*
 * By the SPI that the peer names, our outbound one. While an IKE SA is rekeyed (RFC 7296 section 2.8.2) the peer may
 * have its children on the new one already, or still on the old one, and here it is the other way: so it may be on any
 * between the two.
 */
struct child *child_find(const struct ike_sa *sa, uint32_t spi);

/* By a half's handle, whichever. */
struct child *child_by_handle(const struct engine *e, struct sa_handle sa);

/* What has left by it. */
uint64_t child_sent_packets(const struct child *c);

/* How long ago the peer's last packet came on it. */
uint64_t child_idle_ms(const struct child *c);

/* What the datapath has counted on a half. False: it is not there. */
bool child_usage(const struct child *c, const struct child_half *half, struct sa_usage *usage);

/* One line, with both SPIs and the selector in front. */
void child_log(const struct child *c, const char *what);

/* A task of that kind for it, on its IKE SA. NULL: no memory. */
struct task *child_queue(struct child *c, enum task_kind kind);

/* False: its peer or its IKE SA was taken down, and it ends as soon as it can. */
static inline bool child_is_wanted(const struct child *c)
{
	return c->era == c->peer->era && ike_sa_is_wanted(c->ike);
}

/* ---- the end, by its steps ---- */

/* Neither heir nor rival of any other. One that it was to replace, and that still carries, is up again. */
void child_forget_links(const struct child *c);

/* In no look-up any more, of no IKE SA and no peer: CHILD_GRACE. */
void child_take_out(struct child *c);

/* Takes that half out of the datapath. */
void child_remove_half(struct child *c, struct child_half *half);

/* Takes it out with both halves, at once. */
void child_drop(struct child *c);

/* Frees now. Only for the tick. */
void child_free(struct child *c);

#endif
