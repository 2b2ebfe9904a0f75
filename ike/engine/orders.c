/* SPDX-License-Identifier: BSD-2-Clause */
#include "orders.h"

#include "child_life.h"
#include "ike_sa_end.h"
#include "orphans.h"
#include "peer_sas.h"
#include "task.h"

void orders_delete_elsewhere(struct peer *p)
{
	struct child *c;

	TAILQ_FOREACH(c, &p->children, of_peer)
		if (c->ike->peer != p && c->ike->state == IKE_UP)
			child_delete(c, 0);
}

void orders_take_down(struct peer *p)
{
	struct engine *e = p->connection->engine;
	struct ike_sa *sa, *next;

	p->era++;
	p->held = true;
	p->wanted = 0;
	peer_failures_over(p);
	timer_cancel(&e->timers, &p->retry);
	peer_end_orders(p, ORDER_UP, "the connection was taken down");
	peer_end_orders(p, ORDER_REKEY, "the connection was taken down");
	orphans_end(p);
	for (sa = TAILQ_FIRST(&p->sas); sa; sa = next) {
		next = TAILQ_NEXT(sa, of_peer);
		ike_sa_take_down(sa);
	}
	orders_delete_elsewhere(p);
}

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
			return task_find(sa, TASK_REKEY_IKE, NULL) || sa->leaves ? WAITS : GIVEN_UP;
	return REPLACED;
}

static bool is_seen_to(const struct child *c)
{
	return c->ike->state != IKE_UP || task_find(c->ike, TASK_REKEY_CHILD, c) ||
	       task_find(c->ike, TASK_DELETE_CHILD, c) || c->ike->leaves;
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
