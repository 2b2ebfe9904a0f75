/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_sa.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "child.h"
#include "claim.h"
#include "orders.h"
#include "reauth.h"
#include "request.h"
#include "task.h"

/* retransmit, kick, life, liveness, reauth. */
#define TIMERS_OF_IKE_SA 5
/* The end comes that much after the rekey was due: time for it to be tried again. Percent of its time. */
#define LIFE_AFTER_REKEY 15
/* The side that made it rekeys first; the other one only if it does not. Percent. */
#define REKEY_JITTER	    10
#define REKEY_RESPONDER_LAG 8
/* An answer that ends an IKE SA may be lost as any other: for as long as the peer may ask again (request.c), it gets it
 * again. */
#define LINGER_MS 24000
/* What a peer that has started anew does not know any more goes that much later: its first SA is bound by then
 * (child.c).
 */
#define FORGOTTEN_MS 500
/* Two IKE SAs that came up side by side, as both ends began at once, are made one after that. */
#define REDUNDANT_MS 1000

/* Whether something leaves and nothing comes is looked at so often in dpd-interval. */
#define LOOKS 3
/* A peer that was heard so lately is not asked because of what may be forged. */
#define HINT_SILENCE_MS 500

/* ---- log ---- */

void ike_log(const struct ike_sa *sa, const char *format, ...)
{
	char text[400], line[500];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "IKE SA %016" PRIx64 "/%016" PRIx64 ": %s", sa->spi_i, sa->spi_r, text);
	/* Nothing is proven yet of who asks. */
	peer_log_line(sa->peer, sa->state == IKE_HALF_OPEN, line);
}

/* ---- finding ---- */

uint64_t ike_init_key(uint64_t spi_i, const uint8_t remote[4])
{
	return spi_i ^ (uint64_t)remote[0] << 24 ^ (uint64_t)remote[1] << 16 ^ (uint64_t)remote[2] << 8 ^ remote[3];
}

struct ike_sa *ike_sa_find(const struct engine *e, uint64_t our_spi)
{
	struct table_node *node = table_find(&e->ike_sas, our_spi);

	return node ? container_of(node, struct ike_sa, by_spi) : NULL;
}

struct ike_sa *ike_sa_find_half_open(const struct engine *e, uint64_t spi_i, const struct path *path)
{
	struct table_node *node = table_find(&e->half_open_table, ike_init_key(spi_i, path->remote));

	for (; node; node = table_next(node)) {
		struct ike_sa *sa = container_of(node, struct ike_sa, by_init);

		if (sa->spi_i == spi_i && memcmp(sa->path.remote, path->remote, 4) == 0)
			return sa;
	}
	return NULL;
}

/* ---- timers ---- */

void ike_sa_kick(struct ike_sa *sa, uint64_t at_ms)
{
	if (!timer_is_set(&sa->kick) || sa->kick.due_ms > at_ms)
		timer_set(&sa->engine->timers, &sa->kick, at_ms);
}

void flight_send(struct ike_sa *sa, const struct flight *f)
{
	const struct engine_ops *ops = &sa->engine->ops;
	const uint8_t *at = f->data;

	for (unsigned i = 0; i < f->count; at += f->sizes[i], i++)
		ops->send(ops->arg, &sa->path, at, f->sizes[i]);
}

/* Something is to be done: the next task, or the end. */
static void on_kick(struct timer *timer)
{
	struct ike_sa *sa = container_of(timer, struct ike_sa, kick);

	if (sa->state == IKE_DEAD)
		mortal_end(sa->engine, &sa->mortal);
	else
		task_send_next(sa);
}

/* Its last answer is to be had as long as the kick is to come. */
static void reap(struct mortal *m)
{
	struct ike_sa *sa = container_of(m, struct ike_sa, mortal);
	struct peer *peer = sa->peer;

	if (sa->state != IKE_DEAD || timer_is_set(&sa->kick))
		return;
	ike_sa_free(sa);
	peer_on_loss(peer);
}

static uint64_t life_ms(const struct ike_sa *sa)
{
	return sa->peer->connection->config->ike_rekey_ms;
}

static void on_rekey_time(struct ike_sa *sa)
{
	if (!task_find(sa, TASK_REKEY_IKE, NULL))
		task_queue(sa, TASK_REKEY_IKE);
	timer_set(&sa->engine->timers, &sa->life,
		  engine_now(sa->engine) + life_ms(sa) * LIFE_AFTER_REKEY / 100 + 30000);
}

static void on_life(struct timer *timer)
{
	struct ike_sa *sa = container_of(timer, struct ike_sa, life);

	if (sa->state != IKE_UP) {
		ike_sa_die(sa, NULL);
	} else if (!sa->rekey_due) {
		sa->rekey_due = true;
		on_rekey_time(sa);
	} else {
		ike_log(sa, "could not be rekeyed in its time: ended");
		ike_sa_die(sa, "the IKE SA could not be rekeyed");
	}
}

uint64_t ike_sa_silence_ms(const struct ike_sa *sa)
{
	uint64_t silence = engine_now(sa->engine) - sa->heard_ms;
	const struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list) {
		const uint64_t idle = child_idle_ms(c);

		if (idle < silence)
			silence = idle;
	}
	return silence;
}

/* Whether anything has left on its children since the last look. */
static bool look_at_sent(struct ike_sa *sa)
{
	uint64_t carried = 0;
	const struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list)
		carried += child_sent_packets(c);
	/* Less: a child has gone. */
	sa->sends = carried > sa->carried;
	sa->carried = carried;
	return sa->sends;
}

static uint64_t dpd_ms(const struct ike_sa *sa)
{
	return sa->peer->connection->config->dpd_ms;
}

static void probe(struct ike_sa *sa)
{
	if (sa->running || !TAILQ_EMPTY(&sa->tasks))
		return;
	sa->probed_ms = engine_now(sa->engine);
	task_queue(sa, TASK_LIVENESS);
}

/* What only makes it likely asks once in an interval: who sends one way, or forges, does not have us ask more. */
static bool may_ask_sooner(const struct ike_sa *sa)
{
	return engine_now(sa->engine) - sa->probed_ms >= dpd_ms(sa);
}

void ike_sa_hint(struct ike_sa *sa)
{
	if (sa->state == IKE_UP && dpd_ms(sa) && ike_sa_silence_ms(sa) >= HINT_SILENCE_MS && may_ask_sooner(sa))
		probe(sa);
}

/*
 * After dpd-interval without a word the peer is asked whether it is there. Sooner, where something leaves and nothing
 * comes (RFC 7296 section 2.4): that is looked at several times in the interval.
 */
static void on_liveness(struct timer *timer)
{
	struct ike_sa *sa = container_of(timer, struct ike_sa, liveness);
	const uint64_t interval = dpd_ms(sa), silence = ike_sa_silence_ms(sa), look = interval / LOOKS;
	uint64_t next = look;

	if (sa->state != IKE_UP || !interval)
		return;
	if ((look_at_sent(sa) && silence >= look && may_ask_sooner(sa)) || silence >= interval)
		probe(sa);
	if (silence < interval && interval - silence < next)
		next = interval - silence;
	timer_set(&sa->engine->timers, &sa->liveness, engine_now(sa->engine) + next);
}

void ike_sa_start_timers(struct ike_sa *sa)
{
	struct engine *e = sa->engine;
	const uint64_t now = engine_now(e), rekey = life_ms(sa), dpd = sa->peer->connection->config->dpd_ms;
	const uint64_t lag = sa->initiator ? rekey * REKEY_RESPONDER_LAG / 100 : 0;

	if (rekey)
		timer_set(&e->timers, &sa->life, now + engine_jitter(e, rekey - lag, sa->initiator ? REKEY_JITTER : 2));
	else
		timer_cancel(&e->timers, &sa->life);
	if (dpd)
		timer_set(&e->timers, &sa->liveness, now + engine_jitter(e, dpd / LOOKS, 10));
}

/* ---- life ---- */

static void init_timers(struct ike_sa *sa)
{
	timer_init(&sa->retransmit, task_on_retransmit);
	timer_init(&sa->kick, on_kick);
	timer_init(&sa->life, on_life);
	timer_init(&sa->liveness, on_liveness);
	timer_init(&sa->reauth, reauth_on_time);
}

static void init_handshake(struct ike_sa *sa)
{
	engine_random(sa->engine, sa->handshake->nonce, sizeof(sa->handshake->nonce));
	if (sa->initiator)
		return;
	sa->engine->half_open++;
	timer_set(&sa->engine->timers, &sa->life, sa->started_ms + HALF_OPEN_MS);
}

static uint64_t new_spi(struct engine *e)
{
	uint64_t spi;

	do
		spi = engine_random_u64(e);
	while (!spi || ike_sa_find(e, spi));
	return spi;
}

struct ike_sa *ike_sa_new(struct engine *e, struct peer *peer, const struct path *path, bool initiator,
			  uint64_t our_spi)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	if (!sa || !timers_reserve(&e->timers, TIMERS_OF_IKE_SA)) {
		free(sa);
		return NULL;
	}
	sa->engine = e;
	sa->peer = peer;
	sa->era = peer->era;
	sa->serial = ++e->made;
	sa->mortal.reap = reap;
	sa->initiator = initiator;
	sa->state = initiator ? IKE_INIT_SENT : IKE_HALF_OPEN;
	sa->path = *path;
	sa->started_ms = sa->heard_ms = engine_now(e);
	TAILQ_INIT(&sa->tasks);
	TAILQ_INIT(&sa->children);
	init_timers(sa);
	if (!our_spi) {
		sa->handshake = calloc(1, sizeof(*sa->handshake));
		if (!sa->handshake) {
			free(sa);
			return NULL;
		}
		init_handshake(sa);
		our_spi = new_spi(e);
	}
	*(initiator ? &sa->spi_i : &sa->spi_r) = our_spi;
	table_add(&e->ike_sas, &sa->by_spi, our_spi);
	TAILQ_INSERT_TAIL(&peer->sas, sa, of_peer);
	return sa;
}

void handshake_free(struct ike_sa *sa)
{
	struct handshake *hs = sa->handshake;

	if (!hs)
		return;
	if (!sa->initiator)
		sa->engine->half_open--;
	dh_free(&hs->dh);
	free(hs->init_request);
	free(hs->init_response);
	explicit_bzero(hs, sizeof(*hs));
	free(hs);
	sa->handshake = NULL;
}

/* ---- two of them side by side ---- */

static bool carries(const struct ike_sa *sa, const struct selector *s)
{
	const struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list)
		if (c->state == CHILD_UP && selector_equal(&c->selector, s))
			return true;
	return false;
}

/* What sa carries and other does not: the next one after `after`. */
static const struct child *next_missing(const struct ike_sa *other, const struct ike_sa *sa, const struct child *after)
{
	const struct child *c = after ? TAILQ_NEXT(after, of_list) : TAILQ_FIRST(&sa->children);

	for (; c; c = TAILQ_NEXT(c, of_list))
		if (c->state == CHILD_UP && child_is_wanted(c) && !carries(other, &c->selector))
			return c;
	return NULL;
}

/*
 * Both ends began at about the same time, and both IKE SAs came up. As with rekeys (RFC 7296
 * section 2.8.1) the one with the lowest nonce goes, by the hand of who began it. Both ends must
 * see it the same way, so what counts is when they came up, which is one message apart; one that
 * is older than any handshake takes is none of this. What rekeys have made of them counts as they did.
 */
static bool is_lower(const struct ike_sa *sa, const struct ike_sa *other)
{
	const uint64_t ours = sa->line.up_ms, theirs = other->line.up_ms;

	return sa->state == IKE_UP && other->state == IKE_UP && !sa->renews && !other->renews && sa->line.ours &&
	       !other->line.ours && (ours > theirs ? ours - theirs : theirs - ours) < HALF_OPEN_MS &&
	       memcmp(sa->line.low_nonce, other->line.low_nonce, NONCE_SIZE) < 0;
}

/* Each end may take the two for other connections', and another pair for the one that it is about. So only what the
 * other one carries, too, goes: since nonces have one order, the last to carry something never does. */
bool ike_sa_is_redundant(const struct ike_sa *sa)
{
	const struct ike_sa *other;

	TAILQ_FOREACH(other, &sa->peer->sas, of_peer)
		if (is_lower(sa, other) && !next_missing(other, sa, NULL))
			return true;
	return false;
}

/*
 * Whether other is there for the peer, too: our INITIAL_CONTACT on sa may have ended it, without a word, if the peer
 * read that late. What has come on it since sa is up tells; else it is asked.
 */
static bool has_survived(struct ike_sa *other, const struct ike_sa *sa)
{
	if (other->heard_ms > sa->up_ms)
		return true;
	if (!task_find(other, TASK_LIVENESS, NULL))
		task_queue(other, TASK_LIVENESS);
	return false;
}

/* Once for each. */
static void ask_for_missing(struct ike_sa *other, struct ike_sa *sa)
{
	const struct child *c = NULL;

	while ((c = next_missing(other, sa, c))) {
		const int selector = c->peer == other->peer ? peer_selector_of(c) : -1;
		struct task *task;

		if (selector < 0 || sa->asked_beside & 1U << selector)
			continue;
		task = task_queue(other, TASK_CHILD);
		if (!task)
			return;
		task->selector = (unsigned)selector;
		sa->asked_beside |= 1U << selector;
	}
}

static void delete_redundant(struct ike_sa *sa)
{
	struct task *task = task_queue(sa, TASK_DELETE_IKE);

	ike_log(sa, "redundant: the peer has opened another one at the same time");
	if (!task)
		return;
	task->redundant = true;
	task_delay(sa, task, REDUNDANT_MS);
}

void ike_sa_end_redundant(struct peer *p, const struct ike_sa *alive)
{
	struct ike_sa *sa, *other;

	TAILQ_FOREACH(sa, &p->sas, of_peer) {
		TAILQ_FOREACH(other, &p->sas, of_peer) {
			if (!is_lower(sa, other) || task_find(sa, TASK_DELETE_IKE, NULL) ||
			    (other != alive && !has_survived(other, sa)))
				continue;
			if (next_missing(other, sa, NULL))
				ask_for_missing(other, sa);
			else
				delete_redundant(sa);
		}
	}
}

static bool same_identities(const struct ike_sa *a, const struct ike_sa *b)
{
	const struct connection_config *x = a->peer->connection->config, *y = b->peer->connection->config;

	if (!identity_equal(&x->local_id, &y->local_id))
		return false;
	return a->peer_id && b->peer_id ? strcmp(a->peer_id, b->peer_id) == 0 : strcmp(x->remote_id, y->remote_id) == 0;
}

struct ike_sa *ike_sa_beside(const struct ike_sa *sa, const struct ike_sa *after)
{
	const struct peer *p = after ? after->peer : peer_first(sa->engine, sa->peer->by_addresses.key);
	struct ike_sa *other = after ? TAILQ_NEXT(after, of_peer) : TAILQ_FIRST(&p->sas);

	for (; p; p = peer_next(p), other = p ? TAILQ_FIRST(&p->sas) : NULL)
		for (; other; other = TAILQ_NEXT(other, of_peer))
			if (other != sa && same_identities(sa, other))
				return other;
	return NULL;
}

/* Its datapath stays for a moment. */
static void forget(struct ike_sa *sa, const char *why)
{
	struct engine *e = sa->engine;

	ike_log(sa, "%s", why);
	sa->state = IKE_REPLACED;
	task_drop_all(sa, true);
	timer_cancel(&e->timers, &sa->liveness);
	timer_set(&e->timers, &sa->life, engine_now(e) + FORGOTTEN_MS);
}

/*
 * INITIAL_CONTACT: what was up before the peer began this one, it has forgotten (RFC 7296 section 2.4). Not so
 * its datapath, perhaps: as long as it does not have our answer, it takes packets by the old SA alone.
 */
static void end_older(struct ike_sa *sa)
{
	struct ike_sa *other = NULL;

	while ((other = ike_sa_beside(sa, other)))
		if ((other->state == IKE_UP || other->state == IKE_DELETING) && other->up_ms <= sa->started_ms)
			forget(other, "the peer has started anew: ended");
}

void ike_sa_settle_doubt(struct ike_sa *sa)
{
	struct ike_sa *other;

	TAILQ_FOREACH(other, &sa->peer->sas, of_peer) {
		if (other->state != IKE_UP || other->line.up_ms > sa->started_ms)
			continue;
		if (other->running)
			forget(other, "the peer answers by another one, and not by this one: ended");
		else
			task_queue(other, TASK_DELETE_IKE);
	}
	sa->in_doubt = false;
}

static const char *proof_text(const struct ike_sa *sa)
{
	if (sa->proofs & PROOF_PPK)
		return sa->proofs & PROOF_CERTIFICATE ? "certificate and PPK" : "PSK and PPK";
	return sa->proofs & PROOF_CERTIFICATE ? "certificate" : "PSK";
}

void ike_sa_up(struct ike_sa *sa)
{
	const bool initial_contact = sa->handshake->initial_contact;

	handshake_free(sa);
	sa->state = IKE_UP;
	sa->up_ms = engine_now(sa->engine);
	sa->line.up_ms = sa->up_ms;
	sa->line.ours = sa->initiator;
	memcpy(sa->line.low_nonce, sa->low_nonce, NONCE_SIZE);
	ike_sa_start_timers(sa);
	ike_log(sa, "up with %s by %s", sa->peer_id ? sa->peer_id : "?", proof_text(sa));
	if (initial_contact)
		end_older(sa);
	if (sa->in_doubt)
		ike_sa_settle_doubt(sa);
	reauth_on_up(sa);
	ike_sa_make_room(sa, NULL);
	ike_sa_end_redundant(sa->peer, sa);
}

/* ---- the end ---- */

static void end_children(struct ike_sa *sa)
{
	struct child *c;

	while ((c = TAILQ_FIRST(&sa->children)))
		child_leave(c);
}

/* Whoever's rival it is may have become another connection's (orders.c). */
void ike_sa_pass_links(struct ike_sa *sa, struct ike_sa *heir)
{
	const struct peer *p = peer_first(sa->engine, sa->peer->by_addresses.key);

	for (; p; p = peer_next(p)) {
		struct ike_sa *other;

		TAILQ_FOREACH(other, &p->sas, of_peer)
			if (other->rival == sa) {
				other->rival = heir;
				other->rival_won = heir != NULL;
			}
	}
}

void ike_sa_die(struct ike_sa *sa, const char *why)
{
	struct engine *e = sa->engine;
	struct peer *peer = sa->peer;

	if (sa->state == IKE_DEAD)
		return;
	if (sa->rival && sa->rival->state == IKE_UP)
		ike_sa_inherit(sa->rival, sa);
	sa->state = IKE_DEAD;
	if (why)
		ike_log(sa, "%s", why);
	table_remove(&sa->by_spi);
	claim_settle(sa);
	handshake_free(sa);
	timer_cancel(&e->timers, &sa->life);
	timer_cancel(&e->timers, &sa->liveness);
	timer_cancel(&e->timers, &sa->kick);
	end_children(sa);
	task_drop_all(sa, true);
	ike_sa_pass_links(sa, NULL);
	mortal_end(e, &sa->mortal);
	if (why && !sa->in_doubt)
		peer_on_failure(peer, why);
	else
		peer_on_loss(peer);
}

void ike_sa_die_answered(struct ike_sa *sa)
{
	struct engine *e = sa->engine;
	const uint64_t spi = ike_spi_ours(sa);

	ike_sa_die(sa, NULL);
	table_add(&e->ike_sas, &sa->by_spi, spi);
	timer_set(&e->timers, &sa->kick, engine_now(e) + LINGER_MS);
}

void ike_sa_forget_answer(struct ike_sa *sa)
{
	struct engine *e = sa->engine;

	table_remove(&sa->by_spi);
	table_remove(&sa->by_init);
	timer_cancel(&e->timers, &sa->kick);
	mortal_end(e, &sa->mortal);
}

void ike_sa_free(struct ike_sa *sa)
{
	struct engine *e = sa->engine;
	struct child *c;

	while ((c = TAILQ_FIRST(&sa->children)))
		child_drop(c);
	mortal_forget(e, &sa->mortal);
	table_remove(&sa->by_spi);
	table_remove(&sa->by_init);
	handshake_free(sa);
	if (sa->state != IKE_DEAD)
		task_drop_all(sa, true);
	timer_cancel(&e->timers, &sa->retransmit);
	timer_cancel(&e->timers, &sa->kick);
	timer_cancel(&e->timers, &sa->life);
	timer_cancel(&e->timers, &sa->liveness);
	flight_free(&sa->sent);
	flight_free(&sa->answered);
	for (int i = 0; i < 2; i++)
		reassembly_free(&sa->reassembly[i]);
	reauth_forget(sa);
	TAILQ_REMOVE(&sa->peer->sas, sa, of_peer);
	free(sa->peer_id);
	explicit_bzero(&sa->keys, sizeof(sa->keys));
	free(sa);
}

void ike_sa_inherit(struct ike_sa *heir, struct ike_sa *old)
{
	struct task *task, *next;
	struct child *c;

	while ((c = TAILQ_FIRST(&old->children))) {
		TAILQ_REMOVE(&old->children, c, of_list);
		TAILQ_INSERT_TAIL(&heir->children, c, of_list);
		c->ike = heir;
	}
	for (task = TAILQ_FIRST(&old->tasks); task; task = next) {
		next = TAILQ_NEXT(task, of_sa);
		/* What was to go goes as its heir. */
		if (task->kind != TASK_CHILD && task->kind != TASK_REKEY_CHILD && task->kind != TASK_DELETE_CHILD &&
		    task->kind != TASK_DELETE_IKE)
			continue;
		TAILQ_REMOVE(&old->tasks, task, of_sa);
		TAILQ_INSERT_TAIL(&heir->tasks, task, of_sa);
	}
	ike_sa_kick(heir, engine_now(heir->engine));
	ike_sa_obey(heir);
}

static uint8_t nonce_byte(struct chunk n, size_t i)
{
	return i < n.size ? ((const uint8_t *)n.data)[i] : 0;
}

void nonce_lower(uint8_t out[NONCE_SIZE], struct chunk a, struct chunk b)
{
	uint8_t first[NONCE_SIZE], second[NONCE_SIZE];

	for (size_t i = 0; i < NONCE_SIZE; i++) {
		first[i] = nonce_byte(a, i);
		second[i] = nonce_byte(b, i);
	}
	memcpy(out, memcmp(first, second, NONCE_SIZE) < 0 ? first : second, NONCE_SIZE);
}
