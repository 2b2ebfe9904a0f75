/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What went wrong last, for who asks for the status: in plain words, whom with, how often in a row, when. A peer has
 * one of each kind, since REFUSED may be anybody's doing, and is not to hide why our own attempts fail.
 *
 * Recorded by ike_failure() and peer_failure() alone, which also write the log: so that says the same.
 */
#ifndef IKE_ENGINE_FAILURE_H
#define IKE_ENGINE_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/json.h"

enum failure_kind {
	FAILED,	 /* what this host wants of the peer */
	REFUSED, /* what is wanted of this host, by somebody at the peer's address of whom perhaps nothing is proven */
	FAILURE_KINDS,
};

#define FAILURE_TEXT 400
/* With the notify's name in front. */
#define FAILURE_LINE (FAILURE_TEXT + 40)

struct failure {
	char what[FAILURE_TEXT]; /* one line, printable */
	uint16_t notify;	 /* enum notify_type: FAILED: what the peer said; REFUSED: what it was told; 0: none */
	uint8_t from[4];
	unsigned tries; /* in a row with the same outcome; 0: there is no failure */
	bool over;	/* there was a success since */
	uint64_t first_ms;
	uint64_t last_ms;
};

/* Notes it down: once more, if it is as the last time. What a peer has said may be in what. */
void failure_note(struct failure *f, const uint8_t from[4], uint64_t now_ms, uint16_t notify, const char *what);

/* "AUTHENTICATION_FAILED: the PSKs differ", or what alone. */
void failure_line(uint16_t notify, const char *what, char line[FAILURE_LINE]);

static inline bool failure_lasts(const struct failure *f)
{
	return f->tries && !f->over;
}

/* As the status has it; NULL if there is none. */
cJSON *failure_json(const struct failure *f, enum failure_kind kind, uint64_t now_ms);

/* Those of both kinds, the latest first. */
cJSON *failures_json(const struct failure of[FAILURE_KINDS], uint64_t now_ms);

#endif
