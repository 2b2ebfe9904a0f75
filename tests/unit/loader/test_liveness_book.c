/* SPDX-License-Identifier: BSD-2-Clause */
/* The book of a monitored connection by a clock of our own, and the echo messages that fill it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <linux/icmp.h>
#include <netinet/ip.h>
#include <string.h>

#include "liveness/echo.h"
#include "liveness/liveness_book.h"

#define SECOND	  1000000000ULL
#define THRESHOLD 3

static struct liveness_book m;
static uint64_t now;
static const uint8_t cookie[LIVENESS_COOKIE_SIZE] = "a cookie of 16 b";
static const uint8_t forged[LIVENESS_COOKIE_SIZE] = "a cookie of 16 c";

static int setup(void **unused)
{
	(void)unused;
	m = (struct liveness_book){0};
	liveness_book_set(&m, 1000, THRESHOLD);
	now = 1000 * SECOND;
	return 0;
}

/* The time for a probe comes, with an SA. */
static enum liveness_news probe(void)
{
	enum liveness_news news;

	now += SECOND;
	news = liveness_book_settle(&m, now);
	liveness_book_sent(&m, cookie, now);
	return news;
}

static enum liveness_news answer(uint64_t after_us)
{
	return liveness_book_answer(&m, m.seq, cookie, m.sent_ns + after_us * 1000);
}

static void assert_counts(uint64_t sent, uint64_t received, uint64_t lost)
{
	assert_int_equal(m.sent, sent);
	assert_int_equal(m.received, received);
	assert_int_equal(m.lost, lost);
}

static void test_answered(void **unused)
{
	(void)unused;
	assert_int_equal(m.state, LIVENESS_IDLE);
	assert_int_equal(probe(), LIVENESS_NO_NEWS);
	assert_int_equal(m.state, LIVENESS_WAITING);
	assert_int_equal(answer(800), LIVENESS_NO_NEWS);
	assert_int_equal(m.state, LIVENESS_UP);
	assert_int_equal(m.rtt_us, 800);
	assert_int_equal(m.rtt_avg_us, 800);
	probe();
	answer(1600);
	assert_int_equal(m.rtt_us, 1600);
	assert_int_equal(m.rtt_avg_us, 900);
	assert_counts(2, 2, 0);
}

/* Down at the threshold, not before; told again after twice as many, up to a limit; an answer ends it. */
static void test_down_and_back(void **unused)
{
	static const unsigned told[] = {3, 6, 12, 24, 48, 96, 192, 288, 384};
	unsigned next = 0;

	(void)unused;
	probe();
	answer(100);
	probe();
	for (unsigned lost = 1; lost <= 400; lost++) {
		const bool due = next < sizeof(told) / sizeof(told[0]) && lost == told[next];

		assert_int_equal(probe(), due ? LIVENESS_DEAD : LIVENESS_NO_NEWS);
		assert_int_equal(m.state, lost < THRESHOLD ? LIVENESS_UP : LIVENESS_DOWN);
		next += due;
	}
	assert_int_equal(m.down_ns, 1000 * SECOND + (2 + THRESHOLD) * SECOND);
	assert_counts(402, 1, 400);
	assert_int_equal(answer(100), LIVENESS_BACK);
	assert_int_equal(m.state, LIVENESS_UP);
	for (unsigned lost = 0; lost < THRESHOLD; lost++)
		assert_int_equal(probe(), LIVENESS_NO_NEWS);
	assert_int_equal(probe(), LIVENESS_DEAD);
}

/* One answer in between, and the row begins anew. */
static void test_row(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(probe(), LIVENESS_NO_NEWS);
		if (i % THRESHOLD == THRESHOLD - 1)
			answer(100);
	}
	assert_int_equal(m.state, LIVENESS_UP);
}

static void test_only_its_own_answer_counts(void **unused)
{
	(void)unused;
	assert_int_equal(liveness_book_answer(&m, 0, cookie, now), LIVENESS_NO_NEWS);
	probe();
	liveness_book_answer(&m, m.seq, forged, now);
	liveness_book_answer(&m, (uint16_t)(m.seq + 1), cookie, now);
	liveness_book_answer(&m, (uint16_t)(m.seq - 1), cookie, now);
	assert_counts(1, 0, 0);
	answer(100);
	answer(100);
	assert_counts(1, 1, 0);
	/* Too late. */
	probe();
	probe();
	liveness_book_answer(&m, (uint16_t)(m.seq - 1), cookie, now);
	assert_counts(3, 1, 1);
}

static void test_idle(void **unused)
{
	(void)unused;
	probe();
	probe();
	probe();
	liveness_book_settle(&m, now);
	liveness_book_idle(&m);
	assert_int_equal(m.state, LIVENESS_DOWN);
	answer(100);
	assert_int_equal(m.state, LIVENESS_DOWN);
	probe();
	answer(100);
	liveness_book_idle(&m);
	assert_int_equal(m.state, LIVENESS_IDLE);
	assert_int_equal(liveness_book_settle(&m, now + 100 * SECOND), LIVENESS_NO_NEWS);
	assert_counts(4, 1, 3);
	/* Two lost before there was no SA are not in a row with what comes after. */
	probe();
	probe();
	liveness_book_settle(&m, now);
	liveness_book_idle(&m);
	probe();
	assert_int_equal(probe(), LIVENESS_NO_NEWS);
}

/* ---- echo ---- */

struct packet {
	struct iphdr ip;
	struct icmphdr icmp;
	uint8_t cookie[ECHO_COOKIE_SIZE];
};

static void seal(struct packet *p)
{
	const uint8_t *at = (const uint8_t *)&p->icmp;
	uint32_t sum = 0;

	p->icmp.checksum = 0;
	for (size_t i = 0; i < sizeof(*p) - sizeof(p->ip); i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	p->icmp.checksum = htons((uint16_t)~sum);
}

static struct packet reply(void)
{
	struct packet p = {
		.ip = {.version = 4,
		       .ihl = 5,
		       .protocol = IPPROTO_ICMP,
		       .saddr = htonl(0xc0000202),
		       .daddr = htonl(0xc0000201)},
		.icmp = {.type = ICMP_ECHOREPLY, .un.echo = {.id = htons(7), .sequence = htons(0x1234)}},
	};

	memcpy(p.cookie, cookie, sizeof(p.cookie));
	seal(&p);
	return p;
}

static void test_echo(void **unused)
{
	struct packet p = reply();
	struct echo e;

	(void)unused;
	assert_true(echo_parse(&p, sizeof(p), &e));
	assert_memory_equal(e.local, "\xc0\x00\x02\x01", 4);
	assert_memory_equal(e.remote, "\xc0\x00\x02\x02", 4);
	assert_int_equal(e.id, 7);
	assert_int_equal(e.seq, 0x1234);
	assert_memory_equal(e.cookie, cookie, sizeof(cookie));
}

static void assert_refused(struct packet p, size_t size)
{
	struct echo e;

	assert_false(echo_parse(&p, size, &e));
}

static void test_what_is_no_echo(void **unused)
{
	struct packet p;

	(void)unused;
	for (size_t size = 0; size < sizeof(p); size++)
		assert_refused(reply(), size);
	p = reply(), p.icmp.type = ICMP_ECHO, seal(&p), assert_refused(p, sizeof(p));
	p = reply(), p.icmp.code = 1, seal(&p), assert_refused(p, sizeof(p));
	p = reply(), p.cookie[3] ^= 1, assert_refused(p, sizeof(p));
	p = reply(), p.ip.version = 6, assert_refused(p, sizeof(p));
	p = reply(), p.ip.protocol = IPPROTO_UDP, assert_refused(p, sizeof(p));
	p = reply(), p.ip.ihl = 4, assert_refused(p, sizeof(p));
	p = reply(), p.ip.ihl = 15, assert_refused(p, sizeof(p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answered, setup),
		cmocka_unit_test_setup(test_down_and_back, setup),
		cmocka_unit_test_setup(test_row, setup),
		cmocka_unit_test_setup(test_only_its_own_answer_counts, setup),
		cmocka_unit_test_setup(test_idle, setup),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_what_is_no_echo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
