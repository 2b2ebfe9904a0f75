/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The book of one monitored connection: probes sent, answered and lost, their
 * round trip, and when it is down. No clock, no socket: whoever keeps it tells.
 *
 *   every interval: monitor_settle -> monitor_sent, or monitor_idle when there is no SA
 *   an answer:      monitor_answer
 */
#ifndef LOADER_LIVENESS_BOOK_H
#define LOADER_LIVENESS_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#define MONITOR_COOKIE_SIZE 16

enum monitor_state {
	MONITOR_IDLE,	 /* no SA: nothing is sent */
	MONITOR_WAITING, /* there is one, and no answer by it yet */
	MONITOR_UP,
	MONITOR_DOWN, /* threshold probes in a row have no answer, and none since has one */
};

enum monitor_news {
	MONITOR_NO_NEWS,
	MONITOR_DEAD, /* it is down, or still is: time to have its SAs made anew */
	MONITOR_BACK, /* it was down, and answers */
};

struct monitor {
	uint64_t interval_ms;
	unsigned threshold;

	enum monitor_state state;
	uint64_t sent, received, lost;
	uint64_t rtt_us, rtt_avg_us; /* 0: no answer so far */
	unsigned unanswered;	     /* in a row */
	unsigned dead_at;	     /* the next MONITOR_DEAD comes at so many unanswered */
	uint64_t down_ns;	     /* since when */

	bool waiting; /* for the answer to this probe: */
	uint16_t seq;
	uint8_t cookie[MONITOR_COOKIE_SIZE];
	uint64_t sent_ns;
};

/* A new book, or the one there is under other terms. threshold is 1 or more. */
void monitor_set(struct monitor *m, uint64_t interval_ms, unsigned threshold);

/* The time of the next probe has come: one without an answer is lost. now_ns: of any clock that never goes back. */
enum monitor_news monitor_settle(struct monitor *m, uint64_t now_ns);

/* A probe leaves, with m->seq as it is then and this cookie; or could not leave, and will have no answer. */
void monitor_sent(struct monitor *m, const uint8_t cookie[MONITOR_COOKIE_SIZE], uint64_t now_ns);

/* There is no SA. What is down stays so: only an answer says otherwise. */
void monitor_idle(struct monitor *m);

/* An answer: counts if it is that to the probe which waits for one. */
enum monitor_news monitor_answer(struct monitor *m, uint16_t seq, const uint8_t cookie[MONITOR_COOKIE_SIZE],
				 uint64_t now_ns);

/* "idle", "waiting", "up", "down" */
const char *monitor_state_name(enum monitor_state state);

#endif
