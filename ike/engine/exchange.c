/* SPDX-License-Identifier: BSD-2-Clause */
#include "exchange.h"

#include "create_child.h"
#include "ike_auth_initiator.h"
#include "ike_auth_responder.h"
#include "ike_init.h"
#include "informational.h"
#include "rekey_ike.h"

#define IN(state) (1U << (state))
#define LIVING	  (IN(IKE_UP) | IN(IKE_REPLACED) | IN(IKE_DELETING))

static bool is_ike_rekey(const struct message *m)
{
	return !message_find(m, PAYLOAD_TSI) && !message_find(m, PAYLOAD_TSR);
}

static bool is_child_rekey(const struct message *m)
{
	return message_notify(m, REKEY_SA, NULL);
}

/* The first row that fits counts. */
static const struct question_row questions[] = {
	{EXCHANGE_IKE_AUTH, IN(IKE_HALF_OPEN), HAS(PAYLOAD_IDI), NULL, auth_on_request},
	{EXCHANGE_CREATE_CHILD_SA, IN(IKE_REPLACED) | IN(IKE_DELETING), 0, NULL, refuse_for_now},
	{EXCHANGE_CREATE_CHILD_SA, IN(IKE_UP), HAS(PAYLOAD_SA) | HAS(PAYLOAD_NONCE) | HAS(PAYLOAD_KE), is_ike_rekey,
	 rekey_ike_on_request},
	{EXCHANGE_CREATE_CHILD_SA, IN(IKE_UP),
	 HAS(PAYLOAD_SA) | HAS(PAYLOAD_NONCE) | HAS(PAYLOAD_TSI) | HAS(PAYLOAD_TSR), is_child_rekey,
	 rekey_child_on_request},
	{EXCHANGE_CREATE_CHILD_SA, IN(IKE_UP),
	 HAS(PAYLOAD_SA) | HAS(PAYLOAD_NONCE) | HAS(PAYLOAD_TSI) | HAS(PAYLOAD_TSR), NULL, child_on_request},
	{EXCHANGE_INFORMATIONAL, LIVING, 0, NULL, informational_on_request},
};

static const struct task_row tasks[TASK_KINDS] = {
	[TASK_INIT] = {EXCHANGE_IKE_SA_INIT, IN(IKE_INIT_SENT), HAS(PAYLOAD_SA) | HAS(PAYLOAD_KE) | HAS(PAYLOAD_NONCE),
		       init_ask, init_on_answer, init_on_error},
	[TASK_AUTH] = {EXCHANGE_IKE_AUTH, IN(IKE_AUTH_SENT), HAS(PAYLOAD_IDR) | HAS(PAYLOAD_AUTH), auth_ask,
		       auth_on_answer, auth_on_error},
	[TASK_CHILD] = {EXCHANGE_CREATE_CHILD_SA, IN(IKE_UP),
			HAS(PAYLOAD_SA) | HAS(PAYLOAD_NONCE) | HAS(PAYLOAD_KE) | HAS(PAYLOAD_TSI) | HAS(PAYLOAD_TSR),
			child_ask, child_on_answer, child_on_error},
	[TASK_REKEY_CHILD] = {EXCHANGE_CREATE_CHILD_SA, IN(IKE_UP),
			      HAS(PAYLOAD_SA) | HAS(PAYLOAD_NONCE) | HAS(PAYLOAD_KE) | HAS(PAYLOAD_TSI) |
				      HAS(PAYLOAD_TSR),
			      rekey_child_ask, rekey_child_on_answer, rekey_child_on_error},
	[TASK_REKEY_IKE] = {EXCHANGE_CREATE_CHILD_SA, IN(IKE_UP),
			    HAS(PAYLOAD_SA) | HAS(PAYLOAD_NONCE) | HAS(PAYLOAD_KE), rekey_ike_ask, rekey_ike_on_answer,
			    rekey_ike_on_error},
	[TASK_DELETE_CHILD] = {EXCHANGE_INFORMATIONAL, LIVING, 0, delete_child_ask, delete_child_on_answer,
			       delete_child_on_error},
	[TASK_DELETE_IKE] = {EXCHANGE_INFORMATIONAL, LIVING, 0, delete_ike_ask, delete_ike_on_answer,
			     delete_ike_on_error},
	[TASK_LIVENESS] = {EXCHANGE_INFORMATIONAL, LIVING, 0, liveness_ask, liveness_on_answer, liveness_on_error},
};

const struct question_row *question_find(const struct ike_sa *sa, const struct message *m)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const struct question_row *row = &questions[i];

		if (row->exchange == m->header.exchange && (row->states & IN(sa->state)) && (!row->is || row->is(m)))
			return row;
	}
	return NULL;
}

const struct task_row *task_row(enum task_kind kind)
{
	return &tasks[kind];
}
