/* SPDX-License-Identifier: BSD-2-Clause */
#include "exchange.h"

#include "create_child.h"
#include "foresee.h"
#include "ike_auth_initiator.h"
#include "ike_auth_responder.h"
#include "ike_init_initiator.h"
#include "ike_init_responder.h"
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
	{EXCHANGE_IKE_SA_INIT, 0, HAS(PAYLOAD_SA) | KEY_PAYLOADS, NULL, init_on_request, NULL},
	{EXCHANGE_IKE_AUTH, IN(IKE_HALF_OPEN), HAS(PAYLOAD_IDI), NULL, auth_on_request, auth_foresee},
	{EXCHANGE_CREATE_CHILD_SA, IN(IKE_REPLACED) | IN(IKE_DELETING), 0, NULL, refuse_for_now, NULL},
	{EXCHANGE_CREATE_CHILD_SA, IN(IKE_UP), HAS(PAYLOAD_SA) | KEY_PAYLOADS, is_ike_rekey, rekey_ike_on_request,
	 foresee_request},
	/* KE is missed by the handler: who sends none is told that PFS is needed, not that it makes no sense. */
	{EXCHANGE_CREATE_CHILD_SA, IN(IKE_UP), CHILD_PAYLOADS | HAS(PAYLOAD_NONCE), is_child_rekey,
	 rekey_child_on_request, foresee_request},
	{EXCHANGE_CREATE_CHILD_SA, IN(IKE_UP), CHILD_PAYLOADS | HAS(PAYLOAD_NONCE), NULL, child_on_request,
	 foresee_request},
	{EXCHANGE_INFORMATIONAL, LIVING, 0, NULL, informational_on_request, NULL},
};

static const struct task_row tasks[TASK_KINDS] = {
	[TASK_INIT] =
		{
			.exchange = EXCHANGE_IKE_SA_INIT,
			.states = IN(IKE_INIT_SENT),
			.required = HAS(PAYLOAD_SA) | KEY_PAYLOADS,
			.ask = init_ask,
			.on_answer = init_on_answer,
			.foresee_ask = init_foresee_ask,
			.foresee_answer = init_foresee_answer,
			.refusal = REFUSAL_ENDS_IKE_SA,
			.what = "IKE_SA_INIT",
			.on_refusal = init_on_refusal,
			.on_notify = init_on_notify,
		},
	[TASK_AUTH] =
		{
			.exchange = EXCHANGE_IKE_AUTH,
			.states = IN(IKE_AUTH_SENT),
			.required = HAS(PAYLOAD_IDR) | HAS(PAYLOAD_AUTH),
			.ask = auth_ask,
			.on_answer = auth_on_answer,
			.foresee_ask = auth_foresee_ask,
			.foresee_answer = auth_foresee_answer,
			.refusal = REFUSAL_ENDS_IKE_SA,
			.what = "IKE_AUTH",
			.on_refusal = auth_on_refusal,
		},
	[TASK_CHILD] =
		{
			.exchange = EXCHANGE_CREATE_CHILD_SA,
			.states = IN(IKE_UP),
			.required = CHILD_PAYLOADS | KEY_PAYLOADS,
			.ask = child_ask,
			.on_answer = child_on_answer,
			.foresee_ask = foresee_ask,
			.foresee_answer = foresee_answer,
			.refusal = REFUSAL_FAILS,
			.what = "the child",
			.on_refusal = child_on_refusal,
		},
	[TASK_REKEY_CHILD] =
		{
			.exchange = EXCHANGE_CREATE_CHILD_SA,
			.states = IN(IKE_UP),
			.required = CHILD_PAYLOADS | KEY_PAYLOADS,
			.ask = rekey_child_ask,
			.on_answer = rekey_child_on_answer,
			.foresee_ask = foresee_ask,
			.foresee_answer = foresee_answer,
			.refusal = REFUSAL_PUTS_OFF,
			.what = "the rekey of a child",
			.on_refusal = rekey_child_on_refusal,
		},
	[TASK_REKEY_IKE] =
		{
			.exchange = EXCHANGE_CREATE_CHILD_SA,
			.states = IN(IKE_UP),
			.required = HAS(PAYLOAD_SA) | KEY_PAYLOADS,
			.ask = rekey_ike_ask,
			.on_answer = rekey_ike_on_answer,
			.foresee_ask = foresee_ask,
			.foresee_answer = foresee_answer,
			.refusal = REFUSAL_PUTS_OFF,
			.what = "the rekey of the IKE SA",
			.on_refusal = rekey_ike_on_refusal,
		},
	[TASK_DELETE_CHILD] =
		{
			.exchange = EXCHANGE_INFORMATIONAL,
			.states = LIVING,
			.ask = delete_child_ask,
			.on_answer = delete_child_on_answer,
		},
	[TASK_DELETE_IKE] =
		{
			.exchange = EXCHANGE_INFORMATIONAL,
			.states = LIVING,
			.ask = delete_ike_ask,
			.on_answer = delete_ike_on_answer,
		},
	[TASK_LIVENESS] =
		{
			.exchange = EXCHANGE_INFORMATIONAL,
			.states = LIVING,
			.ask = liveness_ask,
			.on_answer = liveness_on_answer,
		},
};

static bool has_place(const struct question_row *row, const struct ike_sa *sa)
{
	return sa ? row->states & IN(sa->state) : !row->states;
}

const struct question_row *question_find(const struct ike_sa *sa, const struct message *m)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const struct question_row *row = &questions[i];

		if (row->exchange == m->header.exchange && has_place(row, sa) && (!row->is || row->is(m)))
			return row;
	}
	return NULL;
}

const struct task_row *task_row(enum task_kind kind)
{
	return &tasks[kind];
}
