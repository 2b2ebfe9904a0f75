/* SPDX-License-Identifier: BSD-2-Clause */
#include "liveness_book.h"

#include <string.h>

/*
 * New SAs that bring no answer either are made anew after twice as many probes, and so on up to
 * this many thresholds (8 minutes of the defaults): what is wrong then is not the SAs.
 */
#define PATIENCE_MAX 32
/* An answer moves the average by an eighth of its distance, as TCP's does (RFC 6298 section 2.3). */
#define AVERAGE_WEIGHT 8

void liveness_book_set(struct liveness_book *m, uint64_t interval_ms, unsigned threshold)
{
	m->interval_ms = interval_ms;
	m->threshold = threshold;
	m->dead_at = m->unanswered + threshold;
}

enum liveness_news liveness_book_settle(struct liveness_book *m, uint64_t now_ns)
{
	const unsigned most = m->threshold * PATIENCE_MAX;

	if (!m->waiting)
		return LIVENESS_NO_NEWS;
	m->waiting = false;
	m->lost++;
	m->unanswered++;
	if (m->unanswered < m->dead_at)
		return LIVENESS_NO_NEWS;
	if (m->state != LIVENESS_DOWN)
		m->down_ns = now_ns;
	m->state = LIVENESS_DOWN;
	m->dead_at += m->dead_at < most ? m->dead_at : most;
	return LIVENESS_DEAD;
}

void liveness_book_sent(struct liveness_book *m, const uint8_t cookie[LIVENESS_COOKIE_SIZE], uint64_t now_ns)
{
	if (m->state == LIVENESS_IDLE)
		m->state = LIVENESS_WAITING;
	memcpy(m->cookie, cookie, sizeof(m->cookie));
	m->sent_ns = now_ns;
	m->waiting = true;
	m->seq++;
	m->sent++;
}

void liveness_book_idle(struct liveness_book *m)
{
	if (m->state == LIVENESS_DOWN)
		return;
	m->state = LIVENESS_IDLE;
	m->unanswered = 0;
	m->dead_at = m->threshold;
}

static void take_rtt(struct liveness_book *m, uint64_t us)
{
	const uint64_t avg = m->rtt_avg_us;

	/* 0 stands for none. */
	m->rtt_us = us ? us : 1;
	m->rtt_avg_us = avg ? (avg * (AVERAGE_WEIGHT - 1) + m->rtt_us) / AVERAGE_WEIGHT : m->rtt_us;
}

enum liveness_news liveness_book_answer(struct liveness_book *m, uint16_t seq,
					const uint8_t cookie[LIVENESS_COOKIE_SIZE], uint64_t now_ns)
{
	const enum liveness_state before = m->state;

	if (!m->waiting || seq != m->seq || memcmp(cookie, m->cookie, sizeof(m->cookie)) != 0)
		return LIVENESS_NO_NEWS;
	m->waiting = false;
	m->received++;
	m->unanswered = 0;
	m->dead_at = m->threshold;
	m->state = LIVENESS_UP;
	take_rtt(m, now_ns > m->sent_ns ? (now_ns - m->sent_ns) / 1000 : 0);
	return before == LIVENESS_DOWN ? LIVENESS_BACK : LIVENESS_NO_NEWS;
}

const char *liveness_book_state_name(enum liveness_state state)
{
	static const char *const names[] = {"idle", "waiting", "up", "down"};

	return names[state];
}
