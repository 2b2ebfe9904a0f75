/* SPDX-License-Identifier: BSD-2-Clause */
#include "reap.h"

#include <stdlib.h>

#include "child.h"
#include "orders.h"
#include "wish.h"

static void reap_connection(struct mortal *m)
{
	struct connection *c = container_of(m, struct connection, mortal);

	if (c->gone && TAILQ_EMPTY(&c->peers))
		connection_free(c);
}

static bool is_needed(const struct peer *p)
{
	return !TAILQ_EMPTY(&p->sas) || !TAILQ_EMPTY(&p->children) || p->tasks || p->wanted || peer_has_orphans(p) ||
	       (!connection_is_mesh(p->connection) && !p->connection->gone);
}

/* One of a mesh that has nothing and is to get nothing, and any of a connection that is gone. */
static void reap_peer(struct mortal *m)
{
	struct peer *p = container_of(m, struct peer, mortal);
	struct connection *c = p->connection;

	peer_see_to_wishes(p);
	orders_look(p);
	if (is_needed(p))
		return;
	child_forget_peer(p);
	peer_free(p);
	mortal_end(&c->engine->ending, &c->mortal);
}

/* Its last answer is to be had as long as the kick is to come. */
static void reap_ike_sa(struct mortal *m)
{
	struct ike_sa *sa = container_of(m, struct ike_sa, mortal);
	struct peer *peer = sa->peer;

	if (sa->state != IKE_DEAD || timer_is_set(&sa->kick))
		return;
	ike_sa_free(sa);
	peer_on_loss(peer);
}

static void reap_child(struct mortal *m)
{
	struct child *c = container_of(m, struct child, mortal);

	if (c->state != CHILD_GRACE || timer_is_set(&c->watch))
		return;
	child_free(c);
}

static void reap_task(struct mortal *m)
{
	free(container_of(m, struct task, mortal));
}

static void (*const reap[MORTAL_KINDS])(struct mortal *m) = {
	[MORTAL_CONNECTION] = reap_connection, [MORTAL_PEER] = reap_peer, [MORTAL_IKE_SA] = reap_ike_sa,
	[MORTAL_CHILD] = reap_child,	       [MORTAL_TASK] = reap_task,
};

/* One's end may be the next one's: a peer goes with its last IKE SA. */
void reap_ended(struct engine *e)
{
	struct mortal *m;

	while ((m = mortal_take(&e->ending)))
		reap[m->kind](m);
}
