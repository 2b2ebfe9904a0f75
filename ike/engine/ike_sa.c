/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_sa.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proven.h"

/* retransmit, kick, life, liveness, reauth. */
#define TIMERS_OF_IKE_SA 5

/* ---- log ---- */

static void log_text(const struct ike_sa *sa, unsigned flags, const char *text)
{
	char line[FAILURE_LINE + 60];

	snprintf(line, sizeof(line), "IKE SA %016" PRIx64 "/%016" PRIx64 ": %s", sa->spi_i, sa->spi_r, text);
	/* Nothing is proven yet of who asks. */
	peer_log_line(sa->peer, flags | (sa->state == IKE_HALF_OPEN ? LINE_OF_REMOTE : 0), line);
}

void ike_log(const struct ike_sa *sa, const char *format, ...)
{
	char text[FAILURE_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_text(sa, 0, text);
}

static void add_spi(cJSON *values, const char *name, uint64_t spi)
{
	char text[20];

	snprintf(text, sizeof(text), "%016" PRIx64, spi);
	cJSON_AddStringToObject(values, name, text);
}

void ike_tell(const struct ike_sa *sa, const char *event, cJSON *values)
{
	if (!values)
		values = cJSON_CreateObject();
	add_spi(values, "spi_i", sa->spi_i);
	add_spi(values, "spi_r", sa->spi_r);
	cJSON_AddStringToObject(values, "role", sa->initiator ? "initiator" : "responder");
	if (sa->peer_id)
		cJSON_AddStringToObject(values, "peer_id", sa->peer_id);
	peer_tell(sa->peer, false, event, values);
}

static void record(const struct ike_sa *sa, struct peer *p, enum failure_kind kind, uint16_t notify, const char *what)
{
	char line[FAILURE_LINE];

	failure_line(notify, what, line);
	log_text(sa, LINE_OF_FAILURE, line);
	peer_note_failure(p, kind, notify, what);
	peer_tell_failure(p, kind);
}

void ike_failure(const struct ike_sa *sa, struct peer *p, enum failure_kind kind, uint16_t notify, const char *format,
		 ...)
{
	char what[FAILURE_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	record(sa, p, kind, notify, what);
}

/* What the initiator tells the responder it says with the DELETE, and the responder says to the initiator. */
void ike_unproven(const struct ike_sa *sa, const char *format, ...)
{
	char what[FAILURE_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	record(sa, sa->peer, sa->initiator ? FAILED : REFUSED, sa->initiator ? 0 : AUTHENTICATION_FAILED, what);
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

/* ---- its peer's ---- */

void ike_sa_give(struct ike_sa *sa, struct peer *p)
{
	TAILQ_REMOVE(&sa->peer->sas, sa, of_peer);
	TAILQ_INSERT_TAIL(&p->sas, sa, of_peer);
	mortal_end(&sa->engine->ending, &sa->peer->mortal);
	sa->peer = p;
	sa->era = p->era;
}

void ike_sa_kick(struct ike_sa *sa, uint64_t at_ms)
{
	if (!timer_is_set(&sa->kick) || sa->kick.due_ms > at_ms)
		timer_set(&sa->engine->timers, &sa->kick, at_ms);
}

struct ike_header ike_request_header(const struct ike_sa *sa, uint8_t exchange)
{
	return (struct ike_header){
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.version = IKE_VERSION,
		.exchange = exchange,
		.flags = sa->initiator ? FLAG_INITIATOR : 0,
		.id = sa->next_id,
	};
}

void flight_send_to(struct ike_sa *sa, const struct path *path, const struct flight *f)
{
	const struct engine_ops *ops = &sa->engine->ops;
	const uint8_t *at = f->data;

	for (unsigned i = 0; i < f->count; at += f->sizes[i], i++)
		sa->send_error = -ops->send(ops->arg, path, at, f->sizes[i]);
}

void flight_send(struct ike_sa *sa, const struct flight *f)
{
	flight_send_to(sa, &sa->path, f);
}

/* ---- life ---- */

static void init_timers(struct ike_sa *sa)
{
	timer_init(&sa->retransmit, TIMER_IKE_RETRANSMIT);
	timer_init(&sa->kick, TIMER_IKE_KICK);
	timer_init(&sa->life, TIMER_IKE_LIFE);
	timer_init(&sa->liveness, TIMER_IKE_LIVENESS);
	timer_init(&sa->reauth, TIMER_IKE_REAUTH);
}

static void init_handshake(struct ike_sa *sa)
{
	engine_random(sa->engine, sa->handshake->nonce, sizeof(sa->handshake->nonce));
	if (sa->initiator)
		return;
	sa->engine->half_open++;
	timer_set(&sa->engine->timers, &sa->life, sa->started_ms + HALF_OPEN_MS);
}

uint64_t ike_spi_fresh(struct engine *e)
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
	sa->mortal.kind = MORTAL_IKE_SA;
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
			timers_release(&e->timers, TIMERS_OF_IKE_SA);
			free(sa);
			return NULL;
		}
		init_handshake(sa);
		our_spi = ike_spi_fresh(e);
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
	dh_wipe(&hs->dh);
	free(hs->init_request);
	free(hs->init_response);
	explicit_bzero(hs, sizeof(*hs));
	free(hs);
	sa->handshake = NULL;
}

/* Who has not said who it is may be the other one: a remote-id is what is allowed, and one peer may have several. */
static bool same_identities(const struct ike_sa *a, const struct ike_sa *b)
{
	const struct connection_config *x = a->peer->connection->config, *y = b->peer->connection->config;

	/* In the order of what it takes: two distinguished names are taken apart for it. */
	return (!a->peer_id || !b->peer_id || strcmp(a->peer_id, b->peer_id) == 0) &&
	       (x == y || identity_equal(&x->local_id, &y->local_id));
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

/* Whoever's rival it is may have become another connection's (ike_sa_give). */
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

void ike_sa_free(struct ike_sa *sa)
{
	struct engine *e = sa->engine;

	mortal_forget(&e->ending, &sa->mortal);
	e->refused -= sa->refused;
	table_remove(&sa->by_spi);
	table_remove(&sa->by_init);
	handshake_free(sa);
	timer_cancel(&e->timers, &sa->retransmit);
	timer_cancel(&e->timers, &sa->kick);
	timer_cancel(&e->timers, &sa->life);
	timer_cancel(&e->timers, &sa->liveness);
	flight_free(&sa->sent);
	flight_free(&sa->answered);
	for (int i = 0; i < 2; i++)
		reassembly_free(&sa->reassembly[i]);
	foresight_end(&sa->foresight);
	backlog_free(&sa->backlog);
	timer_cancel(&e->timers, &sa->reauth);
	proven_drop(sa->proven);
	TAILQ_REMOVE(&sa->peer->sas, sa, of_peer);
	timers_release(&e->timers, TIMERS_OF_IKE_SA);
	free(sa->peer_id);
	explicit_bzero(&sa->keys, sizeof(sa->keys));
	gcm_forget();
	prf_forget();
	free(sa);
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
