/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer_state.h"

#include "peer_sas.h"
#include "task.h"

const char *peer_state_name(enum peer_state state)
{
	static const char *const names[] = {"down", "trap", "connecting", "up"};

	return names[state];
}

/* It is up, and nobody asks for a child on it. */
static bool is_idle(const struct ike_sa *sa)
{
	return sa->state == IKE_UP && !task_find(sa, TASK_CHILD, NULL);
}

static bool has_failed(const struct peer *p)
{
	return failure_lasts(&p->last_failures[FAILED]) || failure_lasts(&p->last_failures[REFUSED]);
}

/* An IKE SA whose child was refused goes on, and brings nothing. */
static bool has_living(const struct peer *p)
{
	const bool failed = has_failed(p);
	const struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state != IKE_DEAD && !(failed && is_idle(sa)))
			return true;
	return !TAILQ_EMPTY(&p->children);
}

enum peer_state peer_state(const struct peer *p)
{
	if (peer_child_up(p, NULL))
		return PEER_UP;
	if (has_living(p) || p->waits)
		return PEER_CONNECTING;
	return p->connection->config->start == START_TRAP && !p->address_gone &&
			       !failure_lasts(&p->last_failures[FAILED])
		       ? PEER_TRAP
		       : PEER_DOWN;
}

void peer_see_state(struct peer *p)
{
	const bool up = peer_child_up(p, NULL);

	if (up == p->is_up)
		return;
	p->is_up = up;
	peer_tell(p, false, up ? "connection_up" : "connection_down", NULL);
	*(up ? &p->up_ms : &p->lost_ms) = engine_now(p->connection->engine);
}

/* Several may be tried beside each other: the oldest tells how long it has been. */
static uint64_t connecting_since(const struct peer *p)
{
	const struct ike_sa *sa;
	uint64_t since = engine_now(p->connection->engine);

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state != IKE_DEAD && sa->started_ms < since)
			since = sa->started_ms;
	return since;
}

uint64_t peer_state_since(const struct peer *p)
{
	const enum peer_state state = peer_state(p);

	if (state == PEER_UP)
		return p->up_ms;
	return state == PEER_CONNECTING ? connecting_since(p) : p->lost_ms;
}
