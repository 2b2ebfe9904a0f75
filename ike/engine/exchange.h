/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol as two tables: what a peer may ask (by exchange and state) and
 * what we ask (by task). One check of state and payloads runs before any handler.
 *
 *   IKE_SA_INIT      SAi1, KEi, Ni                          SAr1, KEr, Nr                    ike_init_*.c
 *   IKE_AUTH         SK{IDi, AUTH, SAi2, TSi, TSr}          SK{IDr, AUTH, SAr2, TSi, TSr}    ike_auth_*.c
 *   CREATE_CHILD_SA  SK{SA, Ni, KEi, TSi, TSr}              SK{SA, Nr, KEr, TSi, TSr}        create_child.c
 *                    SK{N(REKEY_SA), SA, Ni, KEi, TSi, TSr} SK{SA, Nr, KEr, TSi, TSr}        create_child.c
 *                    SK{SA, Ni, KEi}                        SK{SA, Nr, KEr}                  rekey_ike.c
 *   INFORMATIONAL    SK{[N], [D]}                           SK{[N], [D]}                     informational.c
 */
#ifndef IKE_ENGINE_EXCHANGE_H
#define IKE_ENGINE_EXCHANGE_H

#include "question.h"
#include "task.h"

struct question_row {
	uint8_t exchange;
	unsigned states; /* 1 << enum ike_state; 0: there is no IKE SA yet */
	payload_set required;
	bool (*is)(const struct message *m); /* NULL: any */
	enum verdict (*handle)(struct question *q);
	bool (*foresee)(struct question *q); /* the same before that: whether to wait (foresight.h). NULL: no */
};

/* The row for that message, or NULL: it has no place here. sa NULL: there is no IKE SA yet. */
const struct question_row *question_find(const struct ike_sa *sa, const struct message *m);

/* What a task comes to if the peer refuses it: an error instead of what is required. */
enum refusal {
	REFUSAL_IS_AN_ANSWER, /* whatever the peer says */
	REFUSAL_ENDS_IKE_SA,
	REFUSAL_FAILS,	  /* who waits for it is told; asked again soon after TEMPORARY_FAILURE */
	REFUSAL_PUTS_OFF, /* asked again, later */
};

/* What we ask. */
struct task_row {
	uint8_t exchange;
	unsigned states;
	payload_set required; /* of the answer */
	/* Writes the request. -errno: it cannot be, and the task is dropped. -EPROTONOSUPPORT: the reason is recorded.
	 */
	int (*ask)(struct ike_sa *sa, struct task *task, struct body *b);
	/* The answer has all that is required. 0; or the error (NOT_AS_ASKED, mostly) with which it is as if refused.
	 * NOT_AN_ANSWER: the task stays in the window. */
	uint16_t (*on_answer)(struct ike_sa *sa, struct task *task, const struct message *m);
	/* Before either: whether to wait (foresight.h). NULL: no. */
	bool (*foresee_ask)(struct ike_sa *sa, const struct task *task);
	bool (*foresee_answer)(struct ike_sa *sa, const struct task *task, const struct message *m);
	enum refusal refusal;
	const char *what; /* is refused, for people */
	/* What is particular. The error (enum notify_type) to go on with as the row says; 0: nothing is left to do. */
	uint16_t (*on_refusal)(struct ike_sa *sa, struct task *task, uint16_t error);
	/* In the clear, where anybody may have said it: what is no full answer. The task stays in the window. */
	void (*on_notify)(struct ike_sa *sa, const struct message *m, uint16_t error);
};

const struct task_row *task_row(enum task_kind kind);

#endif
