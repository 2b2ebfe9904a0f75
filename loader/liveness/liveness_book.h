/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The book of one monitored connection: which probes were sent, answered and lost, their round trip, and whether the
 * connection is down. The book has no clock and no socket: its keeper tells what happens and when.
 *
 *   every interval: liveness_book_settle -> liveness_book_sent, or liveness_book_idle when there is no SA
 *   an answer:      liveness_book_answer
 */
#ifndef LOADER_LIVENESS_LIVENESS_BOOK_H
#define LOADER_LIVENESS_LIVENESS_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#define LIVENESS_COOKIE_SIZE 16

enum liveness_state {
	LIVENESS_IDLE,	  /* no SA: nothing is sent */
	LIVENESS_WAITING, /* there is an SA, and no answer by it yet */
	LIVENESS_UP,
	LIVENESS_DOWN, /* threshold probes in a row have no answer, and none since has one */
};

enum liveness_news {
	LIVENESS_NO_NEWS,
	LIVENESS_DEAD, /* the connection is down, or still is: time to have its SAs made anew */
	LIVENESS_BACK, /* the connection was down, and an answer came */
};

struct liveness_book {
	uint64_t interval_ms;
	unsigned threshold;

	enum liveness_state state;
	uint64_t sent, received, lost;
	uint64_t rtt_us, rtt_avg_us; /* 0: no answer so far */
	unsigned unanswered;	     /* in a row */
	unsigned dead_at;	     /* the next LIVENESS_DEAD comes at so many unanswered */
	uint64_t down_ns;	     /* since when */

	bool waiting; /* for the answer to this probe: */
	uint16_t seq;
	uint8_t cookie[LIVENESS_COOKIE_SIZE];
	uint64_t sent_ns;
};

/* Begins a book that is zeroed, or gives one that goes on other terms. threshold: unanswered probes, 1 or more. */
void liveness_book_set(struct liveness_book *m, uint64_t interval_ms, unsigned threshold);

/* The time for the next probe has come, and a probe that still waits for its answer is lost. now_ns: of any clock that
 * never goes back, the same in all calls. */
enum liveness_news liveness_book_settle(struct liveness_book *m, uint64_t now_ns);

/* A probe has left with this cookie and the m->seq that there is then; or it could not leave, and will have no answer.
 */
void liveness_book_sent(struct liveness_book *m, const uint8_t cookie[LIVENESS_COOKIE_SIZE], uint64_t now_ns);

/* There is no SA, so no probe leaves. A connection that is down stays so: only an answer says otherwise. */
void liveness_book_idle(struct liveness_book *m);

/* An answer has come. It counts if it is to the probe that waits for one. */
enum liveness_news liveness_book_answer(struct liveness_book *m, uint16_t seq,
					const uint8_t cookie[LIVENESS_COOKIE_SIZE], uint64_t now_ns);

/* "idle", "waiting", "up", "down" */
const char *liveness_book_state_name(enum liveness_state state);

#endif
