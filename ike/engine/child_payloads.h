/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of an exchange that is a child's, in IKE_AUTH and CREATE_CHILD_SA alike. */
#ifndef IKE_CHILD_PAYLOADS_H
#define IKE_CHILD_PAYLOADS_H

#include "child.h"
#include "task.h"

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

#endif
