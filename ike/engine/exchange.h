/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol as two tables: what a peer may ask (by exchange and state) and
 * what we ask (by task). One check of state and payloads runs before any handler.
 *
 *   IKE_SA_INIT      SAi1, KEi, Ni                          SAr1, KEr, Nr                    ike_init.c
 *   IKE_AUTH         SK{IDi, AUTH, SAi2, TSi, TSr}          SK{IDr, AUTH, SAr2, TSi, TSr}    ike_auth_*.c
 *   CREATE_CHILD_SA  SK{SA, Ni, KEi, TSi, TSr}              SK{SA, Nr, KEr, TSi, TSr}        create_child.c
 *                    SK{N(REKEY_SA), SA, Ni, KEi, TSi, TSr} SK{SA, Nr, KEr, TSi, TSr}        create_child.c
 *                    SK{SA, Ni, KEi}                        SK{SA, Nr, KEr}                  rekey_ike.c
 *   INFORMATIONAL    SK{[N], [D]}                           SK{[N], [D]}                     informational.c
 */
#ifndef IKE_EXCHANGE_H
#define IKE_EXCHANGE_H

#include "question.h"
#include "task.h"

struct question_row {
	uint8_t exchange;
	unsigned states; /* 1 << enum ike_state */
	payload_set required;
	bool (*is)(const struct message *m); /* NULL: any */
	enum verdict (*handle)(struct question *q);
};

/* The row for that message, or NULL: it has no place here. */
const struct question_row *question_find(const struct ike_sa *sa, const struct message *m);

/* What we ask. */
struct task_row {
	uint8_t exchange;
	unsigned states;
	payload_set required; /* of the answer */
	/* Writes the request. -errno: it cannot be (the reason is logged); the task is dropped. */
	int (*ask)(struct ike_sa *sa, struct task *task, struct body *b);
	/* The answer has all that is required. True: the task stays in the window and has been sent again. */
	bool (*on_answer)(struct ike_sa *sa, struct task *task, const struct message *m);
	/* It has not, and an error instead (enum notify_type; INVALID_SYNTAX if it has not even that). */
	void (*on_error)(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);
};

const struct task_row *task_row(enum task_kind kind);

#endif
