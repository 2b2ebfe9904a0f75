/* SPDX-License-Identifier: BSD-2-Clause */
#include "child.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/keymat.h"
#include "lib/spi_format.h"

#define TIMERS_OF_CHILD 3
/* The initiator rekeys first; the responder only if that does not happen. Percent of the time. */
#define SOFT_JITTER	   10
#define SOFT_RESPONDER_LAG 10
/* Soft limits in packets and bytes: the hard ones are so many times as far. */
#define HARD_FACTOR 2
/* A child whose successor the peer took back is rekeyed by us, if the peer does not do it again by then. */
#define REVIVED_MS 60000
/* Of the 2^32 sequence numbers without ESN; a quarter is left for the rekey, and for the responder's lag. */
#define NUMBERS_SOFT (3ULL << 30)

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
	return (uint64_t)sa.generation << 32 | (uint64_t)outbound << 31 | sa.slot;
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

bool child_usage(const struct child *c, const struct child_half *half, struct sa_usage *usage)
{
	const struct engine_ops *ops = &c->engine->ops;

	return half->state != HALF_NONE && ops->sa_usage(ops->arg, half->sa, usage);
}

uint64_t child_idle_ms(const struct child *c)
{
	struct sa_usage usage;

	return child_usage(c, &c->in, &usage) ? usage.idle_ms : UINT64_MAX;
}

uint64_t child_sent_packets(const struct child *c)
{
	struct sa_usage usage;

	return child_usage(c, &c->out, &usage) ? usage.packets : 0;
}

struct task *child_queue(struct child *c, enum task_kind kind)
{
	return task_queue_for(c->ike, kind, c, c->peer, c->era);
}

/* ---- making ---- */

uint64_t child_soft_limit(const struct child *c, uint64_t limit)
{
	return c->initiator ? limit : limit + limit * SOFT_RESPONDER_LAG / 100;
}

/* Without ESN numbers end at 2^32: before that there are new keys, whatever else is configured. */
uint64_t child_soft_packets(const struct child *c)
{
	const uint64_t asked = c->peer->connection->config->rekey_packets;

	return child_soft_limit(c, c->esn || (asked && asked < NUMBERS_SOFT) ? asked : NUMBERS_SOFT);
}

/* What leaves is counted here and what comes, there: each end sees to its own sequence numbers. */
static struct sa_limits limits_of(const struct child *c, bool inbound)
{
	const struct connection_config *config = c->peer->connection->config;
	struct sa_limits limits = {.hard_ms = config->lifetime_ms};

	if (inbound)
		return limits;
	limits.soft_packets = child_soft_packets(c);
	limits.soft_bytes = child_soft_limit(c, config->rekey_bytes);
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
	c->mortal.kind = MORTAL_CHILD;
	c->selector = t->selector;
	c->asked = t->asked;
	c->esn = t->esn;
	c->initiator = t->initiator;
	c->resource = t->resource;
	c->lane = t->lane;
	c->in.spi = t->spi_in;
	c->out.spi = t->spi_out;
	c->made_ms = engine_now(sa->engine);
	c->made_on = sa->serial;
	c->made_id = sa->expected_id;
	nonce_lower(c->low_nonce, t->ni, t->nr);
	timer_init(&c->soft, TIMER_CHILD_SOFT);
	timer_init(&c->hard, TIMER_CHILD_HARD);
	timer_init(&c->watch, TIMER_CHILD_WATCH);
	TAILQ_INSERT_TAIL(&sa->children, c, of_list);
	TAILQ_INSERT_TAIL(&c->peer->children, c, of_peer);
	return c;
}

void child_log(const struct child *c, const char *what)
{
	char selector[SELECTOR_TEXT], lane[24] = "";

	selector_text(&c->selector, selector);
	if (child_lane(c) >= 0)
		snprintf(lane, sizeof(lane), ", lane %d", child_lane(c));
	peer_log(c->peer, "child SA in " SPI_FORMAT " out " SPI_FORMAT " (%s%s%s): %s", c->in.spi, c->out.spi, selector,
		 lane, c->esn ? "" : ", no ESN", what);
}

static void add_spi(cJSON *values, const char *name, uint32_t spi)
{
	char text[12];

	snprintf(text, sizeof(text), SPI_FORMAT, spi);
	cJSON_AddStringToObject(values, name, text);
}

void child_tell(const struct child *c, const char *event, cJSON *values)
{
	char selector[SELECTOR_TEXT];

	if (!values)
		values = cJSON_CreateObject();
	add_spi(values, "spi_in", c->in.spi);
	add_spi(values, "spi_out", c->out.spi);
	cJSON_AddStringToObject(values, "selector", selector_text(&c->selector, selector));
	peer_tell(c->peer, false, event, values);
}

static void start_timers(struct child *c)
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

struct child *child_install(struct ike_sa *sa, const struct child_terms *terms)
{
	struct child *c = child_new(sa, terms);

	if (!c) {
		ike_failure(sa, terms->peer, terms->initiator ? FAILED : REFUSED, 0, "no memory for a child SA");
		return NULL;
	}
	if (add_halves(c, terms)) {
		peer_failure(c->peer, terms->initiator ? FAILED : REFUSED, 0,
			     "the child could not be installed: the datapath has no room or is not there");
		child_drop(c);
		return NULL;
	}
	start_timers(c);
	return c;
}

/* ---- the end ---- */

/* The peer has made the new one and taken it back: what was to be replaced is not. If it was taken down since, its
 * DELETE is still to go. */
static void revive(struct child *old)
{
	if (!child_is_wanted(old))
		return;
	old->state = CHILD_UP;
	task_forget_child(old->ike, old);
	/* It may have been due, and forgotten with what took over. */
	if (old->peer->connection->config->rekey_ms && !timer_is_set(&old->soft))
		timer_set(&old->engine->timers, &old->soft, engine_now(old->engine) + REVIVED_MS);
}

/* Whosever children they are: heirs and rivals are of one IKE SA, and move to its heir together. */
void child_forget_links(const struct child *c)
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

static void add_unsettled(const struct child *c, const struct child_half *half, struct tally *t)
{
	struct sa_usage now;

	if (child_usage(c, half, &now))
		tally_usage(t, half == &c->in, &now, &half->settled);
}

void child_add_unsettled(const struct child *c, struct tally *t)
{
	add_unsettled(c, &c->in, t);
	add_unsettled(c, &c->out, t);
}

void child_settle(struct child *c, struct child_half *half)
{
	struct peer *p = c->peer ? c->peer : c->late;
	struct sa_usage now;

	if (!p || !child_usage(c, half, &now))
		return;
	tally_usage(peer_tally(p), half == &c->in, &now, &half->settled);
	half->settled = now;
}

static void settle(struct child *c)
{
	child_settle(c, &c->in);
	child_settle(c, &c->out);
}

void child_settle_late(const struct engine *e)
{
	struct child *c;

	TAILQ_FOREACH(c, &e->grace, of_list)
		settle(c);
}

static void leave_late(struct child *c)
{
	if (c->late)
		TAILQ_REMOVE(&c->late->late, c, of_peer);
	c->late = NULL;
}

void child_forget_peer(struct peer *p)
{
	struct child *c;

	while ((c = TAILQ_FIRST(&p->late))) {
		settle(c);
		leave_late(c);
	}
}

void child_remove_half(struct child *c, struct child_half *half)
{
	const struct engine_ops *ops = &c->engine->ops;

	child_settle(c, half);
	table_remove(&half->by_slot);
	if (half->state != HALF_NONE)
		ops->sa_remove(ops->arg, half->sa);
	half->state = HALF_NONE;
}

void child_take_out(struct child *c)
{
	struct engine *e = c->engine;

	settle(c);
	peer_tally(c->peer)->child_rekeys += c->successor != NULL;
	c->late = c->peer;
	child_forget_links(c);
	task_forget_child(c->ike, c);
	TAILQ_REMOVE(&c->ike->children, c, of_list);
	TAILQ_REMOVE(&c->peer->children, c, of_peer);
	TAILQ_INSERT_TAIL(&c->peer->late, c, of_peer);
	TAILQ_INSERT_TAIL(&e->grace, c, of_list);
	mortal_end(&e->ending, &c->peer->mortal);
	c->state = CHILD_GRACE;
	c->ike = NULL;
	c->peer = NULL;
	c->successor = c->rival = NULL;
	timer_cancel(&e->timers, &c->soft);
	timer_cancel(&e->timers, &c->hard);
}

void child_drop(struct child *c)
{
	if (c->ike)
		child_take_out(c);
	child_remove_half(c, &c->out);
	child_remove_half(c, &c->in);
	timer_cancel(&c->engine->timers, &c->watch);
	mortal_end(&c->engine->ending, &c->mortal);
}

void child_free(struct child *c)
{
	child_remove_half(c, &c->out);
	child_remove_half(c, &c->in);
	leave_late(c);
	TAILQ_REMOVE(&c->engine->grace, c, of_list);
	timers_release(&c->engine->timers, TIMERS_OF_CHILD);
	free(c);
}
