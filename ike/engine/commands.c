/* SPDX-License-Identifier: BSD-2-Clause */
/* What people order, and the supervisor. */
#include "engine.h"

#include <string.h>

#include "child_life.h"
#include "ike_sa_end.h"
#include "orders.h"
#include "peer_sas.h"
#include "task.h"
#include "wish.h"

static bool refuse(struct engine *e, uint64_t ticket, const char *why)
{
	e->ops.done(e->ops.arg, ticket, why);
	return false;
}

/* The one peer that is meant. NULL: done has been called with why. */
static struct peer *find_peer(struct engine *e, const char *name, const uint8_t *remote, uint64_t ticket)
{
	struct connection *c = connection_named(e, name);
	struct peer *p = NULL;
	const char *why = "no memory";

	if (!c)
		why = "there is no connection of that name: 'xdp-ipsec connection list' has those that there are";
	else if (c->config->remote_bits < 32 && !remote)
		why = "it is a mesh: say which peer, by 'remote IP'";
	else if (remote && !connection_covers(c, c->config->local, remote))
		why = "that address is not within its 'remote'";
	else
		p = peer_get(c, remote ? remote : c->config->remote);
	if (!p)
		refuse(e, ticket, why);
	return p;
}

void engine_initiate(struct engine *e, const char *name, const uint8_t *remote, uint64_t ticket)
{
	struct peer *p = find_peer(e, name, remote, ticket);

	if (!p)
		return;
	p->held = false;
	peer_want_all(p);
	if (!p->wanted) {
		e->ops.done(e->ops.arg, ticket, NULL);
		return;
	}
	if (p->address_gone) {
		refuse(e, ticket, "its local address is not on this host");
		return;
	}
	timer_cancel(&e->timers, &p->retry);
	peer_add_order(p, ORDER_UP, ticket);
	peer_pursue(p);
}

static void terminate(struct peer *p, uint64_t ticket)
{
	struct engine *e = p->connection->engine;

	orders_take_down(p);
	if (peer_has_outlived(p))
		peer_add_order(p, ORDER_DOWN, ticket);
	else
		e->ops.done(e->ops.arg, ticket, NULL);
}

void engine_terminate(struct engine *e, const char *name, const uint8_t *remote, uint64_t ticket)
{
	struct peer *p = find_peer(e, name, remote, ticket);

	if (p)
		terminate(p, ticket);
}

void engine_dead(struct engine *e, const char *name)
{
	struct connection *c = connection_named(e, name);
	struct peer *p = c && c->config->remote_bits == 32 ? peer_get(c, c->config->remote) : NULL;
	struct ike_sa *sa;

	if (!p)
		return;
	TAILQ_FOREACH(sa, &p->sas, of_peer) {
		if (sa->state < IKE_UP || sa->state == IKE_DEAD)
			continue;
		ike_sa_say_good_bye(sa);
		ike_sa_die(sa, "ended: its SAs carry nothing: no probe of the monitor was answered");
	}
	orders_delete_elsewhere(p);
}

static unsigned rekey_children(struct peer *p)
{
	struct child *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, &p->children, of_peer)
		n += child_rekey(c);
	return n;
}

void engine_rekey(struct engine *e, const char *name, const uint8_t *remote, bool ike, uint64_t ticket)
{
	struct peer *p = find_peer(e, name, remote, ticket);
	struct ike_sa *sa = p ? peer_ike_up(p) : NULL;
	struct order *order;
	unsigned n = 0;

	if (!p)
		return;
	if (sa && ike)
		n = task_find(sa, TASK_REKEY_IKE, NULL) || task_queue(sa, TASK_REKEY_IKE);
	else if (!ike)
		n = rekey_children(p);
	if (!n) {
		refuse(e, ticket, "it is not up: nothing to rekey");
		return;
	}
	order = peer_add_order(p, ORDER_REKEY, ticket);
	if (!order)
		return;
	order->ike = ike;
	order->serial = ike ? sa->serial : e->made;
}
