/* SPDX-License-Identifier: BSD-2-Clause */
/* IKE_SA_INIT, which is in the clear, so that anybody may forge it: questions, answers and cookies of nobody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"
#include "through.h"

/* ---- answers ---- */

/* Before the peer's answer to IKE_SA_INIT there is one of nobody's: without a payload, with one that must be known. */
static enum fate answer_before_the_peer(struct world *w, struct world_packet *p, void *arg)
{
	uint8_t forged[IKE_HEADER_SIZE + PAYLOAD_HEADER_SIZE] = {0};
	struct writer writer = {.data = forged, .room = sizeof(forged)};
	struct ike_header h;

	(void)arg;
	if (p->to != 0 || !header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_IKE_SA_INIT)
		return PASS;
	h.next = PAYLOAD_NONE;
	h.length = IKE_HEADER_SIZE;
	header_write(&writer, &h);
	engine_receive(w->hosts[0].engine, &p->path, forged, h.length);
	h.next = 200;
	h.length = sizeof(forged);
	writer.size = 0;
	header_write(&writer, &h);
	write_u32(&writer, 0x80 << 16 | PAYLOAD_HEADER_SIZE);
	engine_receive(w->hosts[0].engine, &p->path, forged, sizeof(forged));
	return PASS;
}

static void forged_answer_ends_nothing(void **state)
{
	struct world *w = *state;

	w->filter = answer_before_the_peer;
	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 400);
	assert_true(world_is_up(w));
}

/* The peer's own answer, with one thing another. */
enum spoilt { NO_SPI, OTHER_PROPOSAL, OTHER_HASH, OTHER_POINT, OTHER_POINT_AND_PORT, SPOILT };

static void change_payload(const struct world_packet *p, const struct payload *payload, size_t at)
{
	p->data[payload->data - p->data + (ptrdiff_t)at] ^= 1;
}

/* Of each notify about NAT a byte of the hash, or else of its type, so that it is none. */
static void change_hashes(const struct world_packet *p, const struct message *m, bool type)
{
	const struct payload *n;

	for (n = message_find(m, PAYLOAD_NOTIFY); n; n = message_next(m, n)) {
		const uint16_t kind = get_u16(n->data + 2);

		if (kind != NAT_DETECTION_SOURCE_IP && kind != NAT_DETECTION_DESTINATION_IP)
			continue;
		change_payload(p, n, type ? 2 : n->size - 1);
	}
}

static void spoil_answer(struct world_packet *p, enum spoilt how)
{
	static struct message m;

	assert_true(message_parse(&m, p->data, p->size));
	if (how == NO_SPI)
		memset(p->data + IKE_SPI_SIZE, 0, IKE_SPI_SIZE);
	else if (how == OTHER_PROPOSAL)
		change_payload(p, message_find(&m, PAYLOAD_SA), message_find(&m, PAYLOAD_SA)->size - 1);
	else if (how == OTHER_HASH)
		change_hashes(p, &m, false);
	else
		change_payload(p, message_find(&m, PAYLOAD_KE), 20);
	if (how == OTHER_POINT_AND_PORT) {
		change_hashes(p, &m, true);
		p->path.remote_port++;
	}
}

/* By number: each is spoilt in one way, and the peer's own is behind it; or there is none. */
struct spoiling {
	enum spoilt how;
	bool alone;
	unsigned count;
};

static enum fate spoilt_before_the_peer(struct world *w, struct world_packet *p, void *arg)
{
	struct spoiling *s = arg;
	struct world_packet forged = *p;
	struct ike_header h;

	if (p->to != 0 || !header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_IKE_SA_INIT)
		return PASS;
	forged.data = malloc(p->size);
	memcpy(forged.data, p->data, p->size);
	spoil_answer(&forged, s->how);
	engine_receive(w->hosts[0].engine, &forged.path, forged.data, forged.size);
	free(forged.data);
	s->count++;
	return s->alone ? DROP : PASS;
}

/* Whoever has seen the question can send one; the peer's own, which comes behind it, is taken as if there was none. */
static void forged_full_answer_ends_nothing(void **state)
{
	for (enum spoilt how = 0; how < SPOILT; how++) {
		for (int hands = 0; hands < 2; hands++) {
			struct spoiling s = {.how = how};
			struct world *w = *state;

			world_again(w, how);
			w->no_hands = !hands;
			w->filter = spoilt_before_the_peer;
			w->filter_arg = &s;
			world_configure_both(w, START_TRAP);
			world_initiate(w, 0);
			world_run(w, 400);
			assert_int_equal(s.count, 1);
			assert_true(world_is_up(w));
			assert_false(world_logged(w, 0, "IKE_SA_INIT"));
			world_rekey(w, 0, true);
			world_run(w, 1000);
			assert_true(world_is_up(w));
		}
	}
}

/* If it is the peer's own, and nothing better comes, that is what is told. */
static void spoilt_answer_is_told(void **state)
{
	static const char *const why[SPOILT] = {"with what was not offered", "with what was not offered",
						"there is a NAT", "its key exchange is not valid",
						"its key exchange is not valid"};

	for (enum spoilt how = 0; how < SPOILT; how++) {
		struct spoiling s = {.how = how, .alone = true};
		struct world *w = *state;

		world_again(w, how);
		w->filter = spoilt_before_the_peer;
		w->filter_arg = &s;
		world_configure_both(w, START_TRAP);
		world_initiate(w, 0);
		world_run(w, 300);
		assert_int_equal(world_ike_count(w, 0), 1);
		assert_int_equal(w->hosts[0].done_count, 0);
		world_run(w, 600);
		assert_true(world_logged(w, 0, why[how]));
		assert_int_equal(w->hosts[0].done_count, 1);
		assert_non_null(strstr(w->hosts[0].done_error, why[how]));
	}
}

/* ---- cookies that are asked for, and another question ---- */

struct cookies {
	size_t size;
	unsigned given;
};

/* Each IKE_SA_INIT is answered by another cookie. */
static enum fate endless_cookies(struct world *w, struct world_packet *p, void *arg)
{
	struct ike_header h;
	struct cookies *c = arg;
	static struct body b;
	uint8_t cookie[300], out[400];
	struct world_packet answer = *p;

	if (p->to != 1 || !header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_IKE_SA_INIT)
		return PASS;
	memset(cookie, (int)++c->given, sizeof(cookie));
	body_init(&b);
	notify_write(&b, COOKIE, cookie, c->size);
	h.flags = FLAG_RESPONSE;
	answer.to = 0;
	memcpy(answer.path.local, p->path.remote, 4);
	memcpy(answer.path.remote, p->path.local, 4);
	answer.data = out;
	answer.size = message_write(&h, &b, out, sizeof(out));
	world_inject(w, &answer, 1);
	return DROP;
}

/* It is followed a few times, and then no more than if nobody answered. */
static void cookies_without_end(void **state)
{
	struct cookies c = {.size = COOKIE_MAX};

	assert_failed(connect_through(state, endless_cookies, &c, 60000));
	assert_in_range(c.given, 6, 16);
}

/* 64 bytes at most (section 2.6): a longer one is none, and so is none at all. */
static void cookies_too_large(void **state)
{
	static const size_t sizes[] = {0, COOKIE_MAX + 1, 250};

	for (size_t i = 0; i < 3; i++) {
		struct cookies c = {.size = sizes[i]};
		struct world *w = connect_through(state, endless_cookies, &c, 2000);

		w->filter = NULL;
		world_run(w, 10000);
		assert_true(world_is_up(w));
		/* No other message than the first, sent again. */
		assert_in_range(c.given, 2, 4);
	}
}

/* Another request with the SPI and the size of one that is half-open: not answered by what that was answered. */
static enum fate other_with_its_spi(struct world *w, struct world_packet *p, void *arg)
{
	struct ike_header h;
	unsigned *answers = arg;

	if (!header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_IKE_SA_INIT)
		return h.exchange == EXCHANGE_IKE_AUTH ? DROP : PASS;
	if (p->to == 0) {
		(*answers)++;
		return PASS;
	}
	world_inject(w, p, 20);
	p->data[p->size - 1] ^= 1;
	world_inject(w, p, 30);
	p->data[p->size - 1] ^= 1;
	return PASS;
}

static void another_with_the_same_spi(void **state)
{
	unsigned answers = 0;

	connect_through(state, other_with_its_spi, &answers, 300);
	assert_int_equal(answers, 2);
}

/* ---- cookies in front of a question ---- */

/* The request without it has its answer already, which the peer reads when it has sent the one with it. */
static void cookie_is_not_needed_any_more(void **state)
{
	struct world *w = connect_through(state, ask_for_cookie, NULL, 200);

	assert_true(world_is_up(w));
	assert_false(world_logged(w, 1, "is not proven"));
}

/* With a cookie of eight bytes in front that nobody has made, before its IKE_AUTH comes. */
static enum fate forge_cookie(struct world *w, struct world_packet *p, void *arg)
{
	struct world_packet copy = *p;

	if (!packet_is_init_request(p))
		return PASS;
	copy.data = malloc(p->size);
	memcpy(copy.data, p->data, p->size);
	put_cookie(&copy, 8);
	world_inject(w, &copy, w->latency_ms + *(unsigned *)arg);
	free(copy.data);
	return PASS;
}

/* Whether it overtakes the true one, or comes behind it. */
static void a_forged_cookie_breaks_no_handshake(void **state)
{
	for (unsigned late = 0; late < 2; late++) {
		struct world *w = connect_through(state, forge_cookie, &late, 400);

		assert_true(world_is_up(w));
		assert_false(world_logged(w, 1, "is not proven"));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(forged_answer_ends_nothing),
		TEST(forged_full_answer_ends_nothing),
		TEST(spoilt_answer_is_told),
		TEST(cookies_without_end),
		TEST(cookies_too_large),
		TEST(another_with_the_same_spi),
		TEST(cookie_is_not_needed_any_more),
		TEST(a_forged_cookie_breaks_no_handshake),
	};

	return cmocka_run_group_tests_name("IKE_SA_INIT, forged", tests, NULL, NULL);
}
