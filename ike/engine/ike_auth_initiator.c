/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKE_AUTH, RFC 7296 section 1.2:
 *
 *   SK{IDi, [CERT,] N(INITIAL_CONTACT), [CERTREQ,] [IDr,] AUTH, N(USE_TRANSPORT_MODE), SAi2, TSi, TSr
 *      [, N(PPK_IDENTITY), N(NO_PPK_AUTH)]}                                                          ─►
 *                              ◄─  SK{IDr, [CERT,] AUTH, [N(PPK_IDENTITY),] N(USE_TRANSPORT_MODE), SAr2, TSi, TSr}
 *
 * Both sides do the same in turn: say who they are and prove it (proof.h); check who the other is and that it is
 * proven.
 */
#include "ike_auth_initiator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "carry.h"
#include "child_payloads.h"
#include "childless.h"
#include "claim.h"
#include "ike_sa_delete.h"
#include "ike_sa_end.h"
#include "ike_sa_up.h"
#include "ppk.h"
#include "proof.h"
#include "question.h"
#include "renew.h"
#include "wish.h"

/* The identity we expect, so that a peer with several knows which to be; a pattern is none. */
static void write_expected_id(struct ike_sa *sa, struct body *b)
{
	const struct connection_config *config = ike_sa_config(sa);
	struct identity id;

	if (config->remote_id[0] && !strchr(config->remote_id, '*') &&
	    !identity_from_text(&id, config->remote_id, NULL))
		proof_write_id(b, PAYLOAD_IDR, &id);
}

/*
 * Another IKE SA has brought what this one was begun for. If the peer has just begun that, one of the two is redundant,
 * and both ends know which (redundant.h). Of two of ours neither is, nor is one of two that came up far apart: this one
 * may have waited for another claim. Half of what that rule allows is left for our question's way.
 */
static bool is_needless(const struct ike_sa *sa, const struct task *task)
{
	const struct child *brought = child_brought(task);

	return brought &&
	       (brought->ike->line.ours || engine_now(sa->engine) - brought->ike->line.up_ms > HALF_OPEN_MS / 2);
}

/* It may be needless by then, and then its signature was. */
bool auth_foresee_ask(struct ike_sa *sa, const struct task *task)
{
	(void)task;
	return ike_sa_config(sa)->cert && ppk_foresee(sa);
}

int auth_ask(struct ike_sa *sa, struct task *task, struct body *b)
{
	const struct connection_config *config = ike_sa_config(sa);
	int err;

	if (is_needless(sa, task)) {
		ike_log(sa, "given up: another one is up, with all that this one was for");
		return -ECANCELED;
	}
	err = ppk_begin(sa);
	if (err)
		return err;
	proof_write_id(b, PAYLOAD_IDI, &config->local_id);
	if (config->cert) {
		certs_write(b, config->credentials);
		certreq_write(b, config->trust);
	}
	sa->handshake->claims_first = claim_may_be_made(sa);
	if (sa->handshake->claims_first)
		notify_write(b, INITIAL_CONTACT, NULL, 0);
	write_expected_id(sa, b);
	err = proof_write(sa, b);
	if (!err && task->children)
		err = child_write_request(sa, task, &config->selectors[task->selector], false, b);
	if (!err)
		err = ppk_write(sa, b);
	return b->w.bad ? -EMSGSIZE : err;
}

/* Whether its proof is worth a look. What is wrong is recorded once. */
static bool is_acceptable(struct ike_sa *sa, const struct message *m)
{
	struct handshake *hs = sa->handshake;

	if (!hs->unacceptable)
		hs->unacceptable = !ppk_settle(sa, m) || !proof_check_identity(sa, message_find(m, PAYLOAD_IDR));
	return !hs->unacceptable;
}

static void check_peer(struct ike_sa *sa, const struct message *m)
{
	const struct auth auth = auth_parse(message_find(m, PAYLOAD_AUTH));

	if (is_acceptable(sa, m))
		proof_check_auth(sa, m, message_find(m, PAYLOAD_IDR), &auth);
}

/* It is up for the peer already: it is told why it is not for us (RFC 7296 section 2.21.2), and waited for no longer.
 */
static void refuse_peer(struct ike_sa *sa)
{
	sa->state = IKE_DELETING;
	peer_on_failure(sa->peer);
	ike_sa_delete_for(sa, AUTHENTICATION_FAILED);
}

/* Any of these, and there is no IKE SA, whatever comes beside it (RFC 7296 section 2.21.2). */
static bool is_the_end(uint16_t error)
{
	return error == INVALID_SYNTAX || error == AUTHENTICATION_FAILED || error == UNSUPPORTED_CRITICAL_PAYLOAD;
}

bool auth_foresee_answer(struct ike_sa *sa, const struct task *task, const struct message *m)
{
	const struct auth auth = auth_parse(message_find(m, PAYLOAD_AUTH));
	bool good;

	(void)task;
	return ike_sa_config(sa)->cert && !is_the_end(message_error(m)) && is_acceptable(sa, m) &&
	       proof_foresee_check(sa, m, message_find(m, PAYLOAD_IDR), &auth, &good);
}

static void tell_refused(const struct ike_sa *sa, const struct task *task, uint16_t error)
{
	char why[FAILURE_TEXT];

	child_why_refused(task, error, false, why);
	ike_failure(sa, task->peer, FAILED, error, "%s", why);
}

static void on_child(struct ike_sa *sa, struct child *child)
{
	child_bind(child);
	if (sa->renews)
		renew_done(sa->peer, child);
}

/* may_ask: the peer has none either, and it is not known yet whether it makes one by itself. */
static void on_no_child(struct ike_sa *sa, const struct task *task, bool may_ask, uint16_t error)
{
	if (sa->renews)
		renew_failed(sa->peer, sa);
	else if (may_ask && childless_ask(sa, task, error))
		return;
	peer_on_failure(sa->peer);
}

uint16_t auth_on_answer(struct ike_sa *sa, struct task *task, const struct message *m)
{
	const bool made = message_has(m, CHILD_PAYLOADS);
	const uint16_t error = message_error(m);
	struct child *child = NULL;

	if (is_the_end(error))
		return error;
	claim_settle(sa);
	check_peer(sa, m);
	if (!ike_sa_admit(sa)) {
		refuse_peer(sa);
		return 0;
	}
	sa->handshake->initial_contact = message_notify(m, INITIAL_CONTACT, NULL);
	if (task->children && made)
		child = child_read_answer(sa, task, m, false);
	else if (task->children)
		tell_refused(sa, task, error);
	ike_sa_up(sa);
	if (child)
		on_child(sa, child);
	else if (task->children || task->alone)
		on_no_child(sa, task, task->alone || (!made && error), error);
	return 0;
}

uint16_t auth_on_refusal(struct ike_sa *sa, struct task *task, uint16_t error)
{
	char why[FAILURE_TEXT];

	if (error == INVALID_SYNTAX && childless_open(sa, task))
		return 0;
	if (error != AUTHENTICATION_FAILED)
		return error;
	proof_why_refused(sa, why);
	ike_sa_fail(sa, error, why);
	return 0;
}
