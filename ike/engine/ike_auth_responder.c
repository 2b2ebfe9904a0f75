/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_auth_responder.h"

#include <string.h>

#include "carry.h"
#include "child_payloads.h"
#include "choice.h"
#include "ike_sa_up.h"
#include "ppk.h"
#include "proof.h"
#include "wish.h"

/* ---- which connection ---- */

static bool same_kind(const struct connection_config *config, const struct auth *auth)
{
	return config->cert == (auth->method && auth->method != AUTH_PSK);
}

/* What a connection has in common with what the peer says: the more, the better; 0: it is not meant. */
static int fitness(const struct connection_config *config, const struct path *path, const struct identity *id,
		   const struct identity *wanted, const struct auth *auth)
{
	if (!proof_allows(config, path->remote, id))
		return 0;
	return 1 + same_kind(config, auth) * 2 + (wanted->type && identity_equal(wanted, &config->local_id));
}

static void move_to(struct ike_sa *sa, struct connection *c)
{
	struct peer *p = peer_get(c, sa->path.remote);

	if (!p || p == sa->peer)
		return;
	ike_sa_give(sa, p);
}

/* False: no child is asked for, or not in a way that can be read. */
static bool read_selectors(const struct message *m, struct ts_list *local_ts, struct ts_list *remote_ts)
{
	const struct payload *tsi = message_find(m, PAYLOAD_TSI), *tsr = message_find(m, PAYLOAD_TSR);

	return tsi && tsr && ts_parse(tsi, remote_ts) && ts_parse(tsr, local_ts);
}

/*
 * Several connections may be for the same two hosts: now that the peer says who it is and what it wants a child for,
 * the right one is taken (choice.h). Nothing is proven by that: what is taken here is what the proof is for.
 */
static void choose_connection(struct ike_sa *sa, const struct message *m)
{
	const struct payload *idr = message_find(m, PAYLOAD_IDR);
	const struct auth auth = auth_parse(message_find(m, PAYLOAD_AUTH));
	struct identity id, wanted = {0};
	struct connection *c = NULL, *best = NULL;
	struct ts_list local_ts, remote_ts;
	struct choice choice = {&local_ts, &remote_ts, sa->path.local, sa->path.remote, NULL, SELECTOR_ALL, 0};
	const bool selects = read_selectors(m, &local_ts, &remote_ts);
	int best_fitness = 0;

	if (!identity_parse(message_find(m, PAYLOAD_IDI), &id))
		return;
	if (idr && !identity_parse(idr, &wanted))
		wanted.type = 0;
	while ((c = connection_for(sa->engine, sa->path.local, sa->path.remote, c))) {
		const int f = fitness(c->config, &sa->path, &id, &wanted, &auth);

		if (f > best_fitness) {
			best_fitness = f;
			best = c;
			choice.connection = NULL;
		}
		if (f && f == best_fitness && selects)
			choice_consider(&choice, c);
	}
	if (best)
		move_to(sa, choice.connection ? choice.connection : best);
}

/* ---- the exchange ---- */

static bool may_be_proven(struct ike_sa *sa, const struct message *m, struct auth *auth)
{
	if (!message_find(m, PAYLOAD_AUTH)) {
		ike_unproven(sa, "the peer wants EAP, which is not for hosts: refused");
		return false;
	}
	choose_connection(sa, m);
	return proof_check_identity(sa, message_find(m, PAYLOAD_IDI)) && ppk_choose_auth(sa, m, auth);
}

/* Whether its proof is worth a look, which is at *auth. What is wrong is recorded once. */
static bool is_acceptable(struct ike_sa *sa, const struct message *m, struct auth *auth)
{
	struct handshake *hs = sa->handshake;

	if (!hs->unacceptable)
		hs->unacceptable = !may_be_proven(sa, m, auth);
	return !hs->unacceptable;
}

/* Nothing is signed for who is not proven. */
bool auth_foresee(struct question *q)
{
	struct ike_sa *sa = q->sa;
	struct auth auth;
	bool good;

	if (!q->engine->ops.hands.give || !is_acceptable(sa, q->m, &auth))
		return false;
	return proof_foresee_check(sa, q->m, message_find(q->m, PAYLOAD_IDI), &auth, &good) ||
	       (good && proof_foresee(sa));
}

static void check_peer(struct ike_sa *sa, const struct message *m)
{
	struct auth auth;

	if (!is_acceptable(sa, m, &auth) || !proof_check_auth(sa, m, message_find(m, PAYLOAD_IDI), &auth))
		return;
	if (!sa->handshake->ppk_used && ike_sa_config(sa)->ppk_required)
		ike_unproven(sa, "the peer does not use the PPK, and ppk-required = yes: refused");
}

static enum verdict refuse(struct question *q)
{
	body_init(q->answer);
	notify_write(q->answer, AUTHENTICATION_FAILED, NULL, 0);
	return VERDICT_ANSWER_AND_DIE;
}

/*
 * Where the peer is asked from now on: where its IKE_SA_INIT came from, or at 4500 if it has gone on there, which it
 * may without a NAT (RFC 7296 section 2.23). Any other port may be that of somebody who has copied its request.
 */
static void follow(struct ike_sa *sa, const struct path *path)
{
	if (path->local_port == path->remote_port && (path->local_port == IKE_PORT || path->local_port == IKE_PORT_NAT))
		sa->path = *path;
}

/* Without SA and TS it is a childless IKE SA: RFC 6023. */
enum verdict auth_on_request(struct question *q)
{
	struct ike_sa *sa = q->sa;
	const bool asks_for_child = message_has(q->m, CHILD_PAYLOADS);
	struct child_answer answer = {0};

	check_peer(sa, q->m);
	if (!ike_sa_admit(sa))
		return refuse(q);
	proof_write_id(q->answer, PAYLOAD_IDR, &ike_sa_config(sa)->local_id);
	if (ike_sa_config(sa)->cert)
		certs_write(q->answer, ike_sa_config(sa)->credentials);
	if (proof_write(sa, q->answer))
		return refuse(q);
	if (sa->handshake->ppk_used)
		notify_write(q->answer, PPK_IDENTITY, NULL, 0);
	if (asks_for_child)
		answer = child_answer_request(sa, q->m, false, NULL, q->answer);
	sa->handshake->initial_contact = message_notify(q->m, INITIAL_CONTACT, NULL);
	follow(sa, q->path);
	ike_sa_up(sa);
	if (answer.child)
		child_bind_soon(answer.child);
	else if (!asks_for_child)
		peer_on_childless(sa->peer);
	return verdict_of(answer.error);
}
