/* SPDX-License-Identifier: BSD-2-Clause */
#include "child.h"

#include <stdlib.h>

#include "ike_sa.h"
#include "orphans.h"
#include "peer.h"
#include "task.h"

#define TIMERS_OF_CHILD 3
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
/* The initiator rekeys first; the responder only if that does not happen. Percent of the time. */
#define SOFT_JITTER	   10
#define SOFT_RESPONDER_LAG 10
/* What could not be queued is tried again then. */
#define NO_MEMORY_MS 1000
/* Soft limits in packets and bytes: the hard ones are so many times as far. */
#define HARD_FACTOR 2

/* ---- finding ---- */

static struct child *by_out_spi(const struct ike_sa *sa, uint32_t spi)
{
	struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list)
		if (c->out.spi == spi)
			return c;
	return NULL;
}

struct child *child_find(const struct ike_sa *sa, uint32_t spi)
{
	struct child *c = by_out_spi(sa, spi);
	const struct ike_sa *other = NULL;

	while (!c && (other = ike_sa_beside(sa, other)))
		c = by_out_spi(other, spi);
	return c;
}

/* Both halves are in one table; the top bit of the key tells which it is. */
static uint64_t half_key(struct sa_handle sa, bool outbound)
{
	return (uint64_t)outbound << 63 | (uint64_t)sa.generation << 16 | sa.slot;
}

struct child *child_by_handle(const struct engine *e, struct sa_handle sa)
{
	for (int outbound = 0; outbound < 2; outbound++) {
		struct table_node *node = table_find(&e->halves, half_key(sa, outbound));

		if (node)
			return outbound ? container_of(node, struct child, out.by_slot)
					: container_of(node, struct child, in.by_slot);
	}
	return NULL;
}

static bool half_usage(const struct child *c, const struct child_half *half, struct sa_usage *usage)
{
	const struct engine_ops *ops = &c->engine->ops;

	return half->state != HALF_NONE && ops->sa_usage(ops->arg, half->sa, usage);
}

uint64_t child_idle_ms(const struct child *c)
{
	struct sa_usage usage;

	return half_usage(c, &c->in, &usage) ? usage.idle_ms : UINT64_MAX;
}

uint64_t child_sent_packets(const struct child *c)
{
	struct sa_usage usage;

	return half_usage(c, &c->out, &usage) ? usage.packets : 0;
}

/* ---- making ---- */

static uint64_t soft_of(const struct child *c, uint64_t limit)
{
	return c->initiator ? limit : limit + limit * SOFT_RESPONDER_LAG / 100;
}

/* What leaves is counted here and what comes, there: each end sees to its own sequence numbers. */
static struct sa_limits limits_of(const struct child *c, bool inbound)
{
	const struct connection_config *config = c->peer->connection->config;
	struct sa_limits limits = {.hard_ms = config->lifetime_ms};

	if (inbound)
		return limits;
	limits.soft_packets = soft_of(c, config->rekey_packets);
	limits.soft_bytes = soft_of(c, config->rekey_bytes);
	limits.hard_packets = config->rekey_packets * HARD_FACTOR;
	limits.hard_bytes = config->rekey_bytes * HARD_FACTOR;
	return limits;
}

static int add_half(struct child *c, bool inbound, struct sa_handle reserved, const uint8_t keymat[CHILD_KEYMAT_SIZE])
{
	const struct engine_ops *ops = &c->engine->ops;
	struct child_half *half = inbound ? &c->in : &c->out;
	struct sa_spec spec = {
		.spi = half->spi,
		.inbound = inbound,
		.esn = c->esn,
		.gre = c->peer->connection->config->gre,
		.replay_window = c->peer->connection->config->replay_window,
		.selector = c->selector,
		.limits = limits_of(c, inbound),
		.reserved = reserved,
	};
	int err;

	memcpy(spec.src, inbound ? c->ike->path.remote : c->ike->path.local, 4);
	memcpy(spec.dst, inbound ? c->ike->path.local : c->ike->path.remote, 4);
	memcpy(spec.keymat, keymat, CHILD_KEYMAT_SIZE);
	err = ops->sa_add(ops->arg, &spec, &half->sa);
	explicit_bzero(spec.keymat, sizeof(spec.keymat));
	if (err)
		return err;
	half->state = inbound ? HALF_INSTALLED : HALF_REGISTERED;
	table_add(&c->engine->halves, &half->by_slot, half_key(half->sa, !inbound));
	return 0;
}

/* Inbound first: from the moment the peer has its keys, it may use them. */
static int add_halves(struct child *c, const struct child_terms *t)
{
	uint8_t from_initiator[CHILD_KEYMAT_SIZE], from_responder[CHILD_KEYMAT_SIZE];
	int err = keymat_child(&c->ike->keys, t->secret, t->ni, t->nr, from_initiator, from_responder);

	if (!err)
		err = add_half(c, true, t->reserved, t->initiator ? from_responder : from_initiator);
	if (!err)
		err = add_half(c, false, (struct sa_handle){0}, t->initiator ? from_initiator : from_responder);
	explicit_bzero(from_initiator, sizeof(from_initiator));
	explicit_bzero(from_responder, sizeof(from_responder));
	return err;
}

static void on_soft(struct timer *timer);
static void on_hard(struct timer *timer);
static void on_watch(struct timer *timer);
static void child_watch(struct child *c, uint64_t ms);
static void reap(struct mortal *m);

static struct child *child_new(struct ike_sa *sa, const struct child_terms *t)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c || !timers_reserve(&sa->engine->timers, TIMERS_OF_CHILD)) {
		free(c);
		return NULL;
	}
	c->engine = sa->engine;
	c->ike = sa;
	c->peer = t->peer;
	c->era = t->era;
	c->serial = ++sa->engine->made;
	c->mortal.reap = reap;
	c->selector = t->selector;
	c->asked = t->asked;
	c->esn = t->esn;
	c->initiator = t->initiator;
	c->in.spi = t->spi_in;
	c->out.spi = t->spi_out;
	c->made_ms = engine_now(sa->engine);
	nonce_lower(c->low_nonce, t->ni, t->nr);
	timer_init(&c->soft, on_soft);
	timer_init(&c->hard, on_hard);
	timer_init(&c->watch, on_watch);
	TAILQ_INSERT_TAIL(&sa->children, c, of_list);
	TAILQ_INSERT_TAIL(&c->peer->children, c, of_peer);
	return c;
}

static void log_child(const struct child *c, const char *what)
{
	char selector[SELECTOR_TEXT];

	selector_text(&c->selector, selector);
	peer_log(c->peer, "child SA in 0x%08x out 0x%08x (%s%s): %s", c->in.spi, c->out.spi, selector,
		 c->esn ? "" : ", no ESN", what);
}

struct child *child_install(struct ike_sa *sa, const struct child_terms *terms)
{
	struct child *c = child_new(sa, terms);

	if (!c) {
		ike_log(sa, "no memory for a child SA");
		return NULL;
	}
	if (add_halves(c, terms)) {
		log_child(c, "could not be installed: the datapath has no room or is not there");
		child_drop(c);
		return NULL;
	}
	child_start_timers(c);
	return c;
}

/* ---- timers ---- */

void child_start_timers(struct child *c)
{
	struct engine *e = c->engine;
	const struct connection_config *config = c->peer->connection->config;
	const uint64_t now = engine_now(e);
	uint64_t soft = config->rekey_ms;

	if (c->initiator)
		soft = engine_jitter(e, soft - soft * SOFT_RESPONDER_LAG / 100, SOFT_JITTER);
	else
		soft = engine_jitter(e, soft, 2);
	if (config->rekey_ms)
		timer_set(&e->timers, &c->soft, now + soft);
	if (config->lifetime_ms)
		timer_set(&e->timers, &c->hard, now + config->lifetime_ms);
}

static struct child *other_for(const struct child *c);

static void rekey(struct child *c)
{
	const struct child *other = other_for(c);

	if (!c->ike || c->state != CHILD_UP || c->ike->state != IKE_UP)
		return;
	/* Both ends began at once, and there are two for the same: the older one is let go. */
	if (other && other->made_ms >= c->made_ms)
		child_delete(c, 0);
	else if (!task_queue_child(c->ike, TASK_REKEY_CHILD, c))
		timer_set(&c->engine->timers, &c->soft, engine_now(c->engine) + NO_MEMORY_MS);
}

void child_delete(struct child *c, uint64_t ms)
{
	struct engine *e = c->engine;
	struct task *task = task_queue_child(c->ike, TASK_DELETE_CHILD, c);

	if (!task)
		timer_set(&e->timers, &c->hard, engine_now(e) + ms + NO_MEMORY_MS);
	else if (ms)
		task_delay(c->ike, task, ms);
}

static void on_soft(struct timer *timer)
{
	rekey(container_of(timer, struct child, soft));
}

static void on_hard(struct timer *timer)
{
	struct child *c = container_of(timer, struct child, hard);

	if (c->state == CHILD_UP)
		log_child(c, "could not be rekeyed in its time: deleted");
	if (c->ike && c->state != CHILD_DELETING)
		child_delete(c, 0);
}

void child_on_limit(struct child *c, bool hard)
{
	if (c->state != CHILD_UP)
		return;
	log_child(c,
		  hard ? "hard limit reached: nothing is carried until it is rekeyed" : "soft limit reached: rekeyed");
	rekey(c);
}

/* ---- who carries the traffic ---- */

void child_bind(struct child *c)
{
	const struct engine_ops *ops = &c->engine->ops;

	if (c->out.state != HALF_REGISTERED)
		return;
	if (c->state != CHILD_GRACE)
		timer_cancel(&c->engine->timers, &c->watch);
	if (ops->sa_bind(ops->arg, c->out.sa)) {
		log_child(c, "could not be bound");
		return;
	}
	c->out.state = HALF_INSTALLED;
	log_child(c, "up");
	peer_on_child_up(c->peer, c);
}

void child_succeed(struct child *old, struct child *c)
{
	old->state = CHILD_REPLACED;
	old->successor = c;
	mortal_end(old->engine, &old->peer->mortal);
}

/* Some of it leaves by another SA between the two, of whatever connection, or by one of an earlier run. */
static bool is_carried(const struct child *c)
{
	const struct peer *p = peer_first(c->engine, c->peer->by_addresses.key);

	for (; p; p = peer_next(p)) {
		const struct child *other;
		struct selector both;

		if (orphans_wait(p))
			return true;
		TAILQ_FOREACH(other, &p->children, of_peer)
			if (other != c && other->out.state == HALF_INSTALLED &&
			    selector_meet(&other->selector, &c->selector, &both))
				return true;
	}
	return false;
}

/* Else nothing can leave yet, and each moment might lose the reply to the peer's first packet: at once, when our answer
 * is out. */
void child_bind_soon(struct child *c)
{
	const bool waits = is_carried(c);

	c->bind_ms = engine_now(c->engine) + (waits ? BIND_MS : 0);
	child_watch(c, waits ? WATCH_MS : 0);
}

void child_bind_on_use(struct child *c)
{
	c->bind_ms = UINT64_MAX;
	child_watch(c, WATCH_MS);
}

static void child_watch(struct child *c, uint64_t ms)
{
	timer_set(&c->engine->timers, &c->watch, engine_now(c->engine) + ms);
}

static bool is_carried_for_both(const struct child *c)
{
	const uint64_t age = engine_now(c->engine) - c->made_ms;
	const struct child *other;

	TAILQ_FOREACH(other, &c->peer->children, of_peer)
		if (other != c && other->out.state == HALF_INSTALLED && other->ike->state == IKE_UP &&
		    selector_equal(&other->selector, &c->selector) && child_idle_ms(other) < age)
			return age < BIND_LATE_MS;
	return false;
}

static void on_watch(struct timer *timer)
{
	struct child *c = container_of(timer, struct child, watch);
	struct sa_usage usage;

	if (c->state == CHILD_GRACE)
		mortal_end(c->engine, &c->mortal);
	else if ((half_usage(c, &c->in, &usage) && usage.packets) ||
		 (engine_now(c->engine) >= c->bind_ms && !is_carried_for_both(c)))
		child_bind(c);
	else
		child_watch(c, WATCH_MS);
}

/* ---- the end ---- */

/* Another child of the peer that carries the same, the newest; with its own binding to be made, or made already. Who
 * has two for the same lets go of one. */
static struct child *other_for(const struct child *c)
{
	struct child *best = NULL, *other;

	TAILQ_FOREACH(other, &c->peer->children, of_peer)
		if (other != c && other->state == CHILD_UP && other->ike->state != IKE_DEAD &&
		    selector_equal(&other->selector, &c->selector) && (!best || other->made_ms >= best->made_ms))
			best = other;
	return best;
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
	if (heir && child_is_wanted(heir))
		return heir;
	other = any_other_for(c);
	return other && (!heir || child_is_wanted(other)) ? other : heir;
}

/* The binding is the last one's that was bound: so it is bound once more, also if it was before. */
static void hand_over(struct child *c)
{
	const struct engine_ops *ops = &c->engine->ops;
	struct child *heir = heir_of(c);

	if (!heir)
		return;
	if (heir->out.state == HALF_INSTALLED)
		ops->sa_bind(ops->arg, heir->out.sa);
	else
		child_bind(heir);
}

/* The peer has made the new one and taken it back: what was to be replaced is not. */
static void revive(struct child *old)
{
	old->state = CHILD_UP;
	task_forget_child(old->ike, old);
}

/* Whosever children they are: heirs and rivals are of one IKE SA, and move to its heir together. */
static void forget_links(const struct child *c)
{
	struct child *other;

	TAILQ_FOREACH(other, &c->ike->children, of_list) {
		if (other->successor == c) {
			other->successor = NULL;
			if (other->state == CHILD_REPLACED && other->out.state == HALF_INSTALLED &&
			    c->out.state == HALF_REGISTERED)
				revive(other);
		}
		if (other->rival == c)
			other->rival = NULL;
	}
}

static void remove_half(struct child *c, struct child_half *half)
{
	const struct engine_ops *ops = &c->engine->ops;

	table_remove(&half->by_slot);
	if (half->state != HALF_NONE)
		ops->sa_remove(ops->arg, half->sa);
	half->state = HALF_NONE;
}

/* Nobody finds it any more. */
static void take_out(struct child *c)
{
	struct engine *e = c->engine;

	forget_links(c);
	task_forget_child(c->ike, c);
	TAILQ_REMOVE(&c->ike->children, c, of_list);
	TAILQ_REMOVE(&c->peer->children, c, of_peer);
	TAILQ_INSERT_TAIL(&e->grace, c, of_list);
	mortal_end(e, &c->peer->mortal);
	c->state = CHILD_GRACE;
	c->ike = NULL;
	c->peer = NULL;
	c->successor = c->rival = NULL;
	timer_cancel(&e->timers, &c->soft);
	timer_cancel(&e->timers, &c->hard);
}

/* Without an heir nothing may leave by the old SA: the peer has dropped it. With one, what is tagged already still may.
 */
void child_leave(struct child *c)
{
	struct engine *e = c->engine;
	struct ike_sa *sa = c->ike;
	struct peer *peer = c->peer;

	forget_links(c);
	hand_over(c);
	log_child(c, c->successor ? "replaced" : "ended");
	if (!heir_of(c))
		remove_half(c, &c->out);
	take_out(c);
	timer_set(&e->timers, &c->watch, engine_now(e) + GRACE_MS);
	/* The IKE SA's own peer is told by who deletes. */
	if (peer != sa->peer)
		peer_on_loss(peer);
}

void child_drop(struct child *c)
{
	if (c->ike)
		take_out(c);
	remove_half(c, &c->out);
	remove_half(c, &c->in);
	timer_cancel(&c->engine->timers, &c->watch);
	mortal_end(c->engine, &c->mortal);
}

bool child_is_wanted(const struct child *c)
{
	return c->era == c->peer->era && ike_sa_is_wanted(c->ike);
}

static void reap(struct mortal *m)
{
	struct child *c = container_of(m, struct child, mortal);

	if (c->state != CHILD_GRACE || timer_is_set(&c->watch))
		return;
	remove_half(c, &c->out);
	remove_half(c, &c->in);
	TAILQ_REMOVE(&c->engine->grace, c, of_list);
	free(c);
}
