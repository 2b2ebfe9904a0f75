/* SPDX-License-Identifier: BSD-2-Clause */
#include "carry.h"

#include "child_life.h"
#include "ike_sa.h"
#include "orphans.h"
#include "wish.h"

/* For packets that are on the wire, or tagged for the worker, when an SA is deleted: far more than a round trip. */
#define GRACE_MS 3000
/* How soon the first packet on a new inbound SA is seen; it is one read of shared memory. */
#define WATCH_MS 20
/* Responder, while another SA carries the same: time for the initiator to check our AUTH and install its half, or it
 * would drop what comes. */
#define BIND_MS 60
/* And more if the peer is heard on that one since, which so is there for both: our answer may be lost, and is asked for
 * again in 0.5, 1.5, 3.5, 7.5 s (request.c). */
#define BIND_LATE_MS 8000

/* Of one that never was bound nobody was told. */
static void tell_ended(const struct child *c)
{
	cJSON *values = cJSON_CreateObject();

	cJSON_AddBoolToObject(values, "replaced", c->successor != NULL);
	child_tell(c, "child_sa_deleted", values);
}

void child_bind(struct child *c)
{
	const struct engine_ops *ops = &c->engine->ops;

	if (c->out.state != HALF_REGISTERED)
		return;
	if (c->state != CHILD_GRACE)
		timer_cancel(&c->engine->timers, &c->watch);
	if (c->lane == LANE_SPARE)
		return;
	if (ops->sa_bind(ops->arg, c->out.sa, c->lane, c->resource)) {
		child_log(c, "could not be bound");
		return;
	}
	c->out.state = HALF_INSTALLED;
	child_log(c, "up");
	child_tell(c, child_is_taking_over(c) ? "child_sa_rekeyed" : "child_sa_made", NULL);
	peer_on_child_up(c->peer, c);
}

void child_bind_again(const struct child *c)
{
	const struct engine_ops *ops = &c->engine->ops;

	if (c->out.state == HALF_INSTALLED)
		ops->sa_bind(ops->arg, c->out.sa, c->lane, c->resource);
}

void child_succeed(struct child *old, struct child *c)
{
	old->state = CHILD_REPLACED;
	old->successor = c;
	c->lane = old->lane;
	mortal_end(&old->engine->ending, &old->peer->mortal);
}

/* Some of it leaves by another SA between the two, of whatever connection, or by one of an earlier run. */
static bool is_carried(const struct child *c)
{
	const struct peer *p = peer_first(c->engine, c->peer->by_addresses.key);

	if (orphans_are_between(c->engine, c->peer->by_addresses.key))
		return true;
	for (; p; p = peer_next(p)) {
		const struct child *other;
		struct selector both;

		TAILQ_FOREACH(other, &p->children, of_peer)
			if (other != c && other->out.state == HALF_INSTALLED &&
			    selector_meet(&other->selector, &c->selector, &both))
				return true;
	}
	return false;
}

static void watch(struct child *c, uint64_t ms)
{
	timer_set(&c->engine->timers, &c->watch, engine_now(c->engine) + ms);
}

/* Else nothing can leave yet, and each moment might lose the reply to the peer's first packet: at once, when our answer
 * is out. One for a lane takes nothing over, and so can wait for the peer's word. */
void child_bind_soon(struct child *c)
{
	const bool waits = is_carried(c);

	if (c->lane) {
		c->bind_ms = engine_now(c->engine) + BIND_LATE_MS;
		watch(c, WATCH_MS);
		return;
	}

	c->bind_ms = engine_now(c->engine) + (waits ? BIND_MS : 0);
	watch(c, waits ? WATCH_MS : 0);
}

void child_bind_on_use(struct child *c)
{
	c->bind_ms = UINT64_MAX;
	watch(c, WATCH_MS);
}

static bool is_carried_for_both(const struct child *c)
{
	const uint64_t age = engine_now(c->engine) - c->made_ms;
	const struct child *other;

	TAILQ_FOREACH(other, &c->peer->children, of_peer)
		if (other != c && other->out.state == HALF_INSTALLED && other->ike->state == IKE_UP &&
		    child_is_alike(other, c) && child_idle_ms(other) < age)
			return age < BIND_LATE_MS;
	return false;
}

void child_on_watch(struct timer *timer)
{
	struct child *c = container_of(timer, struct child, watch);
	struct sa_usage usage;

	if (c->state == CHILD_GRACE)
		mortal_end(&c->engine->ending, &c->mortal);
	else if ((child_usage(c, &c->in, &usage) && usage.packets) ||
		 (engine_now(c->engine) >= c->bind_ms && !is_carried_for_both(c)))
		child_bind(c);
	else
		watch(c, WATCH_MS);
}

static bool goes_before(const struct child *a, const struct child *b)
{
	return child_is_wanted(a) != child_is_wanted(b) ? child_is_wanted(a) : a->made_ms >= b->made_ms;
}

/* The same of any peer between the two: of a connection that is gone, and of that in its place, each has children of
 * its own for one binding. Those that are to stay go before those that are not. */
static struct child *any_other_for(const struct child *c)
{
	const struct peer *p = peer_first(c->engine, c->peer->by_addresses.key);
	struct child *best = NULL, *other;

	for (; p; p = peer_next(p))
		TAILQ_FOREACH(other, &p->children, of_peer)
			if (other != c && other->state == CHILD_UP && other->ike->state != IKE_DEAD &&
			    child_is_alike(other, c) && (!best || goes_before(other, best)))
				best = other;
	return best;
}

/* Of one that is for all lanes: the same of a lane, which gives that up. */
static struct child *any_of_a_lane(const struct child *c)
{
	struct child *best = NULL, *other;

	TAILQ_FOREACH(other, &c->peer->children, of_peer)
		if (!c->lane && other->lane && other->state == CHILD_UP && other->ike->state != IKE_DEAD &&
		    selector_equal(&other->selector, &c->selector) && (!best || goes_before(other, best)))
			best = other;
	return best;
}

/* Its successor; but one that is to go takes nothing from one that is to stay. */
static struct child *heir_of(const struct child *c)
{
	struct child *heir = c->successor, *other;

	/* Who was to take over may have been replaced since, by one that carries already: its own DELETE is due. */
	while (heir && heir->successor && heir->successor->out.state == HALF_INSTALLED)
		heir = heir->successor;
	/* It has taken the place of the one for all lanes since: this one's lane has none then. */
	if (heir && heir->lane != c->lane)
		heir = NULL;
	if (heir && child_is_wanted(heir))
		return heir;
	other = any_other_for(c);
	if (!other && !heir)
		other = any_of_a_lane(c);
	return other && (!heir || child_is_wanted(other)) ? other : heir;
}

/* The binding is the last one's that was bound: so it is bound once more, also if it was before. */
static void hand_over(const struct child *c)
{
	struct child *heir = heir_of(c);

	if (!heir)
		return;
	heir->lane = c->lane;
	if (heir->out.state == HALF_INSTALLED)
		child_bind_again(heir);
	else
		child_bind(heir);
}

/* Without an heir nothing may leave by the old SA: the peer has dropped it. With one, what is tagged already still may.
 */
void child_leave(struct child *c)
{
	struct engine *e = c->engine;
	struct ike_sa *sa = c->ike;
	struct peer *peer = c->peer;

	child_forget_links(c);
	hand_over(c);
	child_log(c, c->successor ? "replaced" : "ended");
	if (c->out.state == HALF_INSTALLED)
		tell_ended(c);
	if (!heir_of(c))
		child_remove_half(c, &c->out);
	child_take_out(c);
	timer_set(&e->timers, &c->watch, engine_now(e) + GRACE_MS);
	/* The IKE SA's own peer is told by who deletes. */
	if (peer != sa->peer)
		peer_on_loss(peer);
}
