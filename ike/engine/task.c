/* SPDX-License-Identifier: BSD-2-Clause */
#include "task.h"

#include <stdlib.h>

#include "peer.h"

/* So that two that collided do not again. Percent. */
#define RETRY_JITTER 50

static const char *const names[TASK_KINDS] = {
	[TASK_INIT] = "IKE_SA_INIT",
	[TASK_AUTH] = "IKE_AUTH",
	[TASK_CHILD] = "new child",
	[TASK_REKEY_CHILD] = "rekey of a child",
	[TASK_REKEY_IKE] = "rekey of the IKE SA",
	[TASK_DELETE_CHILD] = "delete of a child",
	[TASK_DELETE_IKE] = "delete of the IKE SA",
	[TASK_LIVENESS] = "liveness",
};

const char *task_name(enum task_kind kind)
{
	return names[kind];
}

/* Of the child to be. */
static void let_go(struct ike_sa *sa, struct task *task)
{
	const struct engine_ops *ops = &sa->engine->ops;

	ops->sa_remove(ops->arg, task->reserved);
	task->reserved = (struct sa_handle){0};
	dh_wipe(&task->dh);
}

static void task_free(struct ike_sa *sa, struct task *task)
{
	let_go(sa, task);
	task->peer->tasks--;
	mortal_end(&sa->engine->ending, &task->peer->mortal);
	mortal_end(&sa->engine->ending, &task->mortal);
}

static void make_for(struct task *task, struct peer *peer, unsigned era)
{
	if (task->peer)
		task->peer->tasks--;
	task->peer = peer;
	task->era = era;
	peer->tasks++;
}

struct task *task_queue(struct ike_sa *sa, enum task_kind kind)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task) {
		ike_log(sa, "no memory for: %s", task_name(kind));
		return NULL;
	}
	task->kind = kind;
	task->mortal.kind = MORTAL_TASK;
	make_for(task, sa->peer, sa->peer->era);
	TAILQ_INSERT_TAIL(&sa->tasks, task, of_sa);
	ike_sa_kick(sa, engine_now(sa->engine));
	return task;
}

struct task *task_queue_for(struct ike_sa *sa, enum task_kind kind, struct child *child, struct peer *peer,
			    unsigned era)
{
	struct task *task = task_find(sa, kind, child);

	if (task)
		return task;
	task = task_queue(sa, kind);
	if (!task)
		return NULL;
	task->child = child;
	make_for(task, peer, era);
	return task;
}

struct task *task_queue_again(struct ike_sa *sa, const struct task *task)
{
	struct task *again = task_queue(sa, task->kind);

	if (!again)
		return NULL;
	again->child = task->child;
	again->selector = task->selector;
	again->lane = task->lane;
	again->wished = task->wished;
	if (task->kind == TASK_CHILD || task->kind == TASK_REKEY_CHILD)
		make_for(again, task->peer, task->era);
	return again;
}

void task_delay(struct ike_sa *sa, struct task *task, uint64_t ms)
{
	if (task)
		task->not_before_ms = engine_now(sa->engine) + ms;
}

void task_retry(struct ike_sa *sa, struct task *task, uint64_t ms)
{
	if (task)
		task_delay(sa, task, engine_jitter(sa->engine, ms, RETRY_JITTER));
}

static bool makes(const struct task *task, unsigned selector, unsigned lane)
{
	return task->kind == TASK_CHILD && task->selector == selector && task->lane == lane;
}

struct task *task_find_child(const struct ike_sa *sa, unsigned selector, unsigned lane)
{
	struct task *task;

	if (sa->running && makes(sa->running, selector, lane))
		return sa->running;
	TAILQ_FOREACH(task, &sa->tasks, of_sa)
		if (makes(task, selector, lane))
			return task;
	return NULL;
}

struct task *task_find(const struct ike_sa *sa, enum task_kind kind, const struct child *child)
{
	struct task *task;

	if (sa->running && sa->running->kind == kind && (!child || sa->running->child == child))
		return sa->running;
	TAILQ_FOREACH(task, &sa->tasks, of_sa)
		if (task->kind == kind && (!child || task->child == child))
			return task;
	return NULL;
}

void task_drop_running(struct ike_sa *sa)
{
	struct task *task = sa->running;

	sa->running = NULL;
	task_free(sa, task);
}

void task_put_back(struct ike_sa *sa, uint64_t ms)
{
	struct task *task = sa->running;

	sa->running = NULL;
	task->not_before_ms = engine_now(sa->engine) + ms;
	TAILQ_INSERT_TAIL(&sa->tasks, task, of_sa);
	ike_sa_kick(sa, task->not_before_ms);
}

/* The same task, so that no memory is needed: a child that the peer keeps, and nobody deletes, would take traffic. */
static void turn_into_delete(struct ike_sa *sa)
{
	struct task *task = sa->running;

	let_go(sa, task);
	task->kind = TASK_DELETE_CHILD;
	task->child = task->rival = NULL;
	task->goes_back = false;
	task_put_back(sa, 0);
}

void task_finish(struct ike_sa *sa)
{
	timer_cancel(&sa->engine->timers, &sa->retransmit);
	if (sa->running->goes_back)
		turn_into_delete(sa);
	else
		task_drop_running(sa);
	flight_free(&sa->sent);
	sa->next_id++;
	ike_sa_kick(sa, engine_now(sa->engine));
}

void task_drop_all(struct ike_sa *sa, bool running)
{
	struct task *task;

	if (running && sa->running) {
		timer_cancel(&sa->engine->timers, &sa->retransmit);
		task_drop_running(sa);
	}
	while ((task = TAILQ_FIRST(&sa->tasks))) {
		TAILQ_REMOVE(&sa->tasks, task, of_sa);
		task_free(sa, task);
	}
}

void task_forget_child(struct ike_sa *sa, const struct child *child)
{
	struct task *task, *next;

	if (sa->running && sa->running->child == child)
		sa->running->child = NULL;
	if (sa->running && sa->running->rival == child)
		sa->running->rival = NULL;
	for (task = TAILQ_FIRST(&sa->tasks); task; task = next) {
		next = TAILQ_NEXT(task, of_sa);
		if (task->child != child)
			continue;
		TAILQ_REMOVE(&sa->tasks, task, of_sa);
		task_free(sa, task);
	}
}
