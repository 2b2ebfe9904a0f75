/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an object of the engine comes to its end. Any function may end any object, however deep in a call; none frees
 * one, for its callers may still hold that object. The tick frees, when nothing else runs.
 *
 *              made by                     at its end by                      freed by the tick when
 *   connection engine_configure            engine_configure: gone             it has no peer
 *   peer       peer_get                    whatever takes something from it   it has no SA, no task, no wish left
 *   IKE SA     peer_open,                  ike_sa_die: dead, in no look-up    its last answer need not be repeated
 *              init_on_request,
 *              make_heir (rekey_ike.c)
 *   child      child_install               child_leave, child_drop: in no     its grace time is over
 *                                          list, of no IKE SA and no peer
 *   task       task_queue                  task_finish, task_drop_all         at once
 *
 * mortal_end() says that an object's end may have come. reap.c looks once more whether the object is needed, and frees
 * it or lets it live. No pointer between objects outlives what it points to:
 *
 *   up      peer ► connection, IKE SA ► peer, child ► peer, task ► peer, child ► IKE SA: those are counted (in lists,
 *           or in peer.tasks), and who has any is not freed
 *   across  child.successor, child.rival: of the same IKE SA, cleared by the end of either (child.c)
 *           task.child, task.rival: of the task's IKE SA, cleared by the end of the child (task.c)
 *           ike_sa.rival: between the same two addresses, cleared by its end, or goes to its heir (ike_sa.c)
 */
#ifndef IKE_ENGINE_MORTAL_H
#define IKE_ENGINE_MORTAL_H

#include <stdbool.h>
#include <sys/queue.h>

enum mortal_kind {
	MORTAL_CONNECTION,
	MORTAL_PEER,
	MORTAL_IKE_SA,
	MORTAL_CHILD,
	MORTAL_TASK,
	MORTAL_KINDS,
};

struct mortal {
	TAILQ_ENTRY(mortal) of_list;
	enum mortal_kind kind;
	bool ending; /* in the list */
};

/* Those whose end may have come: the engine's. */
TAILQ_HEAD(mortal_list, mortal);

/* The object's end may have come: the tick looks. To say so twice is to say it once. */
void mortal_end(struct mortal_list *ending, struct mortal *m);

/* The object is being freed: out of the list, if it is in. */
void mortal_forget(struct mortal_list *ending, struct mortal *m);

/* Takes the first out of the list; NULL: the list is empty. */
struct mortal *mortal_take(struct mortal_list *ending);

#endif
