/* SPDX-License-Identifier: BSD-2-Clause */
#include "orders.h"

#include "child.h"
#include "engine.h"
#include "ike_sa.h"
#include "orphans.h"
#include "task.h"

static struct connection *find(struct engine *e, const char *name)
{
	struct connection *c;

	TAILQ_FOREACH(c, &e->connections, of_engine)
		if (!c->gone && strcmp(c->config->name, name) == 0)
			return c;
	return NULL;
}

static bool refuse(struct engine *e, uint64_t ticket, const char *why)
{
	e->ops.done(e->ops.arg, ticket, why);
	return false;
}

/* The one peer that is meant. NULL: done has been called with why. */
static struct peer *find_peer(struct engine *e, const char *name, const uint8_t *remote, uint64_t ticket)
{
	struct connection *c = find(e, name);
	struct peer *p = NULL;
	const char *why = "no memory";

	if (!c)
		why = "there is no connection of that name";
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

static void terminate_sa(struct ike_sa *sa)
{
	if (sa->state == IKE_UP) {
		task_drop_all(sa, false);
		/* Without memory to say so it ends all the same: the peer will find out. */
		if (!task_queue(sa, TASK_DELETE_IKE))
			ike_sa_die(sa, NULL);
	} else if (sa->state < IKE_UP) {
		ike_sa_die(sa, NULL);
	}
}

/* Who else has a child on it, and is to keep it. */
static struct peer *other_user(const struct ike_sa *sa)
{
	struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list)
		if (c->peer != sa->peer && c->era == c->peer->era)
			return c->peer;
	return NULL;
}

/* An IKE SA that carries another connection's children goes on as that one's. */
static void terminate_or_hand_on(struct ike_sa *sa)
{
	struct peer *other = sa->state == IKE_UP ? other_user(sa) : NULL;

	if (other)
		peer_take_ike(other, sa);
	else
		terminate_sa(sa);
}

void ike_sa_obey(struct ike_sa *sa)
{
	if (!ike_sa_is_wanted(sa))
		terminate_or_hand_on(sa);
}

static void delete_children_elsewhere(struct peer *p)
{
	struct child *c;

	TAILQ_FOREACH(c, &p->children, of_peer)
		if (c->ike->peer != p && c->ike->state == IKE_UP)
			child_delete(c, 0);
}

void peer_terminate(struct peer *p)
{
	struct engine *e = p->connection->engine;
	struct ike_sa *sa, *next;

	p->era++;
	p->held = true;
	p->wanted = 0;
	timer_cancel(&e->timers, &p->retry);
	peer_end_orders(p, ORDER_UP, "the connection was taken down");
	peer_end_orders(p, ORDER_REKEY, "the connection was taken down");
	orphans_end(p);
	for (sa = TAILQ_FIRST(&p->sas); sa; sa = next) {
		next = TAILQ_NEXT(sa, of_peer);
		terminate_or_hand_on(sa);
	}
	delete_children_elsewhere(p);
}

static void terminate(struct peer *p, uint64_t ticket)
{
	struct engine *e = p->connection->engine;

	peer_terminate(p);
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
	struct connection *c = find(e, name);
	struct peer *p = c && c->config->remote_bits == 32 ? peer_get(c, c->config->remote) : NULL;
	struct ike_sa *sa;

	if (!p)
		return;
	TAILQ_FOREACH(sa, &p->sas, of_peer) {
		if (sa->state < IKE_UP || sa->state == IKE_DEAD)
			continue;
		ike_sa_say_good_bye(sa);
		ike_sa_die(sa, "ended: its SAs carry nothing");
	}
	delete_children_elsewhere(p);
}

static unsigned rekey_children(struct peer *p)
{
	struct child *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, &p->children, of_peer)
		if (c->state == CHILD_UP && c->ike->state == IKE_UP && task_queue_child(c->ike, TASK_REKEY_CHILD, c))
			n++;
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

/* ---- whether they are done ---- */

enum progress {
	REPLACED, /* all of it is, or gone */
	WAITS,	  /* for the peer, or its turn */
	GIVEN_UP, /* nobody sees to it any more */
};

static enum progress of_ike(const struct peer *p, uint64_t serial)
{
	const struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->serial == serial && sa->state == IKE_UP)
			return task_find(sa, TASK_REKEY_IKE, NULL) || task_find(sa, TASK_DELETE_IKE, NULL) ? WAITS
													   : GIVEN_UP;
	return REPLACED;
}

static bool is_seen_to(const struct child *c)
{
	return c->ike->state != IKE_UP || task_find(c->ike, TASK_REKEY_CHILD, c) ||
	       task_find(c->ike, TASK_DELETE_CHILD, c) || task_find(c->ike, TASK_DELETE_IKE, NULL);
}

static enum progress of_children(const struct peer *p, uint64_t serial)
{
	enum progress all = REPLACED;
	const struct child *c;

	TAILQ_FOREACH(c, &p->children, of_peer) {
		if (c->state != CHILD_UP || c->serial > serial)
			continue;
		if (is_seen_to(c))
			return WAITS;
		all = GIVEN_UP;
	}
	return all;
}

void orders_look(struct peer *p)
{
	struct order *order, *next;

	for (order = TAILQ_FIRST(&p->orders); order; order = next) {
		enum progress at = WAITS;

		next = TAILQ_NEXT(order, of_peer);
		if (order->kind == ORDER_DOWN && !peer_has_outlived(p))
			at = REPLACED;
		else if (order->kind == ORDER_REKEY)
			at = order->ike ? of_ike(p, order->serial) : of_children(p, order->serial);
		if (at != WAITS)
			peer_end_order(p, order, at == REPLACED ? NULL : "the rekey was given up: the log has more");
	}
}
