/* SPDX-License-Identifier: BSD-2-Clause */
/* What a peer asks, and how it is answered: for the handlers of all exchanges. */
#ifndef IKE_ENGINE_QUESTION_H
#define IKE_ENGINE_QUESTION_H

#include "ike_sa.h"
#include "wire/message.h"

/* A set of payload types. */
typedef uint64_t payload_set;
#define HAS(type) (1ULL << (type))

/* What makes a child, and fresh keys. */
#define CHILD_PAYLOADS (HAS(PAYLOAD_SA) | HAS(PAYLOAD_TSI) | HAS(PAYLOAD_TSR))
#define KEY_PAYLOADS   (HAS(PAYLOAD_KE) | HAS(PAYLOAD_NONCE))

/* Whether a message has all of them. */
bool message_has(const struct message *m, payload_set set);

/* What a peer asks, opened and checked. */
struct question {
	struct engine *engine;
	struct ike_sa *sa; /* NULL: none yet */
	const struct message *m;
	const struct path *path;
	struct body *answer; /* empty; what is written goes back */
};

enum verdict {
	VERDICT_ANSWER,
	VERDICT_ANSWER_AND_DIE,
	VERDICT_SILENCE, /* nothing more is sent */
	VERDICT_LATER,	 /* it waits (foresight.h) */
};

/* What is answered with INVALID_SYNTAX is the end for both (RFC 7296 section 2.21.3). */
static inline enum verdict verdict_of(uint16_t error)
{
	return error == INVALID_SYNTAX ? VERDICT_ANSWER_AND_DIE : VERDICT_ANSWER;
}

#endif
