/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of a datagram: which IKE SA, is it the peer's next request, a
 * repetition or the answer we wait for, is it authentic, what does it ask.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>

#include "doubt.h"
#include "exchange.h"
#include "ike_keys.h"
#include "ike_sa_end.h"
#include "ike_sa_life.h"
#include "receive.h"
#include "request.h"

static bool from_initiator(const struct ike_header *h)
{
	return h->flags & FLAG_INITIATOR;
}

/* ---- answering ---- */

static struct ike_header answer_header(const struct ike_sa *sa, const struct ike_header *question)
{
	return (struct ike_header){
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.version = IKE_VERSION,
		.exchange = question->exchange,
		.flags = FLAG_RESPONSE | (sa->initiator ? FLAG_INITIATOR : 0),
		.id = question->id,
	};
}

/* An honest peer asks again four times as late at the soonest; who has one of its questions may do so at any time. */
#define ANSWER_AGAIN_MS 100

/* When the answer went last, by such a way. Who has a question come from another port keeps nothing from the peer's. */
static uint64_t *answered_ms(struct ike_sa *sa, const struct path *path)
{
	return &sa->answered_ms[path->local_port != sa->path.local_port || path->remote_port != sa->path.remote_port];
}

static void answer_to(struct ike_sa *sa, const struct path *path)
{
	*answered_ms(sa, path) = engine_now(sa->engine);
	flight_send_to(sa, path, &sa->answered);
}

/*
 * The answer is kept: if the question comes again, it is sent again as it was. Each goes to where its question came
 * from (RFC 7296 section 2.11), and nothing else does: who has copied a question chooses its port.
 */
static void send_answer(struct ike_sa *sa, const struct message *m, const struct path *path, const struct body *b)
{
	const struct ike_header h = answer_header(sa, &m->header);

	flight_free(&sa->answered);
	if (flight_seal(&sa->answered, &h, b, ike_key_out(sa), sa->fragmentation ? DATAGRAM_MAX : 0)) {
		ike_sa_die(sa, "the answer could not be made: it is too large, or there is no memory");
		return;
	}
	sa->expected_id = m->header.id + 1;
	memset(sa->answered_ms, 0, sizeof(sa->answered_ms));
	answer_to(sa, path);
}

/* In the clear: nobody keeps it. */
static void send_clear(struct engine *e, const struct path *path, const struct ike_header *h, const struct body *b)
{
	uint8_t out[256];
	const size_t size = message_write(h, b, out, sizeof(out));

	if (size)
		e->ops.send(e->ops.arg, path, out, size);
}

/* ---- a request ---- */

/* What is to be answered. First what is for all of them, then what the row's handler says. */
static enum verdict judge(struct question *q)
{
	const struct question_row *row = question_find(q->sa, q->m);
	const bool fits = row && message_has(q->m, row->required);

	body_init(q->answer);
	if (!fits && !q->sa)
		return VERDICT_SILENCE;
	if (q->m->unknown_critical) {
		notify_write(q->answer, UNSUPPORTED_CRITICAL_PAYLOAD, &q->m->unknown_critical, 1);
		return VERDICT_ANSWER;
	}
	if (fits && row->foresee && row->foresee(q))
		return VERDICT_LATER;
	if (fits)
		return row->handle(q);
	ike_failure(q->sa, q->sa->peer, REFUSED, INVALID_SYNTAX, "%s request without what belongs in it: refused",
		    exchange_name(q->m->header.exchange));
	notify_write(q->answer, INVALID_SYNTAX, NULL, 0);
	return VERDICT_ANSWER_AND_DIE;
}

/* It is authentic, and the next in order. False: it has to wait. */
static bool on_request(struct ike_sa *sa, const struct message *m, const struct path *path)
{
	struct question q = {.engine = sa->engine, .sa = sa, .m = m, .path = path, .answer = &sa->engine->answer};
	const enum verdict verdict = judge(&q);

	if (verdict == VERDICT_LATER || verdict == VERDICT_SILENCE)
		return verdict != VERDICT_LATER;
	send_answer(sa, m, path, q.answer);
	if (verdict == VERDICT_ANSWER_AND_DIE)
		ike_sa_die_answered(sa);
	return true;
}

/* There is no IKE SA yet, and nothing that is answered here makes one. */
static void on_init_request(struct engine *e, const struct message *m, const struct path *path)
{
	struct question q = {.engine = e, .m = m, .path = path, .answer = &e->answer};
	const struct ike_header h = {
		.spi_i = m->header.spi_i,
		.version = IKE_VERSION,
		.exchange = EXCHANGE_IKE_SA_INIT,
		.flags = FLAG_RESPONSE,
	};

	if (judge(&q) == VERDICT_ANSWER)
		send_clear(e, path, &h, q.answer);
}

/* ---- an answer ---- */

/* It has read something else than we have written, so nothing that follows means the same to both (RFC 7296
 * section 2.21.3). */
static void die_of_syntax(struct ike_sa *sa)
{
	char why[FAILURE_TEXT];

	snprintf(why, sizeof(why), "the peer finds our %s malformed: the IKE SA is over",
		 exchange_name(task_row(sa->running->kind)->exchange));
	ike_sa_fail(sa, INVALID_SYNTAX, why);
}

/* False: it has to wait. */
static bool on_answer(struct ike_sa *sa, const struct message *m, const struct path *path)
{
	struct task *task = sa->running;
	const struct task_row *row = task_row(task->kind);
	const uint16_t said = message_error(m);
	const struct path before = sa->path;
	/* An error that is said in one of these is all there is to it, whatever comes beside (RFC 7296 section 3.10.1).
	 */
	const bool refused = said && row->exchange == EXCHANGE_CREATE_CHILD_SA;
	const bool fits = row->refusal == REFUSAL_IS_AN_ANSWER ||
			  (!m->unknown_critical && !refused && message_has(m, row->required));
	uint16_t error = m->unknown_critical ? UNSUPPORTED_CRITICAL_PAYLOAD : said ? said : INVALID_SYNTAX;

	if (said == INVALID_SYNTAX && sa->state >= IKE_UP) {
		die_of_syntax(sa);
		return true;
	}
	if (!fits && row->on_notify) {
		row->on_notify(sa, m, error);
		return true;
	}
	if (fits && row->foresee_answer && row->foresee_answer(sa, task, m))
		return false;
	/* If it comes from another port, the check for a NAT is to see that. */
	if (sa->state == IKE_INIT_SENT)
		sa->path = *path;
	if (fits)
		error = row->on_answer(sa, task, m);
	if (error == NOT_AN_ANSWER) {
		sa->path = before;
		return true;
	}
	/* Either may have ended the IKE SA and with it the task. */
	if (error && sa->running == task)
		request_refused(sa, error);
	if (sa->running == task)
		task_finish(sa);
	return true;
}

/* ---- opening ---- */

#define MALFORMED "the peer sent an authentic message that is malformed inside: IKE SA ended"

/* What is inside is authentic but no chain of payloads: the peer is broken (RFC 7296 section 2.21.3). */
static void on_garbage(struct ike_sa *sa, const struct message *m, const struct path *path)
{
	if (m->header.flags & FLAG_RESPONSE) {
		ike_sa_die(sa, MALFORMED);
		return;
	}
	ike_failure(sa, sa->peer, REFUSED, INVALID_SYNTAX, MALFORMED);
	body_init(&sa->engine->answer);
	notify_write(&sa->engine->answer, INVALID_SYNTAX, NULL, 0);
	send_answer(sa, m, path, &sa->engine->answer);
	ike_sa_die_answered(sa);
}

/* A question and an answer of one number are two messages, and may come at the same time. */
static struct reassembly *reassembly_of(struct ike_sa *sa, const struct message *m)
{
	return &sa->reassembly[m->header.flags & FLAG_RESPONSE ? 1 : 0];
}

/* Who is not proven gets no more memory for its messages, in one piece or in several. */
static bool is_too_much(const struct ike_sa *sa, size_t size)
{
	return sa->state == IKE_HALF_OPEN && size > HALF_OPEN_PIECES;
}

/* m is open and whole. False: not yet, or not authentic. *plain is to be freed. */
static bool open_message(struct ike_sa *sa, struct message *m, const struct path *path, uint8_t **plain)
{
	const struct sk_key *key = ike_key_in(sa);
	bool authentic = false;
	int err;

	if (message_find(m, PAYLOAD_SKF)) {
		if (is_too_much(sa, reassembly_of(sa, m)->size + m->size))
			return false;
		err = reassembly_add(reassembly_of(sa, m), m, key, plain);
		if (err == -EPROTO)
			on_garbage(sa, m, path);
		return err == 1;
	}
	*plain = message_find(m, PAYLOAD_SK) ? malloc(m->size) : NULL;
	if (!*plain)
		return false;
	err = sk_open(m, key, *plain, &authentic);
	if (err && authentic)
		on_garbage(sa, m, path);
	return !err;
}

/* Of a message in fragments, the first; or whole. */
static bool is_first(const struct payload *skf)
{
	struct reader r = skf ? reader_of(skf->data, skf->size) : (struct reader){.bad = true};

	return !skf || read_u16(&r) == 1;
}

/*
 * The question again: the answer again, the same bytes. It must be authentic, or anyone could have us send; and not
 * come at once, or anyone who has heard it could; of its fragments, the first counts (RFC 7383 section 2.6.1).
 */
static void on_repetition(struct ike_sa *sa, struct message *m, const struct path *path)
{
	const struct payload *skf = message_find(m, PAYLOAD_SKF);
	struct reassembly scratch = {0};
	uint8_t *plain = NULL;
	bool authentic = false;

	if (!sa->answered.count || !is_first(skf) || engine_now(sa->engine) - *answered_ms(sa, path) < ANSWER_AGAIN_MS)
		return;
	if (skf)
		authentic = reassembly_add(&scratch, m, ike_key_in(sa), &plain) >= 0;
	else if (message_find(m, PAYLOAD_SK) && (plain = malloc(m->size)))
		sk_open(m, ike_key_in(sa), plain, &authentic);
	free(plain);
	reassembly_free(&scratch);
	if (authentic)
		answer_to(sa, path);
}

/* Whether the Message ID is one that this message can have now. */
static bool in_window(const struct ike_sa *sa, const struct message *m)
{
	if (m->header.flags & FLAG_RESPONSE)
		return sa->running && m->header.id == sa->next_id &&
		       m->header.exchange == task_row(sa->running->kind)->exchange;
	/* It is up for the peer before it is for us, if what says so is late: what it asks comes again. */
	return sa->state != IKE_AUTH_SENT && m->header.id == sa->expected_id;
}

static bool is_repetition(const struct ike_sa *sa, const struct message *m)
{
	return !(m->header.flags & FLAG_RESPONSE) && sa->state != IKE_AUTH_SENT &&
	       m->header.id + 1 == sa->expected_id && m->header.id != UINT32_MAX;
}

/* What is left of o is the caller's to free. */
static void take(struct ike_sa *sa, struct opened *o)
{
	const bool done =
		o->m.header.flags & FLAG_RESPONSE ? on_answer(sa, &o->m, &o->path) : on_request(sa, &o->m, &o->path);

	/* Without the memory to let it wait it comes again. */
	if (!done) {
		backlog_hold(&sa->backlog, o);
		return;
	}
	foresight_forget(&sa->foresight);
	ike_sa_count_messages(sa);
}

static void on_opened(struct ike_sa *sa, struct opened *o)
{
	sa->heard_ms = engine_now(sa->engine);
	if (sa->state == IKE_UP)
		doubt_drop(sa->peer);
	take(sa, o);
}

/* A half-open one has its keys at the first message that is sealed. False: it has none yet, or none at all. */
static bool has_keys(struct ike_sa *sa, const struct message *m, const struct path *path)
{
	if (sa->state != IKE_HALF_OPEN || sa->keys_ready)
		return sa->keys_ready;
	if (ike_foresee_secret(sa, &sa->handshake->dh, sa->handshake->peer_public)) {
		backlog_hold_sealed(&sa->backlog, path, m->data, m->size);
		return false;
	}
	if (!ike_keys_derive(sa))
		ike_sa_die(sa, NULL);
	return sa->keys_ready;
}

static void on_protected(struct ike_sa *sa, const struct message *m, const struct path *path)
{
	struct opened o = {.m = *m, .path = *path};

	if (m->header.exchange == EXCHANGE_IKE_SA_INIT || is_too_much(sa, m->size) || !has_keys(sa, m, path))
		return;
	if (is_repetition(sa, m))
		on_repetition(sa, &o.m, path);
	else if (sa->state != IKE_DEAD && in_window(sa, m) && open_message(sa, &o.m, path, &o.plain))
		on_opened(sa, &o);
	free(o.plain);
}

/* ---- which IKE SA ---- */

/* The answer to our IKE_SA_INIT, in the clear. */
static void on_init_answer(struct ike_sa *sa, const struct message *m, const struct path *path)
{
	if (sa->state != IKE_INIT_SENT || !in_window(sa, m))
		return;
	if (on_answer(sa, m, path))
		foresight_forget(&sa->foresight);
	else
		backlog_hold_sealed(&sa->backlog, path, m->data, m->size);
}

static bool is_init(const struct ike_header *h)
{
	return h->exchange == EXCHANGE_IKE_SA_INIT;
}

/* The peer's SPI as it must be, except in the answer that brings it. */
static bool spi_is_right(const struct ike_sa *sa, const struct ike_header *h)
{
	if (sa->initiator == from_initiator(h))
		return false;
	if (sa->state == IKE_INIT_SENT)
		return h->spi_i == sa->spi_i;
	return h->spi_i == sa->spi_i && h->spi_r == sa->spi_r;
}

/* We never follow a peer to another address: that would be NAT, or somebody else. */
static bool same_hosts(const struct path *a, const struct path *b)
{
	return memcmp(a->local, b->local, 4) == 0 && memcmp(a->remote, b->remote, 4) == 0;
}

static void dispatch(struct ike_sa *sa, const struct path *path, const struct message *m)
{
	if (is_init(&m->header) && m->header.flags & FLAG_RESPONSE)
		on_init_answer(sa, m, path);
	else
		on_protected(sa, m, path);
}

/* Who is not proven yet has nothing to say behind its proof. */
static size_t backlog_room(const struct ike_sa *sa)
{
	return sa->state == IKE_HALF_OPEN && sa->backlog.first ? 0 : HALF_OPEN_PIECES;
}

static void on_known(struct engine *e, const struct path *path, const struct message *m)
{
	const struct ike_header *h = &m->header;
	struct ike_sa *sa = ike_sa_find(e, from_initiator(h) ? h->spi_r : h->spi_i);

	if (!sa || !spi_is_right(sa, h) || !same_hosts(&sa->path, path))
		return;
	if (backlog_waits(&sa->backlog))
		backlog_add(&sa->backlog, path, m, backlog_room(sa));
	else
		dispatch(sa, path, m);
}

/* ---- what has waited ---- */

static void take_first(struct ike_sa *sa)
{
	struct opened *o = backlog_take(&sa->backlog);

	if (o && in_window(sa, &o->m))
		take(sa, o);
	opened_free(o);
}

/* The SPIs may be others by now: that of the one who answers IKE_SA_INIT is known since. */
static void take_datagram(struct ike_sa *sa, const struct datagram *d)
{
	struct message m;

	if (message_parse(&m, d->data, d->size) && spi_is_right(sa, &m.header))
		dispatch(sa, &d->path, &m);
}

/* One after the other, until one waits again. Each may end the IKE SA, and then there are no more. */
void receive_go_on(struct ike_sa *sa)
{
	struct datagram *d;

	take_first(sa);
	while (!sa->backlog.first && (d = backlog_next(&sa->backlog))) {
		take_datagram(sa, d);
		free(d);
		if (backlog_waits(&sa->backlog))
			break;
	}
}

/* RFC 7296 section 2.5: a higher major version is told which one we speak. */
static void refuse_version(struct engine *e, const struct path *path, const struct ike_header *h)
{
	struct ike_header answer = *h;

	if (h->flags & FLAG_RESPONSE || h->version >> 4 <= 2)
		return;
	answer.version = IKE_VERSION;
	answer.flags = FLAG_RESPONSE | (from_initiator(h) ? 0 : FLAG_INITIATOR);
	body_init(&e->body);
	notify_write(&e->body, INVALID_MAJOR_VERSION, NULL, 0);
	send_clear(e, path, &answer, &e->body);
}

void engine_receive(struct engine *e, const struct path *path, const uint8_t *data, size_t size)
{
	struct ike_header h;
	struct message m;

	if (!header_parse(data, size, &h))
		return;
	if (h.version >> 4 != IKE_VERSION >> 4) {
		refuse_version(e, path, &h);
		return;
	}
	if (!message_parse(&m, data, size))
		return;
	if (is_init(&h) && !(h.flags & FLAG_RESPONSE) && from_initiator(&h) && h.spi_r == 0 && h.id == 0)
		on_init_request(e, &m, path);
	else
		on_known(e, path, &m);
}
