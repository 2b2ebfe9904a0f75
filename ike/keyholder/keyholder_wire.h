/* SPDX-License-Identifier: BSD-2-Clause */
/* A question to the key holder and its answer, as they cross the socket between the two processes of one build. */
#ifndef IKE_KEYHOLDER_KEYHOLDER_WIRE_H
#define IKE_KEYHOLDER_KEYHOLDER_WIRE_H

#include "keyholder.h"
#include "crypto/prf.h"

enum key_question_kind {
	ASK_PSK_AUTH = 1,
	ASK_SIGN = 2,
	ASK_PPK = 3,
	ASK_STORE = 4,	 /* key: slot, how: its generation */
	ASK_WIPE = 5,	 /* key: slot */
	ASK_NOTHING = 6, /* but whether it is there */
};

struct key_question {
	uint32_t number; /* its answer has it too: one that comes when nobody waits any more is not the next one's */
	uint32_t what;	 /* enum key_question_kind */
	uint32_t key;
	uint32_t how; /* PRF, or enum sig_scheme */
	uint8_t octets[OCTETS_MAX];
};

struct key_answer {
	uint32_t number;
	int32_t error; /* 0 or -errno */
	uint32_t size;
	uint8_t data[SIGNATURE_MAX];
};

/* What any answer begins with, also that of who has no key (hands/hands.h). */
struct answer_head {
	uint32_t number;
	int32_t error;
	uint32_t size;
};
_Static_assert(sizeof(struct answer_head) == offsetof(struct key_answer, data), "an answer is a head, and data");

#endif
