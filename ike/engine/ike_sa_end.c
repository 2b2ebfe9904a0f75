/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_sa_end.h"

#include "carry.h"
#include "claim.h"
#include "ike_sa_delete.h"
#include "opening.h"
#include "task.h"
#include "wish.h"

/* An answer that ends an IKE SA may be lost as any other: for as long as the peer may ask again (request.c), it gets it
 * again. */
#define LINGER_MS 24000
/* What a peer that has started anew does not know any more goes that much later: its first SA is bound by then
 * (carry.c).
 */
#define FORGOTTEN_MS 500

/* Nobody waits for the answer, so this DELETE is no task: it goes once, and the IKE SA's own end follows. */
void ike_sa_say_good_bye(struct ike_sa *sa)
{
	const struct ike_header h = ike_request_header(sa, EXCHANGE_INFORMATIONAL);
	struct body *b = &sa->engine->body;
	struct flight f = {0};

	if (sa->state != IKE_UP || sa->running)
		return;
	body_init(b);
	delete_write_ike(b);
	if (flight_seal(&f, &h, b, ike_key_out(sa), sa->fragmentation ? DATAGRAM_MAX : 0) == 0)
		flight_send(sa, &f);
	flight_free(&f);
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
		if (task->kind != TASK_CHILD && task->kind != TASK_REKEY_CHILD && task->kind != TASK_DELETE_CHILD &&
		    task->kind != TASK_DELETE_IKE)
			continue;
		TAILQ_REMOVE(&old->tasks, task, of_sa);
		TAILQ_INSERT_TAIL(&heir->tasks, task, of_sa);
	}
	ike_sa_delete_heir(heir, old);
	ike_sa_kick(heir, engine_now(heir->engine));
	if (!ike_sa_is_wanted(heir))
		ike_sa_take_down(heir);
}

static void end_children(struct ike_sa *sa)
{
	struct child *c;

	while ((c = TAILQ_FIRST(&sa->children)))
		child_leave(c);
}

/* What is tried beside an IKE SA that is up, in case, is no failure of the connection. */
static void tell(struct ike_sa *sa, enum failure_kind kind, uint16_t notify, const char *why)
{
	if (!sa->in_doubt)
		ike_failure(sa, sa->peer, kind, notify, "%s", why);
	else
		ike_log(sa, "%s", why);
}

static void tell_deleted(const struct ike_sa *sa, const char *why)
{
	cJSON *values = cJSON_CreateObject();

	if (why)
		cJSON_AddStringToObject(values, "why", why);
	ike_tell(sa, "ike_sa_deleted", values);
}

static void die(struct ike_sa *sa, bool failed, uint16_t notify, const char *why)
{
	const enum failure_kind kind = sa->state == IKE_HALF_OPEN ? REFUSED : FAILED;
	struct engine *e = sa->engine;
	struct peer *peer = sa->peer;
	struct ike_sa *heir = sa->rival && sa->rival->state == IKE_UP ? sa->rival : NULL;

	if (sa->state == IKE_DEAD)
		return;
	if (heir)
		ike_sa_inherit(heir, sa);
	sa->state = IKE_DEAD;
	opening_settle(sa);
	if (why)
		tell(sa, kind, notify, why);
	/* Of one that never was up nobody was told. */
	if (sa->line.up_ms)
		tell_deleted(sa, why);
	table_remove(&sa->by_spi);
	claim_settle(sa);
	handshake_free(sa);
	timer_cancel(&e->timers, &sa->life);
	timer_cancel(&e->timers, &sa->liveness);
	timer_cancel(&e->timers, &sa->kick);
	end_children(sa);
	task_drop_all(sa, true);
	foresight_end(&sa->foresight);
	backlog_free(&sa->backlog);
	for (int i = 0; i < 2; i++)
		reassembly_free(&sa->reassembly[i]);
	ike_sa_pass_links(sa, heir);
	mortal_end(&e->ending, &sa->mortal);
	if (failed && kind == FAILED && !sa->in_doubt)
		peer_on_failure(peer);
	else
		peer_on_loss(peer);
}

void ike_sa_die(struct ike_sa *sa, const char *why)
{
	die(sa, why, 0, why);
}

void ike_sa_die_told(struct ike_sa *sa)
{
	die(sa, true, 0, NULL);
}

void ike_sa_fail(struct ike_sa *sa, uint16_t notify, const char *why)
{
	die(sa, true, notify, why);
}

static void terminate_sa(struct ike_sa *sa)
{
	if (sa->state == IKE_UP) {
		task_drop_all(sa, false);
		ike_sa_delete(sa, 0);
	} else if (sa->state < IKE_UP) {
		ike_sa_die(sa, NULL);
	}
}

/* Who else has a child on it, and is to keep it. */
static struct peer *other_user(const struct ike_sa *sa)
{
	struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list)
		if (c->peer != sa->peer && c->era == c->peer->era)
			return c->peer;
	return NULL;
}

/* An IKE SA that carries another connection's children goes on as that one's. */
void ike_sa_take_down(struct ike_sa *sa)
{
	struct peer *other = sa->state == IKE_UP ? other_user(sa) : NULL;

	if (other)
		ike_sa_give(sa, other);
	else
		terminate_sa(sa);
}

void ike_sa_die_answered(struct ike_sa *sa)
{
	struct engine *e = sa->engine;
	const uint64_t spi = ike_spi_ours(sa);
	const bool unproven = sa->state == IKE_HALF_OPEN;

	ike_sa_die(sa, NULL);
	/* Who is refused can begin anew at once, from another address. */
	if (unproven && e->refused >= HALF_OPEN_MAX)
		return;
	sa->refused = unproven;
	e->refused += unproven;
	table_add(&e->ike_sas, &sa->by_spi, spi);
	timer_set(&e->timers, &sa->kick, engine_now(e) + LINGER_MS);
}

void ike_sa_forget_answer(struct ike_sa *sa)
{
	struct engine *e = sa->engine;

	table_remove(&sa->by_spi);
	table_remove(&sa->by_init);
	timer_cancel(&e->timers, &sa->kick);
	mortal_end(&e->ending, &sa->mortal);
}

/* Its datapath stays for a moment. */
void ike_sa_forgotten(struct ike_sa *sa, const char *why)
{
	struct engine *e = sa->engine;

	ike_log(sa, "%s", why);
	sa->state = IKE_REPLACED;
	sa->leaves = false;
	task_drop_all(sa, true);
	timer_cancel(&e->timers, &sa->liveness);
	timer_set(&e->timers, &sa->life, engine_now(e) + FORGOTTEN_MS);
}
