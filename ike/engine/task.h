/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What we are to ask the peer. A task waits in the queue of its IKE SA until the window is free and its time has come;
 * the kick that goes with queueing has the tick look (request.h). So whoever wants something of a peer queues a task,
 * and sends nothing.
 */
#ifndef IKE_ENGINE_TASK_H
#define IKE_ENGINE_TASK_H

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

/* A request of ours, waiting or in the window. */
struct task {
	struct mortal mortal;
	TAILQ_ENTRY(task) of_sa;
	enum task_kind kind;
	struct peer *peer; /* whom the task is for: the child's peer, or else the IKE SA's */
	unsigned era;	   /* of the child, or else of the peer */
	uint64_t not_before_ms;
	struct child *child;   /* TASK_REKEY_CHILD, TASK_DELETE_CHILD; NULL once it is gone */
	struct child *rival;   /* TASK_REKEY_CHILD: the child is gone before the answer; its heir, by the peer */
	bool contested;	       /* there was such an heir, whatever has become of it */
	bool unheard;	       /* TASK_REKEY_CHILD: asked before the peer has shown that it knows of the child */
	uint32_t deleted;      /* ESP: the peer has deleted this, which is not there yet: it may be the child to be */
	unsigned selector;     /* TASK_CHILD, TASK_AUTH: index in the configuration */
	unsigned lane;	       /* TASK_CHILD, TASK_REKEY_CHILD: whose the child to be is (child.h) */
	bool wished;	       /* not if the selector has a child by then, and wants no other */
	bool children;	       /* TASK_INIT, TASK_AUTH: a child is asked for in IKE_AUTH, */
	bool alone;	       /* or by itself after that */
	bool goes_back;	       /* the child to be is deleted when the exchange is over: the task becomes the DELETE */
	uint32_t spi;	       /* ESP: our SPI of the child to be; TASK_DELETE_CHILD without a child: what is deleted */
	uint64_t ike_spi;      /* TASK_REKEY_IKE: our SPI of the IKE SA to be */
	struct selector asked; /* what went out as TS */
	uint8_t nonce[NONCE_SIZE];
	struct dh dh;
	struct sa_handle reserved; /* room for the inbound half; generation 0: none, or the child has taken it */
};

/* What the task is called in the log. */
const char *task_name(enum task_kind kind);

/* Queues a task for the IKE SA's peer. NULL: no memory, and the log has it. */
struct task *task_queue(struct ike_sa *sa, enum task_kind kind);
/* The same for a child of the IKE SA; or the task of that kind that waits or runs for the child already. */
struct task *task_queue_for(struct ike_sa *sa, enum task_kind kind, struct child *child, struct peer *peer,
			    unsigned era);

/* So much later a task for which there was no memory is queued again. */
#define NO_MEMORY_MS 1000

/* So much later the peer is asked again: it was not able to (RFC 7296 section 2.25), or did not want to. */
#define TEMPORARY_MS 1500
#define REFUSED_MS   10000

/* Not before ms from now; task_retry: less up to half of ms, so that two that collided do not again. NULL: nothing. */
void task_delay(struct ike_sa *sa, struct task *task, uint64_t ms);
void task_retry(struct ike_sa *sa, struct task *task, uint64_t ms);

/* Queues the same once more: a child's task for whom it was, the IKE SA's own for whose the IKE SA is by now
 * (ike_sa_give). NULL: no memory. */
struct task *task_queue_again(struct ike_sa *sa, const struct task *task);

/* A task of that kind, and for that child unless NULL, that runs or waits; or NULL. */
struct task *task_find(const struct ike_sa *sa, enum task_kind kind, const struct child *child);

/* A task that makes the child of that selector and lane, and runs or waits; or NULL. */
struct task *task_find_child(const struct ike_sa *sa, unsigned selector, unsigned lane);

/* The peer was taken down since: what the task asks for is not to be, and is given back if it comes. */
static inline bool task_is_void(const struct task *task)
{
	return task->era != task->peer->era;
}

/* The end of what runs: its exchange is over (with goes_back the task waits again, as another); it has not been sent,
 * and is dropped; it is to be written again in ms. */
void task_finish(struct ike_sa *sa);
void task_drop_running(struct ike_sa *sa);
void task_put_back(struct ike_sa *sa, uint64_t ms);

/* Drops what waits, and what runs if `running`. */
void task_drop_all(struct ike_sa *sa, bool running);

/* The child is going: tasks for it that wait are dropped, and the one that runs forgets it. */
void task_forget_child(struct ike_sa *sa, const struct child *child);

#endif
