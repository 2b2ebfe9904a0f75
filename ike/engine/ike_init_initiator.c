/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKE_SA_INIT, RFC 7296 section 1.2 and 2.6:
 *
 *   HDR, SAi1, KEi, Ni, N(NAT_DETECTION_*), N(...)      ─►
 *                            ◄─   HDR, N(COOKIE)  or  N(INVALID_KE_PAYLOAD)      nothing is kept
 *   HDR, N(COOKIE), SAi1, KEi, Ni, ...                  ─►
 *                            ◄─   HDR, SAr1, KEr, Nr, N(NAT_DETECTION_*), N(...)
 */
#include "ike_init_initiator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/ke.h"
#include "ike_init_payloads.h"
#include "ike_keys.h"
#include "ike_sa_end.h"
#include "nat.h"

/* Cookies and groups can be asked for in turns; a peer that goes on doing so has no wish to come to terms. */
#define INIT_RETRIES_MAX 4

static void die_of_nat(struct ike_sa *sa, unsigned ends)
{
	char why[FAILURE_TEXT];

	nat_why(ends, why, sizeof(why));
	ike_sa_die(sa, why);
}

bool init_foresee_ask(struct ike_sa *sa, const struct task *task)
{
	(void)task;
	return !sa->handshake->dh.there && ike_foresee_pair(sa);
}

int init_ask(struct ike_sa *sa, struct task *task, struct body *b)
{
	struct handshake *hs = sa->handshake;
	int err = hs->dh.there ? 0 : ike_pair(sa, &hs->dh);

	(void)task;
	if (err)
		return err;
	if (hs->cookie_size)
		notify_write(b, COOKIE, hs->cookie, hs->cookie_size);
	proposal_offer_ike(b, 0);
	ke_write(b, &hs->dh);
	payload_write(b, PAYLOAD_NONCE, hs->nonce, sizeof(hs->nonce));
	init_write_abilities(b, sa, 0, &sa->path, true);
	return b->w.bad ? -EMSGSIZE : 0;
}

/* IKE_SA_INIT is written once more, with what the peer asked for. */
static void ask_again(struct ike_sa *sa)
{
	if (sa->handshake->retries++ >= INIT_RETRIES_MAX)
		return;
	timer_cancel(&sa->engine->timers, &sa->retransmit);
	task_put_back(sa, 0);
}

void init_on_notify(struct ike_sa *sa, const struct message *m, uint16_t error)
{
	struct handshake *hs = sa->handshake;
	struct notify n;

	if (message_notify(m, COOKIE, &n)) {
		if (!n.size || n.size > COOKIE_MAX)
			return;
		memcpy(hs->cookie, n.data, n.size);
		hs->cookie_size = (uint8_t)n.size;
		ask_again(sa);
		return;
	}
	hs->error = error;
	if (message_notify(m, INVALID_KE_PAYLOAD, &n)) {
		struct reader r = reader_of(n.data, n.size);

		hs->error_group = read_u16(&r);
	}
	hs->error_nat = nat_ends(m, &sa->path);
}

uint16_t init_on_refusal(struct ike_sa *sa, struct task *task, uint16_t error)
{
	char why[FAILURE_TEXT];

	(void)task;
	if (sa->handshake->error_nat) {
		die_of_nat(sa, sa->handshake->error_nat);
		return 0;
	}
	if (error == NOT_AS_ASKED) {
		ike_sa_die(sa, sa->handshake->unfit);
		return 0;
	}
	if (error == INVALID_KE_PAYLOAD)
		snprintf(why, sizeof(why), "the peer insists on DH group %u: allow group 20 (ecp384, dh20) there",
			 sa->handshake->error_group);
	else if (error == NO_PROPOSAL_CHOSEN)
		snprintf(why, sizeof(why),
			 "the peer has no connection for this host's address, or takes none of what is offered: allow "
			 "AES-256-GCM with a 16-byte ICV, HMAC-SHA2-384 (or 256, 512) as PRF and group 20 (ecp384) "
			 "there (strongSwan: proposals = aes256gcm16-prfsha384-ecp384; libreswan: "
			 "ike=aes_gcm256-sha2_384-dh20)");
	else
		return error;
	ike_sa_fail(sa, error, why);
	return 0;
}

static void go_on_with_auth(struct ike_sa *sa, const struct task *init)
{
	struct task *task;

	sa->state = IKE_AUTH_SENT;
	task = task_queue(sa, TASK_AUTH);
	if (!task) {
		ike_sa_die(sa, "no memory");
		return;
	}
	task->selector = init->selector;
	task->alone = init->children && sa->peer->childless && sa->handshake->peer_childless;
	task->children = init->children && !task->alone;
	task->wished = init->wished;
}

/*
 * The peer's own may come yet: nothing of this one is authentic. If it was the peer's, it is told as an error is that
 * was said in the clear.
 */
static uint16_t set_aside(struct ike_sa *sa, const char *unfit, unsigned ends)
{
	sa->handshake->error = NOT_AS_ASKED;
	sa->handshake->unfit = unfit;
	sa->handshake->error_nat = ends;
	return NOT_AN_ANSWER;
}

/* With what the answer has. False: it is as it was. */
static bool take_keys(struct ike_sa *sa, uint64_t spi_r, uint16_t prf)
{
	sa->spi_r = spi_r;
	sa->handshake->prf = prf;
	if (!ike_keys_derive(sa))
		sa->spi_r = 0;
	return sa->keys_ready;
}

bool init_foresee_answer(struct ike_sa *sa, const struct task *task, const struct message *m)
{
	const uint8_t *public = ke_public(m);

	(void)task;
	return public && ike_foresee_secret(sa, &sa->handshake->dh, public);
}

uint16_t init_on_answer(struct ike_sa *sa, struct task *task, const struct message *m)
{
	const struct chunk request = {sa->sent.data, sa->sent.sizes[0]};
	struct ike_choice choice;
	unsigned ends;

	if (!m->header.spi_r || proposal_accept_ike(message_find(m, PAYLOAD_SA), false, &choice) ||
	    !init_take_ke_and_nonce(sa, m))
		return set_aside(sa, "the peer answers IKE_SA_INIT with what was not offered", 0);
	ends = nat_ends(m, &sa->path);
	if (ends)
		return set_aside(sa, NULL, ends);
	if (!take_keys(sa, m->header.spi_r, choice.prf))
		return set_aside(sa, "its key exchange is not valid", 0);
	init_read_abilities(sa, m);
	sa->proofs |= PROOF_ADDRESS;
	if (init_keep_request(sa, request) || init_keep_response(sa, (struct chunk){m->data, m->size}))
		ike_sa_die(sa, "no memory");
	else
		go_on_with_auth(sa, task);
	return 0;
}
