/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of an exchange that makes a child, in IKE_AUTH and CREATE_CHILD_SA alike. create: in CREATE_CHILD_SA, so
 * with nonces and a key exchange of its own. */
#ifndef IKE_ENGINE_CHILD_PAYLOADS_H
#define IKE_ENGINE_CHILD_PAYLOADS_H

#include "child.h"
#include "task.h"

struct child_answer {
	uint16_t error; /* what the peer was told; 0: the child is there */
	bool no_pfs;	/* refused for one thing alone: the peer asks for a child without a key exchange */
	struct child *child;
};

/* What the task was to bring, for a wish, and another IKE SA has brought while the task waited for its turn; or NULL.
 */
const struct child *child_brought(const struct task *task);

/* Writes a request for a child of that selector. The task keeps what the answer needs. 0 or -errno. */
int child_write_request(struct ike_sa *sa, struct task *task, const struct selector *s, bool create, struct body *b);

/* What may be wrong if the peer refuses the child with that error, or 0: what was asked for, and what to set there. */
void child_why_refused(const struct task *task, uint16_t error, bool create, char why[FAILURE_TEXT]);

/* Reads the peer's request, makes the child, writes the answer. old: the child that is rekeyed, or NULL. */
struct child_answer child_answer_request(struct ike_sa *sa, const struct message *m, bool create, struct child *old,
					 struct body *b);

/* Reads the answer, makes the child. NULL: the answer is not what was asked for. The log has the reason, and the peer's
 * end is given back. */
struct child *child_read_answer(struct ike_sa *sa, struct task *task, const struct message *m, bool create);

#endif
