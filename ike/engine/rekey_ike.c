/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rekey of the IKE SA, RFC 7296 sections 1.3.2 and 2.18:
 *
 *   SK{SA (new SPI), Ni, KEi}  ─►
 *                              ◄─  SK{SA (new SPI), Nr, KEr}
 *
 * The new one gets the children; who began deletes the old one. If both began, the new one
 * with the lowest nonce is deleted by who made it, and the children go to the other (section 2.8.2).
 */
#include "rekey_ike.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/ke.h"
#include "ike_keys.h"
#include "ike_sa_delete.h"
#include "ike_sa_end.h"
#include "ike_sa_life.h"
#include "ike_sa_up.h"
#include "reauth.h"
#include "room.h"

/* A replaced IKE SA that its initiator never deletes. */
#define REPLACED_MS 30000

/* What an exchange has settled. */
struct terms {
	bool initiator;
	uint16_t prf;
	uint64_t spi_i;
	uint64_t spi_r;
	struct chunk ni;
	struct chunk nr;
	const struct dh *dh;
};

static int derive(struct ike_keys *keys, const struct ike_sa *old, const struct terms *t, const struct message *m)
{
	uint8_t secret[DH_SECRET_SIZE];
	const struct keymat_input in = {
		.secret = secret, .ni = t->ni, .nr = t->nr, .spi_i = t->spi_i, .spi_r = t->spi_r};
	int err = ike_secret(old, t->dh, ke_public(m), secret);

	if (!err)
		err = keymat_ike_rekey(keys, t->prf, &old->keys, &in);
	explicit_bzero(secret, sizeof(secret));
	return err;
}

static void begin_life(struct ike_sa *heir, const struct ike_sa *old, const struct terms *t)
{
	heir->spi_i = t->spi_i;
	heir->spi_r = t->spi_r;
	heir->keys_ready = true;
	heir->era = old->era;
	heir->line = old->line;
	heir->renews = old->renews;
	heir->fragmentation = old->fragmentation;
	nonce_lower(heir->low_nonce, t->ni, t->nr);
	reauth_inherit(heir, old);
	ike_sa_start_timers(heir);
	ike_keys_log(heir);
}

/* As proven as the old one. */
static struct ike_sa *admit_heir(struct ike_sa *old, const struct terms *t)
{
	struct ike_sa *heir =
		ike_sa_new(old->engine, old->peer, &old->path, t->initiator, t->initiator ? t->spi_i : t->spi_r);

	if (!heir)
		return NULL;
	heir->proofs = old->proofs;
	heir->peer_id = strdup(old->peer_id);
	if (heir->peer_id && ike_sa_admit(heir))
		return heir;
	ike_sa_free(heir);
	return NULL;
}

static void tell_rekeyed(const struct ike_sa *heir, const struct ike_sa *old)
{
	cJSON *values = cJSON_CreateObject();
	char spi[20];

	snprintf(spi, sizeof(spi), "%016llx", (unsigned long long)old->spi_i);
	cJSON_AddStringToObject(values, "old_spi_i", spi);
	snprintf(spi, sizeof(spi), "%016llx", (unsigned long long)old->spi_r);
	cJSON_AddStringToObject(values, "old_spi_r", spi);
	ike_tell(heir, "ike_sa_rekeyed", values);
}

/* The new IKE SA, up. NULL: the peer's part is not valid, or there is no memory. */
static struct ike_sa *make_heir(struct ike_sa *old, const struct terms *t, const struct message *m)
{
	struct ike_sa *heir = NULL;
	struct ike_keys keys;

	if (derive(&keys, old, t, m) == 0)
		heir = admit_heir(old, t);
	if (heir) {
		heir->keys = keys;
		begin_life(heir, old, t);
	}
	explicit_bzero(&keys, sizeof(keys));
	if (!heir)
		return NULL;
	ike_log(heir, "up, replaces %016llx/%016llx", (unsigned long long)old->spi_i, (unsigned long long)old->spi_r);
	tell_rekeyed(heir, old);
	room_make(heir, old);
	return heir;
}

static void replace(struct ike_sa *old, struct ike_sa *heir)
{
	old->state = IKE_REPLACED;
	peer_tally(old->peer)->ike_rekeys++;
	old->rival = NULL;
	ike_sa_pass_links(old, heir);
	ike_sa_inherit(heir, old);
	task_drop_all(old, false);
	timer_cancel(&old->engine->timers, &old->liveness);
	timer_set(&old->engine->timers, &old->life, engine_now(old->engine) + REPLACED_MS);
	mortal_end(&old->engine->ending, &old->peer->mortal);
}

/* ---- answering ---- */

static bool is_busy(const struct ike_sa *sa)
{
	return sa->running && (sa->running->kind == TASK_CHILD || sa->running->kind == TASK_REKEY_CHILD ||
			       sa->running->kind == TASK_DELETE_CHILD || sa->running->kind == TASK_DELETE_IKE);
}

static enum verdict answer_error(struct question *q, uint16_t error)
{
	body_init(q->answer);
	ke_refuse(q->answer, error);
	return verdict_of(error);
}

static enum verdict answer_with(struct question *q, const struct ike_choice *choice, const struct dh *dh,
				struct chunk ni)
{
	struct ike_sa *old = q->sa, *heir;
	uint8_t nonce[NONCE_SIZE];
	struct terms t = {.prf = choice->prf,
			  .spi_i = choice->spi,
			  .spi_r = ike_spi_fresh(old->engine),
			  .ni = ni,
			  .nr = CHUNK(nonce),
			  .dh = dh};

	engine_random(old->engine, nonce, sizeof(nonce));
	heir = make_heir(old, &t, q->m);
	if (!heir)
		return answer_error(q, INVALID_SYNTAX);
	proposal_answer_ike(q->answer, choice, t.spi_r);
	payload_write(q->answer, PAYLOAD_NONCE, nonce, NONCE_SIZE);
	ke_write(q->answer, dh);
	if (old->running && old->running->kind == TASK_REKEY_IKE)
		old->rival = heir;
	else
		replace(old, heir);
	return VERDICT_ANSWER;
}

static bool choose_proposal(const struct question *q, struct ike_choice *choice)
{
	const struct payload *offer = message_find(q->m, PAYLOAD_SA);
	const int err = proposal_choose_ike(offer, true, choice);
	char text[200];

	if (!err)
		return true;
	proposal_text(offer, text, sizeof(text));
	ike_failure(q->sa, q->sa->peer, REFUSED, NO_PROPOSAL_CHOSEN,
		    "the peer offers %s for the rekey of the IKE SA, and %s: refused", text,
		    err == -EPROTONOSUPPORT ? PROPOSAL_INSISTS : "not AES_GCM_16-256 with a SHA2 PRF and group 20");
	return false;
}

enum verdict rekey_ike_on_request(struct question *q)
{
	struct ike_choice choice;
	enum verdict verdict;
	struct dh dh = {0};
	struct chunk ni;

	if (is_busy(q->sa) || q->sa->rival || !ike_sa_is_wanted(q->sa) || reauth_is_rejected(q->sa))
		return answer_error(q, TEMPORARY_FAILURE);
	if (!choose_proposal(q, &choice))
		return answer_error(q, NO_PROPOSAL_CHOSEN);
	if (ke_group(q->m) != DH_ECP_384)
		return answer_error(q, INVALID_KE_PAYLOAD);
	if (!ke_public(q->m) || !nonce_read(q->m, &ni) || !choice.spi)
		return answer_error(q, INVALID_SYNTAX);
	if (ike_pair(q->sa, &dh))
		return answer_error(q, TEMPORARY_FAILURE);
	verdict = answer_with(q, &choice, &dh, ni);
	dh_wipe(&dh);
	return verdict;
}

/* ---- asking ---- */

int rekey_ike_ask(struct ike_sa *sa, struct task *task, struct body *b)
{
	int err = ike_pair(sa, &task->dh);

	if (err)
		return err;
	task->ike_spi = ike_spi_fresh(sa->engine);
	engine_random(sa->engine, task->nonce, sizeof(task->nonce));
	proposal_offer_ike(b, task->ike_spi);
	payload_write(b, PAYLOAD_NONCE, task->nonce, NONCE_SIZE);
	ke_write(b, &task->dh);
	return 0;
}

static void settle_collision(struct ike_sa *old, struct ike_sa *ours, struct ike_sa *theirs)
{
	if (old->rival_won || memcmp(ours->low_nonce, theirs->low_nonce, NONCE_SIZE) < 0) {
		replace(old, theirs);
		ike_sa_delete(ours, 0);
	} else {
		replace(old, ours);
		theirs->state = IKE_REPLACED;
		timer_set(&old->engine->timers, &theirs->life, engine_now(old->engine) + REPLACED_MS);
		ike_sa_delete(old, 0);
	}
}

/* The peer has gone on to an heir that is not here, for want of memory or of a valid answer, and has put its children
 * there. That cannot be taken back: the old one ends, and what the two had is made anew. */
static void give_up(struct ike_sa *sa)
{
	ike_failure(sa, sa->peer, FAILED, 0,
		    "the peer's answer to the rekey of the IKE SA is not valid, or there is no memory for it");
	peer_end_orders(sa->peer, ORDER_REKEY, "the peer's answer is not valid");
	if (sa->rival)
		replace(sa, sa->rival);
	else
		ike_sa_delete(sa, 0);
}

uint16_t rekey_ike_on_answer(struct ike_sa *sa, struct task *task, const struct message *m)
{
	struct ike_choice choice;
	struct terms t = {.initiator = true, .spi_i = task->ike_spi, .ni = CHUNK(task->nonce), .dh = &task->dh};
	struct ike_sa *heir = NULL;

	if (proposal_accept_ike(message_find(m, PAYLOAD_SA), true, &choice) == 0 && ke_public(m) &&
	    nonce_read(m, &t.nr) && choice.spi) {
		t.prf = choice.prf;
		t.spi_r = choice.spi;
		heir = make_heir(sa, &t, m);
	}
	if (!heir) {
		give_up(sa);
	} else if (sa->rival) {
		settle_collision(sa, heir, sa->rival);
	} else {
		replace(sa, heir);
		ike_sa_delete(sa, 0);
	}
	return 0;
}

uint16_t rekey_ike_on_refusal(struct ike_sa *sa, struct task *task, uint16_t error)
{
	(void)task;
	if (sa->rival) {
		replace(sa, sa->rival);
		return 0;
	}
	if (error != TEMPORARY_FAILURE)
		peer_end_orders(sa->peer, ORDER_REKEY, notify_name(error));
	return sa->state == IKE_UP && ike_sa_is_wanted(sa) ? error : 0;
}
