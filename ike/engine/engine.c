/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine.h"

#include <stdlib.h>

#include "child.h"
#include "ike_sa_end.h"
#include "opening.h"
#include "reap.h"
#include "task.h"
#include "tick.h"

/* day, next_opening */
#define TIMERS_OF_ENGINE 2

static int init_tables(struct engine *e)
{
	struct table *tables[] = {&e->ike_sas, &e->half_open_table, &e->peers, &e->halves};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (table_init(tables[i], engine_random_u64(e)))
			return -1;
	/* What is in there the file has chosen, or this engine, and no peer. */
	if (table_init(&e->nets, 0x9e3779b97f4a7c15ULL) || table_init(&e->names, 0x9e3779b97f4a7c15ULL) ||
	    table_init(&e->jobs, 0x9e3779b97f4a7c15ULL))
		return -1;
	return timers_reserve(&e->timers, TIMERS_OF_ENGINE) ? 0 : -1;
}

static void free_tables(struct engine *e)
{
	table_free(&e->ike_sas);
	table_free(&e->half_open_table);
	table_free(&e->peers);
	table_free(&e->nets);
	table_free(&e->names);
	table_free(&e->halves);
	table_free(&e->jobs);
	timers_free(&e->timers);
	free(e);
}

struct engine *engine_new(const struct engine_ops *ops)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->ops = *ops;
	e->cookie_threshold = COOKIE_THRESHOLD;
	opening_init(e);
	timer_init(&e->day, TIMER_ENGINE_DAY);
	timer_init(&e->next_opening, TIMER_ENGINE_OPENING);
	TAILQ_INIT(&e->connections);
	TAILQ_INIT(&e->grace);
	TAILQ_INIT(&e->ending);
	TAILQ_INIT(&e->waiting);
	e->cookies.random = ops->random;
	e->cookies.arg = ops->arg;
	cookie_init(&e->cookies, engine_now(e));
	if (init_tables(e)) {
		free_tables(e);
		return NULL;
	}
	return e;
}

/* Without a farewell the SAs stay in the datapath: only what the engine knows of them is freed. */
static void keep_sa(void *arg, struct sa_handle sa)
{
	(void)arg;
	(void)sa;
}

/* For the children of one peer may be on the IKE SA of another, all of one kind go before the next. */
static void each_peer(struct engine *e, void (*what)(struct peer *p))
{
	struct connection *c;
	struct peer *p;

	TAILQ_FOREACH(c, &e->connections, of_engine)
		TAILQ_FOREACH(p, &c->peers, of_connection)
			what(p);
}

static void say_good_bye(struct peer *p)
{
	struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		ike_sa_say_good_bye(sa);
}

static void drop_tasks(struct peer *p)
{
	struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		task_drop_all(sa, true);
}

static void drop_children(struct peer *p)
{
	struct child *c;

	while ((c = TAILQ_FIRST(&p->children)))
		child_drop(c);
}

static void free_ike_sas(struct peer *p)
{
	struct ike_sa *sa;

	while ((sa = TAILQ_FIRST(&p->sas)))
		ike_sa_free(sa);
}

static void free_connections(struct engine *e)
{
	struct connection *c;
	struct peer *p;

	while ((c = TAILQ_FIRST(&e->connections))) {
		while ((p = TAILQ_FIRST(&c->peers))) {
			child_forget_peer(p);
			peer_free(p);
		}
		connection_free(c);
	}
}

void engine_free(struct engine *e, bool farewell)
{
	struct child *child;

	if (!e)
		return;
	reap_ended(e);
	if (farewell)
		each_peer(e, say_good_bye);
	else
		e->ops.sa_remove = keep_sa;
	each_peer(e, drop_tasks);
	each_peer(e, drop_children);
	each_peer(e, free_ike_sas);
	free_connections(e);
	TAILQ_FOREACH(child, &e->grace, of_list)
		child_drop(child);
	reap_ended(e);
	free_tables(e);
}

uint64_t engine_tick(struct engine *e)
{
	tick_timers(e);
	reap_ended(e);
	return timers_next(&e->timers);
}
