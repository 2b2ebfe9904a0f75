/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of an exchange that makes a child, RFC 7296 sections 1.2 and 1.3.1:
 *
 *   N(USE_TRANSPORT_MODE), SA, [Ni, KEi,] TSi, TSr  ─►
 *                                               ◄─  N(USE_TRANSPORT_MODE), SA, [Nr, KEr,] TSi, TSr
 *
 * In IKE_AUTH there is no KE, and the nonces are those of IKE_SA_INIT.
 */
#include "child_payloads.h"

#include <errno.h>
#include <stdio.h>

#include "choice.h"
#include "crypto/ke.h"
#include "peer_sas.h"
#include "per_lane.h"

/* A connection's: for each selector one, its heir, and the peer's own heir of it. More takes the others' room. And the
 * same of those for lanes. */
#define CHILDREN_MAX	   (3 * SELECTORS_MAX)
#define CHILDREN_LANES_MAX (3 * LANE_CHILDREN_MAX)

static enum esn_policy esn_of(const struct peer *p)
{
	return p->connection->config->esn;
}

/* The shared secret with the KE payload of m. 0; -EPROTONOSUPPORT: another group; -EINVAL. */
static int derive(const struct ike_sa *sa, const struct dh *dh, const struct message *m, uint8_t secret[DH_SECRET_SIZE])
{
	const uint8_t *public = ke_public(m);
	const int group = ke_group(m);

	if (public)
		return ike_secret(sa, dh, public, secret);
	return group < 0 || group == DH_ECP_384 ? -EINVAL : -EPROTONOSUPPORT;
}

static void tell_tunnel(struct ike_sa *sa, struct peer *p, enum failure_kind kind)
{
	ike_failure(
		sa, p, kind, kind == REFUSED ? NO_PROPOSAL_CHOSEN : 0,
		"the peer wants tunnel mode for the child, and here is transport mode alone: set it there (strongSwan: "
		"mode = transport; libreswan: type=transport; PAN-OS: IPSec mode Transport)");
}

/* A child of own's that would take packets from another connection, which asks for another proof. p: who is told of. */
static bool is_others(struct ike_sa *sa, const struct connection *own, struct peer *p, enum failure_kind kind,
		      const struct selector *child)
{
	const struct connection *other = choice_others(own, sa->path.local, sa->path.remote, child);
	char text[SELECTOR_TEXT];

	if (!other)
		return false;
	selector_text(child, text);
	ike_failure(sa, p, kind, kind == REFUSED ? TS_UNACCEPTABLE : 0,
		    "a child for '%s' would carry what is connection '%s''s, for which the peer has not proven itself: "
		    "refused",
		    text, other->config->name);
	return true;
}

/* ---- asking ---- */

const struct child *child_brought(const struct task *task)
{
	const struct peer *p = task->peer;

	if (!task->wished || p->wanted & 1U << task->selector)
		return NULL;
	return peer_child_up(p, &p->connection->config->selectors[task->selector]);
}

/* Of what is rekeyed, or of a new one: whether this end wants others for lanes beside it, and whose it is. */
static bool is_resource(const struct task *task)
{
	return task->child ? task->child->resource : task->peer->connection->config->per_queue;
}

static unsigned lane_of(const struct task *task)
{
	return task->child ? task->child->lane : task->lane;
}

/* What else there is to say of the lane is for people who read the other end's log (RFC 9611 section 5.1). */
static void write_resource(const struct task *task, struct body *b)
{
	const unsigned lane = lane_of(task);
	const uint8_t number[4] = {0, 0, 0, (uint8_t)(lane - 1)};

	if (is_resource(task))
		notify_write(b, SA_RESOURCE_INFO, number, lane && lane <= LANES_MAX ? sizeof(number) : 0);
}

/* The peer may send as soon as it has answered (RFC 7296 section 2.8). Where there is no room, it has to wait. */
static void reserve(struct ike_sa *sa, struct task *task)
{
	const struct engine_ops *ops = &sa->engine->ops;

	ops->sa_remove(ops->arg, task->reserved);
	if (ops->sa_reserve(ops->arg, task->spi, sa->path.remote, sa->path.local, &task->reserved))
		task->reserved = (struct sa_handle){0};
}

int child_write_request(struct ike_sa *sa, struct task *task, const struct selector *s, bool create, struct body *b)
{
	struct engine *e = sa->engine;
	int err = create ? ike_pair(sa, &task->dh) : 0;

	if (err)
		return err;
	task->spi = e->ops.sa_spi(e->ops.arg, sa->path.local);
	reserve(sa, task);
	task->asked = *s;
	notify_write(b, USE_TRANSPORT_MODE, NULL, 0);
	notify_write(b, ESP_TFC_PADDING_NOT_SUPPORTED, NULL, 0);
	write_resource(task, b);
	proposal_offer_esp(b, task->spi, esn_of(task->peer), create);
	if (create) {
		engine_random(e, task->nonce, sizeof(task->nonce));
		payload_write(b, PAYLOAD_NONCE, task->nonce, NONCE_SIZE);
		ke_write(b, &task->dh);
	}
	ts_write(b, PAYLOAD_TSI, sa->path.local, (uint8_t)s->proto, s->local_port_min, s->local_port_max);
	ts_write(b, PAYLOAD_TSR, sa->path.remote, (uint8_t)s->proto, s->remote_port_min, s->remote_port_max);
	return b->w.bad ? -EMSGSIZE : 0;
}

/* The peer's log has what it wants; here is what it was offered. */
static void why_no_proposal(const struct task *task, bool create, char why[FAILURE_TEXT])
{
	const bool esn = esn_of(task->peer) == ESN_OFFERED;

	snprintf(why, FAILURE_TEXT,
		 "the peer refuses the child: offered was AES_GCM_16-256%s, %s, in transport mode: set that there "
		 "(strongSwan: esp_proposals = aes256gcm16-ecp384-%s, mode = transport; "
		 "libreswan: esp=aes_gcm256-none-dh20, esn=%s, type=transport)",
		 create ? " with group 20 (ecp384) for PFS" : "", esn ? "with and without ESN" : "without ESN",
		 esn ? "esn-noesn" : "noesn", esn ? "either" : "no");
}

void child_why_refused(const struct task *task, uint16_t error, bool create, char why[FAILURE_TEXT])
{
	char asked[SELECTOR_TEXT];

	selector_text(&task->asked, asked);
	if (error == NO_PROPOSAL_CHOSEN)
		why_no_proposal(task, create, why);
	else if (error == TS_UNACCEPTABLE)
		snprintf(why, FAILURE_TEXT,
			 "the peer refuses the child: asked for was '%s' between the two addresses: protect the same "
			 "there, with the two ends exchanged (strongSwan: local_ts, remote_ts; "
			 "libreswan: leftprotoport, rightprotoport)",
			 asked);
	else if (error == INVALID_KE_PAYLOAD)
		snprintf(why, FAILURE_TEXT,
			 "the peer wants another group for the child's PFS than 20 (ecp384), and here is no other: set "
			 "it there (strongSwan: esp_proposals = aes256gcm16-ecp384; libreswan: "
			 "esp=aes_gcm256-none-dh20)");
	else if (error == NO_ADDITIONAL_SAS)
		snprintf(why, FAILURE_TEXT,
			 "the peer takes no further child in this IKE SA, and asked for was one more, for '%s'", asked);
	else
		snprintf(why, FAILURE_TEXT, "the peer refuses the child%s", error ? "" : ", and does not say why");
}

/* ---- answering ---- */

struct request {
	const struct message *m;
	bool no_pfs;
	struct child *old;
	bool create;
	struct esp_choice choice;
	struct peer *peer; /* whose connection it is for */
	struct selector selector;
	bool resource; /* both want it so */
	unsigned lane;
	struct chunk nonce; /* the peer's */
	uint8_t our_nonce[NONCE_SIZE];
	struct dh dh;
	uint8_t secret[DH_SECRET_SIZE];
};

static uint16_t choose_proposal(struct ike_sa *sa, struct request *r)
{
	const struct payload *offer = message_find(r->m, PAYLOAD_SA);
	const int err = proposal_choose_esp(offer, esn_of(r->peer), r->create, &r->choice);
	char text[200];

	if (!err)
		return 0;
	r->no_pfs = r->create && proposal_choose_esp(offer, esn_of(r->peer), false, &r->choice) == 0;
	proposal_text(offer, text, sizeof(text));
	if (err == -EPROTONOSUPPORT)
		ike_failure(sa, r->peer, REFUSED, NO_PROPOSAL_CHOSEN,
			    "the peer offers %s for the child, and " PROPOSAL_INSISTS ": refused", text);
	else
		ike_failure(sa, r->peer, REFUSED, NO_PROPOSAL_CHOSEN,
			    "the peer offers %s for the child, and not AES_GCM_16-256%s: refused", text,
			    r->create ? " with group 20 (ecp384) for PFS" : "");
	return NO_PROPOSAL_CHOSEN;
}

static uint16_t choose_selector(struct ike_sa *sa, struct request *r)
{
	const uint8_t *local = sa->path.local, *remote = sa->path.remote;
	struct ts_list local_ts, remote_ts;
	struct choice choice = {&local_ts, &remote_ts, local, remote, NULL, SELECTOR_ALL, 0};

	if (!ts_parse(message_find(r->m, PAYLOAD_TSI), &remote_ts) ||
	    !ts_parse(message_find(r->m, PAYLOAD_TSR), &local_ts))
		return INVALID_SYNTAX;
	if (r->old) {
		r->peer = r->old->peer;
		if (ts_narrow(&local_ts, &remote_ts, local, remote, &r->old->selector, 1, &r->selector, &choice.index))
			return 0;
		ike_failure(
			sa, r->peer, REFUSED, TS_UNACCEPTABLE,
			"the peer's traffic selectors have nothing in common with the child's that it rekeys: refused");
		return TS_UNACCEPTABLE;
	}
	if (!choice_make(&choice, sa->peer->connection)) {
		ike_failure(sa, sa->peer, REFUSED, TS_UNACCEPTABLE,
			    "the peer's traffic selectors have nothing in common with what 'protect' says: refused");
		return TS_UNACCEPTABLE;
	}
	if (is_others(sa, choice.connection, sa->peer, REFUSED, &choice.selector))
		return TS_UNACCEPTABLE;
	r->peer = peer_get(choice.connection, remote);
	r->selector = choice.selector;
	return r->peer ? 0 : NO_ADDITIONAL_SAS;
}

static uint16_t exchange_keys(struct ike_sa *sa, struct request *r)
{
	int err;

	if (!r->create)
		return 0;
	if (!nonce_read(r->m, &r->nonce))
		return INVALID_SYNTAX;
	if (!message_find(r->m, PAYLOAD_KE)) {
		r->no_pfs = true;
		return NO_PROPOSAL_CHOSEN;
	}
	engine_random(sa->engine, r->our_nonce, sizeof(r->our_nonce));
	if (ike_pair(sa, &r->dh))
		return TEMPORARY_FAILURE;
	err = derive(sa, &r->dh, r->m, r->secret);
	if (err == -EPROTONOSUPPORT)
		return INVALID_KE_PAYLOAD;
	return err ? INVALID_SYNTAX : 0;
}

static unsigned count_of_kind(const struct child_list *list, const struct request *r)
{
	const struct child *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, list, of_peer)
		n += !c->lane == !r->lane;
	return n;
}

/* Those that have left not long ago have their slots still. */
static bool has_too_many(const struct request *r)
{
	const unsigned most = r->lane ? CHILDREN_LANES_MAX : CHILDREN_MAX, n = count_of_kind(&r->peer->children, r);

	return n >= most || n + count_of_kind(&r->peer->late, r) >= 2 * most;
}

/* A rekey takes its predecessor's place. In IKE_AUTH, the first child is for all lanes. */
static uint16_t choose_lane(struct ike_sa *sa, struct request *r)
{
	const bool asked = message_notify(r->m, SA_RESOURCE_INFO, NULL);
	const bool beside = asked && r->create && !r->old && lane_is_beside(sa, r->peer, &r->selector);

	r->resource = r->old ? r->old->resource : asked && r->peer->connection->config->per_queue;
	r->lane = r->old ? r->old->lane : beside ? LANE_SPARE : 0;
	if (!beside || (r->resource && !lane_children_are_many(r->peer)))
		return 0;
	ike_log(sa, "the peer wants one more child for its queues, and %s: refused (%s)",
		r->resource ? "has as many as there may be" : "'per-queue-sas' is not yes", notify_name(TS_MAX_QUEUE));
	return TS_MAX_QUEUE;
}

static uint16_t settle(struct ike_sa *sa, struct request *r)
{
	uint16_t error;

	if (!message_notify(r->m, USE_TRANSPORT_MODE, NULL)) {
		tell_tunnel(sa, sa->peer, REFUSED);
		return NO_PROPOSAL_CHOSEN;
	}
	error = choose_selector(sa, r);
	if (!error)
		error = choose_lane(sa, r);
	if (!error && has_too_many(r)) {
		ike_failure(sa, r->peer, REFUSED, NO_ADDITIONAL_SAS, "the peer wants more than %d children: refused",
			    r->lane ? CHILDREN_LANES_MAX : CHILDREN_MAX);
		error = NO_ADDITIONAL_SAS;
	}
	if (!error)
		error = choose_proposal(sa, r);
	return error ? error : exchange_keys(sa, r);
}

/* A new IKE SA's first child has shown anew what the peer takes. */
static void note_first(struct child *c, bool rekeyed)
{
	if (c && !rekeyed && !c->lane)
		c->peer->lanes_again_ms = 0;
}

static struct child *install_answer(struct ike_sa *sa, const struct request *r)
{
	const struct engine_ops *ops = &sa->engine->ops;
	const struct handshake *hs = sa->handshake;
	const struct child_terms terms = {
		.peer = r->peer,
		.era = r->old ? r->old->era : r->peer->era,
		.selector = r->selector,
		.asked = r->old ? r->old->asked : r->selector,
		.esn = r->choice.esn,
		.resource = r->resource,
		.lane = r->lane,
		.spi_in = ops->sa_spi(ops->arg, sa->path.local),
		.spi_out = r->choice.spi,
		.secret = r->create ? r->secret : NULL,
		.ni = r->create ? r->nonce : (struct chunk){hs->peer_nonce, hs->peer_nonce_size},
		.nr = r->create ? CHUNK(r->our_nonce) : CHUNK(hs->nonce),
	};
	struct child *c = child_install(sa, &terms);

	note_first(c, r->old);
	return c;
}

static void write_answer(const struct ike_sa *sa, const struct request *r, const struct child *c, struct body *b)
{
	const struct selector *s = &r->selector;

	notify_write(b, USE_TRANSPORT_MODE, NULL, 0);
	notify_write(b, ESP_TFC_PADDING_NOT_SUPPORTED, NULL, 0);
	if (r->resource && message_notify(r->m, SA_RESOURCE_INFO, NULL))
		notify_write(b, SA_RESOURCE_INFO, NULL, 0);
	proposal_answer_esp(b, &r->choice, c->in.spi);
	if (r->create) {
		payload_write(b, PAYLOAD_NONCE, r->our_nonce, NONCE_SIZE);
		ke_write(b, &r->dh);
	}
	ts_write(b, PAYLOAD_TSI, sa->path.remote, (uint8_t)s->proto, s->remote_port_min, s->remote_port_max);
	ts_write(b, PAYLOAD_TSR, sa->path.local, (uint8_t)s->proto, s->local_port_min, s->local_port_max);
}

struct child_answer child_answer_request(struct ike_sa *sa, const struct message *m, bool create, struct child *old,
					 struct body *b)
{
	struct request r = {.m = m, .old = old, .create = create};
	struct child_answer answer = {.error = settle(sa, &r)};

	if (!answer.error) {
		answer.child = install_answer(sa, &r);
		if (!answer.child)
			answer.error = NO_ADDITIONAL_SAS;
	}
	if (answer.error)
		ke_refuse(b, answer.error);
	else
		write_answer(sa, &r, answer.child, b);
	answer.no_pfs = r.no_pfs;
	dh_wipe(&r.dh);
	explicit_bzero(r.secret, sizeof(r.secret));
	return answer;
}

/* ---- reading the answer ---- */

struct reply {
	struct esp_choice choice;
	struct selector selector;
	bool resource;
	struct chunk nonce;
	uint8_t secret[DH_SECRET_SIZE];
};

static bool read_selectors(struct ike_sa *sa, const struct task *task, const struct message *m, struct reply *r)
{
	struct ts_list local_ts, remote_ts;
	char asked[SELECTOR_TEXT], got[SELECTOR_TEXT];

	if (!ts_parse(message_find(m, PAYLOAD_TSI), &local_ts) || !ts_parse(message_find(m, PAYLOAD_TSR), &remote_ts) ||
	    !ts_accept(&local_ts, &remote_ts, sa->path.local, sa->path.remote, &task->asked, &r->selector)) {
		ike_failure(sa, task->peer, FAILED, 0,
			    "the peer answers with traffic selectors that are not what was asked for: refused");
		return false;
	}
	if (is_others(sa, task->peer->connection, task->peer, FAILED, &r->selector))
		return false;
	if (selector_equal(&r->selector, &task->asked))
		return true;
	selector_text(&task->asked, asked);
	selector_text(&r->selector, got);
	ike_log(sa, "the peer narrows the child from '%s' to '%s': the rest has no SA", asked, got);
	return true;
}

/* A rekey is of what was. Of a new one for a lane the peer must know what it is. */
static bool read_resource(const struct task *task, const struct message *m, struct reply *r)
{
	r->resource = is_resource(task) && (task->child || message_notify(m, SA_RESOURCE_INFO, NULL));
	if (!task->lane || r->resource || task->kind != TASK_CHILD)
		return true;
	lane_refused(task->peer, 0);
	return false;
}

static bool read_answer(struct ike_sa *sa, const struct task *task, const struct message *m, bool create,
			struct reply *r)
{
	if (proposal_accept_esp(message_find(m, PAYLOAD_SA), esn_of(task->peer), create, &r->choice)) {
		ike_failure(sa, task->peer, FAILED, 0,
			    "the peer answers with a proposal for the child that was not offered: refused");
		return false;
	}
	if (!message_notify(m, USE_TRANSPORT_MODE, NULL)) {
		tell_tunnel(sa, task->peer, FAILED);
		return false;
	}
	if (!read_selectors(sa, task, m, r) || !read_resource(task, m, r))
		return false;
	if (create && (!nonce_read(m, &r->nonce) || derive(sa, &task->dh, m, r->secret))) {
		ike_failure(sa, task->peer, FAILED, 0, "the peer's key exchange for the child is not valid: refused");
		return false;
	}
	return true;
}

static struct child *install_reply(struct ike_sa *sa, const struct task *task, bool create, const struct reply *r)
{
	const struct handshake *hs = sa->handshake;
	const struct child_terms terms = {
		.peer = task->peer,
		.era = task->era,
		.selector = r->selector,
		.asked = task->child ? task->child->asked : task->asked,
		.esn = r->choice.esn,
		.initiator = true,
		.resource = r->resource,
		.lane = lane_of(task),
		.spi_in = task->spi,
		.reserved = task->reserved,
		.spi_out = r->choice.spi,
		.secret = create ? r->secret : NULL,
		.ni = create ? CHUNK(task->nonce) : CHUNK(hs->nonce),
		.nr = create ? r->nonce : (struct chunk){hs->peer_nonce, hs->peer_nonce_size},
	};
	struct child *c = child_install(sa, &terms);

	note_first(c, task->child);
	return c;
}

struct child *child_read_answer(struct ike_sa *sa, struct task *task, const struct message *m, bool create)
{
	struct child *c = NULL;
	struct reply r = {0};

	if (read_answer(sa, task, m, create, &r))
		c = install_reply(sa, task, create, &r);
	if (c)
		task->reserved = (struct sa_handle){0};
	else
		task->goes_back = true;
	explicit_bzero(r.secret, sizeof(r.secret));
	return c;
}
