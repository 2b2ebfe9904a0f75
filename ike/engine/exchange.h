/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol as two tables: what a peer may ask (by exchange and state) and
 * what we ask (by task). One check of state and payloads runs before any handler.
 *
 *   IKE_SA_INIT      SAi1, KEi, Ni                          SAr1, KEr, Nr                    ike_init.c
 *   IKE_AUTH         SK{IDi, AUTH, SAi2, TSi, TSr}          SK{IDr, AUTH, SAr2, TSi, TSr}    ike_auth.c
 *   CREATE_CHILD_SA  SK{SA, Ni, KEi, TSi, TSr}              SK{SA, Nr, KEr, TSi, TSr}        create_child.c
 *                    SK{N(REKEY_SA), SA, Ni, KEi, TSi, TSr} SK{SA, Nr, KEr, TSi, TSr}        create_child.c
 *                    SK{SA, Ni, KEi}                        SK{SA, Nr, KEr}                  rekey_ike.c
 *   INFORMATIONAL    SK{[N], [D]}                           SK{[N], [D]}                     informational.c
 */
#ifndef IKE_EXCHANGE_H
#define IKE_EXCHANGE_H

#include "engine_state.h"

/* A set of payload types. */
typedef uint64_t payload_set;
#define HAS(type) (1ULL << (type))

/* What a peer asks, opened and checked. */
struct question {
	struct ike_sa *sa;
	const struct message *m;
	const struct path *path;
	struct body *answer; /* empty; what is written goes back */
};

enum verdict {
	VERDICT_ANSWER,
	VERDICT_ANSWER_AND_DIE,
	VERDICT_SILENCE, /* as if it had never come */
};

/* What is answered with INVALID_SYNTAX is the end for both (RFC 7296 section 2.21.3). */
static inline enum verdict verdict_of(uint16_t error)
{
	return error == INVALID_SYNTAX ? VERDICT_ANSWER_AND_DIE : VERDICT_ANSWER;
}

struct question_row {
	uint8_t exchange;
	unsigned states; /* 1 << enum ike_state */
	payload_set required;
	bool (*is)(const struct message *m); /* NULL: any */
	enum verdict (*handle)(struct question *q);
};

/* The row for that message, or NULL: it has no place here. */
const struct question_row *question_find(const struct ike_sa *sa, const struct message *m);

/* The payloads of a message as a set. */
payload_set message_payloads(const struct message *m);

/* What we ask. */
struct task_row {
	const char *name;
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

/* ---- tasks (request.c) ---- */

/* Sent so often without an answer, it is doubtful whether the peer still knows the IKE SA. */
#define DOUBT_TRIES 2

/* Queues a task, to be sent when the window is free and the time has come. NULL: no memory. */
struct task *task_queue(struct ike_sa *sa, enum task_kind kind);
struct task *task_queue_child(struct ike_sa *sa, enum task_kind kind, struct child *child);
/* The peer can't do it now (RFC 7296 section 2.25), or does not want to: asked again after so long. */
#define TEMPORARY_MS 1500
#define REFUSED_MS   10000
/* Not before ms from now; the second: less up to half of it at random, so that two don't collide again. NULL: nothing.
 */
void task_delay(struct ike_sa *sa, struct task *task, uint64_t ms);
void task_retry(struct ike_sa *sa, struct task *task, uint64_t ms);
/* The same once more, for whom it was. */
struct task *task_queue_again(struct ike_sa *sa, const struct task *task);

/* Whether one of that kind (for that child, unless NULL) waits or runs. */
struct task *task_find(const struct ike_sa *sa, enum task_kind kind, const struct child *child);

/* Who it is for was taken down since: what it asks for is not to be, and goes back if it comes. */
static inline bool task_is_void(const struct task *task)
{
	return task->era != task->peer->era;
}

/* Sends what is next, if it can be. */
void task_send_next(struct ike_sa *sa);

/* Builds the running task's message again and sends it: after a cookie. 0 or -errno. */
int task_send(struct ike_sa *sa);

/* Sends as is what was sent before. */
void flight_send(struct ike_sa *sa, const struct flight *f);

/* The running task is done with. */
void task_finish(struct ike_sa *sa);

/* Drops what waits; also what runs, if `running`. */
void task_drop_all(struct ike_sa *sa, bool running);

/* Drops tasks for that child that wait, and makes what runs forget it. */
void task_forget_child(struct ike_sa *sa, const struct child *child);

/* The retransmission timer. */
void task_on_retransmit(struct timer *timer);

/* There is something to do at the next tick, or then. */
void ike_sa_kick(struct ike_sa *sa, uint64_t at_ms);

/* ---- handlers ---- */

/* ike_init.c: IKE_SA_INIT from a peer has no IKE SA yet. */
void init_on_request(struct engine *e, const struct path *path, const struct message *m);
int init_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool init_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void init_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);
/* IKE_SA_INIT in the clear that is no full answer: cookie, other group, error. True: it was taken care of. */
bool init_on_notify(struct ike_sa *sa, const struct message *m);

/* ike_auth.c */
bool auth_derive_keys(struct ike_sa *sa);
enum verdict auth_on_request(struct question *q);
int auth_ask(struct ike_sa *sa, struct task *task, struct body *b);
/* Whether its IKE_AUTH may not go yet; auth_settle_claim of the one that it waits for kicks it. */
bool auth_must_wait(const struct ike_sa *sa);
/* Its INITIAL_CONTACT, if it said that, is answered, or given up. */
void auth_settle_claim(struct ike_sa *sa);
bool auth_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void auth_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);

/* create_child.c */
enum verdict child_on_request(struct question *q);
enum verdict rekey_child_on_request(struct question *q);
int child_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void child_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);
int rekey_child_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool rekey_child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void rekey_child_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);

/* child_payloads.c: the part of an exchange that is a child's, in IKE_AUTH and CREATE_CHILD_SA alike */
struct child_answer {
	uint16_t error; /* what to tell the peer; 0: child is there */
	bool no_pfs;	/* the peer asks for none with a key exchange: for that alone it is refused */
	struct child *child;
};
/* Writes SA, [Ni], [KE], TSi, TSr, N(USE_TRANSPORT_MODE) of a request. nonce: in CREATE_CHILD_SA. 0 or -errno. */
int child_write_request(struct ike_sa *sa, struct task *task, const struct selector *s, bool create, struct body *b);
/* Reads a peer's request, makes the child, writes the answer. create: CREATE_CHILD_SA. old: the child it rekeys, or
 * NULL. */
struct child_answer child_answer_request(struct ike_sa *sa, const struct message *m, bool create, struct child *old,
					 struct body *b);
/*
 * Reads the answer, makes the child: inbound installed, outbound registered. NULL: it is
 * not what was asked for; the reason is logged, and the peer's end will be deleted.
 */
struct child *child_read_answer(struct ike_sa *sa, struct task *task, const struct message *m, bool create);
/* The peer has made its end of what is not to be: it is told to take it away again. */
void child_give_back(struct ike_sa *sa, uint32_t spi);

/* rekey_ike.c */
enum verdict rekey_ike_on_request(struct question *q);
int rekey_ike_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool rekey_ike_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void rekey_ike_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);

/* informational.c */
enum verdict informational_on_request(struct question *q);
enum verdict refuse_for_now(struct question *q);
int delete_child_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool delete_child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void delete_child_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);
int delete_ike_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool delete_ike_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void delete_ike_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);
int liveness_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool liveness_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void liveness_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);

/* nat.c: RFC 7296 section 2.23 */
void nat_write(struct body *b, uint64_t spi_i, uint64_t spi_r, const struct path *path);
/* False: somebody translates addresses or ports on the way. The payloads may be missing. */
bool nat_check(const struct message *m, const struct path *path);

#endif
