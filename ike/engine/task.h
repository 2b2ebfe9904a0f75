/* SPDX-License-Identifier: BSD-2-Clause */
/* What we are to ask the peer: the queue of an IKE SA, and what is in its window. */
#ifndef IKE_TASK_H
#define IKE_TASK_H

#include "ike_sa.h"

struct child;

enum task_kind {
	TASK_INIT,
	TASK_AUTH,
	TASK_CHILD,
	TASK_REKEY_CHILD,
	TASK_REKEY_IKE,
	TASK_DELETE_CHILD,
	TASK_DELETE_IKE,
	TASK_LIVENESS,
	TASK_KINDS,
};

/* A request of ours: waiting, or the one in the window. */
struct task {
	struct mortal mortal;
	TAILQ_ENTRY(task) of_sa;
	enum task_kind kind;
	struct peer *peer; /* whom it is for: of a child's task the child's, else the IKE SA's */
	unsigned era;	   /* of that, or of the child */
	uint64_t not_before_ms;
	struct child *child; /* TASK_REKEY_CHILD, TASK_DELETE_CHILD; NULL once it is gone */
	struct child *rival; /* TASK_REKEY_CHILD: its heir by the peer's hand, when it is gone before our answer came */
	bool contested;	     /* and there was one, whatever has become of it */
	uint32_t deleted;    /* ESP: what the peer has deleted since that is not there: it may be the child to be */
	unsigned selector;   /* TASK_CHILD, TASK_AUTH: index in the configuration */
	bool children;	     /* TASK_AUTH: a child is asked for */
	bool redundant;	     /* TASK_DELETE_IKE: only if it still is */
	uint16_t reason;     /* TASK_DELETE_IKE: the error to say with it; 0: none */
	uint32_t spi;	     /* ESP: ours, of the child to be */
	uint64_t ike_spi;    /* TASK_REKEY_IKE: ours, of the IKE SA to be */
	struct selector asked; /* what went out as TS */
	uint8_t nonce[NONCE_SIZE];
	struct dh dh;
	struct sa_handle reserved; /* the child's inbound half; generation 0: none, or the child has it */
};

/* For people. */
const char *task_name(enum task_kind kind);

/* Queues a task, to be sent when the window is free and the time has come. NULL: no memory. */
struct task *task_queue(struct ike_sa *sa, enum task_kind kind);
/* The same for a child of it, of that peer and era: what is queued for it already is enough. */
struct task *task_queue_for(struct ike_sa *sa, enum task_kind kind, struct child *child, struct peer *peer,
			    unsigned era);
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

/* Ends what runs: done with; dropped, as if it had never been sent; or waiting again, for ms. */
void task_finish(struct ike_sa *sa);
void task_drop_running(struct ike_sa *sa);
void task_put_back(struct ike_sa *sa, uint64_t ms);

/* Drops what waits; also what runs, if `running`. */
void task_drop_all(struct ike_sa *sa, bool running);

/* Drops tasks for that child that wait, and makes what runs forget it. */
void task_forget_child(struct ike_sa *sa, const struct child *child);

#endif
