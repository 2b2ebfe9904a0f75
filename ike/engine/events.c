/* SPDX-License-Identifier: BSD-2-Clause */
/* What the datapath and the host tell. */
#include "engine.h"

#include <string.h>

#include "carry.h"
#include "child_life.h"
#include "ike_sa_end.h"
#include "liveness.h"
#include "opening.h"
#include "peer_sas.h"
#include "peer_state.h"
#include "per_lane.h"
#include "wish.h"

void engine_limit(struct engine *e, struct sa_handle sa, bool hard)
{
	struct child *c = child_by_handle(e, sa);

	if (c)
		child_on_limit(c, hard);
}

/* What is first by the precedence of policies of those that take the packet, as in the SPD; -1: none. */
static int selector_for(const struct connection_config *config, uint8_t proto, uint16_t local_port,
			uint16_t remote_port)
{
	int best = -1;

	for (unsigned i = 0; i < config->selector_count; i++) {
		const struct selector *s = &config->selectors[i];

		if (selector_takes(s, proto, local_port, remote_port) &&
		    (best < 0 || selector_compare(s, &config->selectors[best]) < 0))
			best = (int)i;
	}
	return best;
}

/* The packet's rule is one of a connection's: which connection, and which selector of it. */
struct wanted {
	struct connection *connection;
	int selector;
};

static bool goes_before(const struct wanted *a, const struct wanted *b)
{
	const struct connection_config *x = a->connection->config, *y = b->connection->config;

	return x->remote_bits == y->remote_bits &&
	       selector_compare(&x->selectors[a->selector], &y->selectors[b->selector]) < 0;
}

/* There may be a child that waits to be bound, or was bound after the event was told. */
static void acquire(struct peer *p, unsigned i)
{
	struct child *c = peer_child_up(p, &p->connection->config->selectors[i]);

	if (c) {
		child_bind(c);
		return;
	}
	if (timer_is_set(&p->retry))
		return;
	/* Who is to be up always, and was taken down, is up with all of it again. */
	if (p->held && peer_is_kept_up(p))
		peer_want_all(p);
	p->held = false;
	p->wanted |= 1U << i;
	peer_pursue(p);
	opening_hurry(p);
}

/* Packets are dropped, and nobody here is to do anything about it: said once, and from then on counted. */
static void tell_of_waiting(struct peer *p)
{
	static const char what[] =
		"packets wait for the peer to begin, as 'start = respond' says: if nobody is to begin there, "
		"set start = trap or initiate at one end";

	if (failure_lasts(&p->last_failures[FAILED]) || connection_is_mesh(p->connection))
		peer_note_failure(p, FAILED, 0, what);
	else
		peer_failure(p, FAILED, 0, what);
}

/* Who is to respond asks for it once the peer has opened an IKE SA. */
static void miss(struct peer *p, unsigned i)
{
	wish_missed(p, i);
	if (peer_state(p) == PEER_DOWN && !p->address_gone)
		tell_of_waiting(p);
}

/* connection: NULL if none has a rule for the packet. */
static struct wanted wanted_for(struct engine *e, const uint8_t local[4], const uint8_t remote[4], uint8_t proto,
				uint16_t local_port, uint16_t remote_port)
{
	struct wanted best = {0}, w = {0};

	while ((w.connection = connection_for(e, local, remote, w.connection))) {
		w.selector = selector_for(w.connection->config, proto, local_port, remote_port);
		if (w.selector >= 0 && (!best.connection || goes_before(&w, &best)))
			best = w;
	}
	return best;
}

void engine_acquire_for_lane(struct engine *e, const uint8_t local[4], const uint8_t remote[4], uint8_t proto,
			     uint16_t local_port, uint16_t remote_port, unsigned lane)
{
	const struct wanted best = wanted_for(e, local, remote, proto, local_port, remote_port);
	struct peer *p = best.connection ? peer_get(best.connection, remote) : NULL;

	if (p)
		lane_acquire(p, (unsigned)best.selector, lane);
}

void engine_acquire(struct engine *e, const uint8_t local[4], const uint8_t remote[4], uint8_t proto,
		    uint16_t local_port, uint16_t remote_port)
{
	const struct wanted best = wanted_for(e, local, remote, proto, local_port, remote_port);
	struct peer *p;

	if (!best.connection)
		return;
	p = peer_get(best.connection, remote);
	if (!p)
		return;
	if (best.connection->config->start != START_RESPOND || peer_ike_up(p))
		acquire(p, (unsigned)best.selector);
	else
		miss(p, (unsigned)best.selector);
}

/* Those that are up between the two are asked whether they are. False: none is. */
static bool hint(struct engine *e, const uint8_t local[4], const uint8_t remote[4])
{
	struct peer *p = peer_first(e, peer_key(local, remote));
	bool any = false;

	for (; p; p = peer_next(p)) {
		struct ike_sa *sa = peer_ike_up(p);

		if (sa)
			liveness_hint(sa);
		any |= sa != NULL;
	}
	return any;
}

static void open_lost(struct connection *c, const uint8_t remote[4])
{
	struct peer *p = c->config->start == START_RESPOND ? NULL : peer_get(c, remote);

	if (!p || p->held || timer_is_set(&p->retry))
		return;
	peer_want_all(p);
	peer_pursue(p);
}

/* The peer sends by SAs that are gone here, after a restart of ours: a new IKE SA with INITIAL_CONTACT tells it so. Of
 * which connection they were nobody knows: any between the two. */
void engine_unknown_spi(struct engine *e, const uint8_t local[4], const uint8_t remote[4], uint32_t spi)
{
	struct connection *c = NULL;

	(void)spi;
	if (hint(e, local, remote))
		return;
	while ((c = connection_for(e, local, remote, c)))
		open_lost(c, remote);
}

static void address_gone(struct connection *c)
{
	struct peer *p;

	TAILQ_FOREACH(p, &c->peers, of_connection) {
		struct ike_sa *sa;

		p->address_gone = true;
		TAILQ_FOREACH(sa, &p->sas, of_peer)
			ike_sa_die(sa, sa->state == IKE_DEAD ? NULL : "the local address is gone");
	}
}

static void address_back(struct connection *c)
{
	struct peer *p;

	TAILQ_FOREACH(p, &c->peers, of_connection) {
		p->address_gone = false;
		peer_failures_over(p);
		if (c->config->start == START_INITIATE && !p->held)
			peer_want_all(p);
		peer_pursue(p);
	}
}

void engine_address(struct engine *e, const uint8_t local[4], bool present)
{
	struct connection *c;

	TAILQ_FOREACH(c, &e->connections, of_engine) {
		if (memcmp(c->config->local, local, 4) != 0 || c->gone)
			continue;
		if (present)
			address_back(c);
		else
			address_gone(c);
	}
}
