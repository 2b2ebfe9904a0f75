/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"

#define TIMERS_OF_PEER 2

uint64_t peer_key(const uint8_t local[4], const uint8_t remote[4])
{
	uint64_t key = 0;

	for (unsigned i = 0; i < 4; i++)
		key = key << 8 | local[i];
	for (unsigned i = 0; i < 4; i++)
		key = key << 8 | remote[i];
	return key;
}

static struct peer *peer_of(struct table_node *node)
{
	return node ? container_of(node, struct peer, by_addresses) : NULL;
}

struct peer *peer_first(const struct engine *e, uint64_t key)
{
	return peer_of(table_find(&e->peers, key));
}

struct peer *peer_next(const struct peer *p)
{
	return peer_of(table_next(&p->by_addresses));
}

void peer_log_line(const struct peer *p, unsigned flags, const char *line)
{
	const struct connection_config *config = p->connection->config;
	char addr[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, p->remote, addr, sizeof(addr));
	if (connection_is_mesh(p->connection))
		engine_log(p->connection->engine, flags, "%s[%s]: %s", config->name, addr, line);
	else
		engine_log(p->connection->engine, flags, "%s: %s", config->name, line);
}

void peer_log(const struct peer *p, const char *format, ...)
{
	char line[500];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	peer_log_line(p, 0, line);
}

void peer_tell(const struct peer *p, bool remote, const char *event, cJSON *values)
{
	char addr[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, p->remote, addr, sizeof(addr));
	if (!values)
		values = cJSON_CreateObject();
	cJSON_AddStringToObject(values, "peer", addr);
	engine_tell(p->connection->engine, remote, event, p->connection->config->name, values);
}

/* ---- what went wrong ---- */

void peer_tell_failure(const struct peer *p, enum failure_kind kind)
{
	const struct failure *f = &p->last_failures[kind];
	cJSON *values = cJSON_CreateObject();

	if (f->notify)
		cJSON_AddStringToObject(values, "notify", notify_name(f->notify));
	cJSON_AddStringToObject(values, "what", f->what);
	cJSON_AddNumberToObject(values, "tries", f->tries);
	peer_tell(p, kind == REFUSED, kind == FAILED ? "connection_failed" : "connection_refused", values);
}

void peer_note_failure(struct peer *p, enum failure_kind kind, uint16_t notify, const char *what)
{
	failure_note(&p->last_failures[kind], p->remote, engine_now(p->connection->engine), notify, what);
}

void peer_failure(struct peer *p, enum failure_kind kind, uint16_t notify, const char *format, ...)
{
	char what[FAILURE_TEXT], line[FAILURE_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	failure_line(notify, what, line);
	peer_log_line(p, LINE_OF_FAILURE, line);
	peer_note_failure(p, kind, notify, what);
	peer_tell_failure(p, kind);
}

void peer_failures_over(struct peer *p)
{
	for (int kind = 0; kind < FAILURE_KINDS; kind++) {
		p->last_failures[kind].over = true;
		if (memcmp(p->connection->failures[kind].from, p->remote, 4) == 0)
			p->connection->failures[kind].over = true;
	}
}

/* A mesh's peer goes when nothing is wanted of it: what went wrong is still to be seen. */
static void leave_failures(const struct peer *p)
{
	for (int kind = 0; kind < FAILURE_KINDS; kind++)
		if (failure_lasts(&p->last_failures[kind]))
			p->connection->failures[kind] = p->last_failures[kind];
}

/* ---- finding and making ---- */

static struct peer *peer_new(struct connection *c, const uint8_t remote[4])
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p || !timers_reserve(&c->engine->timers, TIMERS_OF_PEER)) {
		free(p);
		return NULL;
	}
	p->connection = c;
	memcpy(p->remote, remote, 4);
	p->lost_ms = engine_now(c->engine);
	TAILQ_INIT(&p->sas);
	TAILQ_INIT(&p->children);
	TAILQ_INIT(&p->late);
	TAILQ_INIT(&p->orders);
	timer_init(&p->retry, TIMER_PEER_RETRY);
	timer_init(&p->orphans, TIMER_PEER_ORPHANS);
	p->mortal.kind = MORTAL_PEER;
	TAILQ_INSERT_TAIL(&c->peers, p, of_connection);
	table_add(&c->engine->peers, &p->by_addresses, peer_key(c->config->local, remote));
	/* Who made it may find that it has no use for it. */
	mortal_end(&c->engine->ending, &p->mortal);
	return p;
}

struct peer *peer_get(struct connection *c, const uint8_t remote[4])
{
	struct peer *p = peer_first(c->engine, peer_key(c->config->local, remote));

	for (; p; p = peer_next(p))
		if (p->connection == c)
			return p;
	return peer_new(c, remote);
}

/* To be up whenever it can. Of a mesh there is nobody to begin with, and who has once been asked for may be nobody. */
bool peer_is_kept_up(const struct peer *p)
{
	return p->connection->config->start == START_INITIATE && !connection_is_mesh(p->connection);
}

bool peer_may_connect(const struct peer *p)
{
	return !p->held && !p->address_gone && !p->connection->gone;
}

/* ---- orders ---- */

void peer_end_order(struct peer *p, struct order *order, const char *error)
{
	const struct engine_ops *ops = &p->connection->engine->ops;

	TAILQ_REMOVE(&p->orders, order, of_peer);
	ops->done(ops->arg, order->ticket, error);
	free(order);
}

void peer_end_orders(struct peer *p, enum order_kind kind, const char *error)
{
	struct order *order, *next;

	for (order = TAILQ_FIRST(&p->orders); order; order = next) {
		next = TAILQ_NEXT(order, of_peer);
		if (order->kind == kind)
			peer_end_order(p, order, error);
	}
}

struct order *peer_add_order(struct peer *p, enum order_kind kind, uint64_t ticket)
{
	const struct engine_ops *ops = &p->connection->engine->ops;
	struct order *order = calloc(1, sizeof(*order));

	if (!order) {
		ops->done(ops->arg, ticket, "no memory");
		return NULL;
	}
	order->kind = kind;
	order->ticket = ticket;
	TAILQ_INSERT_TAIL(&p->orders, order, of_peer);
	return order;
}

struct tally *peer_tally(struct peer *p)
{
	if (!p->tally)
		p->tally = calloc(1, sizeof(*p->tally));
	return p->tally ? p->tally : &p->connection->tally;
}

void peer_wait_no_more(struct peer *p)
{
	if (p->waits)
		TAILQ_REMOVE(&p->connection->engine->waiting, p, of_waiting);
	p->waits = false;
}

void peer_free(struct peer *p)
{
	struct timers *timers = &p->connection->engine->timers;

	for (int kind = ORDER_UP; kind <= ORDER_REKEY; kind++)
		peer_end_orders(p, (enum order_kind)kind, "the connection is gone");
	timer_cancel(timers, &p->retry);
	timer_cancel(timers, &p->orphans);
	timers_release(timers, TIMERS_OF_PEER);
	peer_wait_no_more(p);
	leave_failures(p);
	if (p->tally)
		tally_add(&p->connection->tally, p->tally);
	free(p->tally);
	mortal_forget(&p->connection->engine->ending, &p->mortal);
	table_remove(&p->by_addresses);
	TAILQ_REMOVE(&p->connection->peers, p, of_connection);
	free(p);
}
