/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is left for later versions of IKE (RFC 7296 section 2.5): numbers of versions, payloads that nobody knows yet,
 * fields that are reserved; and what is said so that none need be sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"
#include "sealed.h"

#define VERSION_AT 17
#define UNKNOWN	   200 /* type of a payload */
#define CRITICAL   0x80

static void up(struct world *w)
{
	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	assert_true(world_is_up(w));
}

static void renew_all(struct world *w)
{
	for (int i = 0; i < 4; i++) {
		world_rekey(w, i & 1, i & 2);
		assert_true(world_run_under_traffic(w, 3000));
		assert_true(world_is_up(w));
	}
}

/* ---- versions ---- */

struct version {
	uint8_t sent;
	unsigned answers; /* that say which one is spoken here */
};

static enum fate init_of_version(struct world *w, struct world_packet *p, void *arg)
{
	struct version *v = arg;
	struct message m;

	(void)w;
	if (packet_is_init_request(p)) {
		p->data[VERSION_AT] = v->sent;
	} else if (p->to == 0 && message_parse(&m, p->data, p->size)) {
		assert_true(message_notify(&m, INVALID_MAJOR_VERSION, NULL));
		assert_int_equal(m.header.version, IKE_VERSION);
		assert_int_equal(m.header.flags, FLAG_RESPONSE);
		assert_int_equal(m.header.id, 0);
		v->answers++;
	}
	return PASS;
}

static void another_major_version_is_not_taken(void **state)
{
	static const uint8_t versions[] = {0x30, 0xff, 0x10, 0x00};

	for (size_t i = 0; i < sizeof(versions); i++) {
		struct version v = {.sent = versions[i]};
		struct world *w = *state;

		world_again(w, i);
		w->filter = init_of_version;
		w->filter_arg = &v;
		world_configure_both(w, START_TRAP);
		world_initiate(w, 0);
		world_run(w, 300);
		/* What is older than 2 is told nothing: it would not understand. */
		assert_int_equal(v.answers, versions[i] > IKE_VERSION);
		assert_int_equal(world_ike_count(w, 1), 0);
	}
}

/* ---- what is reserved ---- */

static void fill(struct sealed *s, uint8_t type, size_t offset, size_t size)
{
	const int at = sealed_find(s, type, 0);

	if (at >= 0)
		memset(s->data + at + offset, 0xff, size);
}

/* Bits and fields that are zero in this version, the minor version, and that all payloads are critical, which they are
 * known to be. */
static enum fate fill_reserved(struct world *w, struct world_packet *p, void *arg)
{
	static struct sealed s;

	if (!sealed_open(w, p, &s) || s.header.exchange == EXCHANGE_IKE_AUTH)
		return PASS;
	s.header.version |= 0x0f;
	s.header.flags |= (uint8_t) ~(FLAG_INITIATOR | FLAG_RESPONSE);
	for (size_t at = 0; at < s.size; at += get_u16(s.data + at + 2))
		s.data[at + 1] = 0xff;
	fill(&s, PAYLOAD_SA, 5, 1);
	fill(&s, PAYLOAD_KE, 6, 2);
	fill(&s, PAYLOAD_TSI, 5, 3);
	fill(&s, PAYLOAD_TSR, 5, 3);
	sealed_put(w, p, &s);
	++*(unsigned *)arg;
	return PASS;
}

static void what_is_reserved_does_not_matter(void **state)
{
	struct world *w = *state;
	unsigned changed = 0;

	up(w);
	w->filter = fill_reserved;
	w->filter_arg = &changed;
	renew_all(w);
	assert_true(changed >= 16);
}

/* What is written has zeros there. */
static enum fate look_at_reserved(struct world *w, struct world_packet *p, void *arg)
{
	static struct sealed s;

	if (!sealed_open(w, p, &s))
		return PASS;
	assert_int_equal(s.header.version, IKE_VERSION);
	assert_int_equal(s.header.flags & ~(FLAG_INITIATOR | FLAG_RESPONSE), 0);
	for (size_t at = 0; at < s.size; at += get_u16(s.data + at + 2))
		assert_int_equal(s.data[at + 1], 0);
	++*(unsigned *)arg;
	return PASS;
}

static void what_is_reserved_is_zero(void **state)
{
	struct world *w = *state;
	unsigned seen = 0;

	w->filter = look_at_reserved;
	w->filter_arg = &seen;
	up(w);
	renew_all(w);
	assert_true(seen >= 18);
}

/* ---- payloads that nobody knows ---- */

struct unknown {
	uint8_t flags; /* of the payload */
	bool in_answers;
	unsigned added;
	unsigned refused; /* answers that name it */
};

static bool is_refusal(const struct sealed *s)
{
	const int at = sealed_notify(s, UNSUPPORTED_CRITICAL_PAYLOAD);

	return at >= 0 && get_u16(s->data + at + 2) == 9 && s->data[at + 8] == UNKNOWN;
}

static enum fate add_unknown(struct world *w, struct world_packet *p, void *arg)
{
	struct unknown *u = arg;
	static struct sealed s;

	if (!sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_CREATE_CHILD_SA)
		return PASS;
	u->refused += is_refusal(&s);
	if (!(s.header.flags & FLAG_RESPONSE) == u->in_answers)
		return PASS;
	sealed_add(&s, UNKNOWN, "later", 5);
	s.data[1] = u->flags;
	sealed_put(w, p, &s);
	u->added++;
	return PASS;
}

static void what_need_not_be_known_is_passed_over(void **state)
{
	for (int in_answers = 0; in_answers < 2; in_answers++) {
		struct unknown u = {.in_answers = in_answers};
		struct world *w = *state;

		world_again(w, 0);
		up(w);
		w->filter = add_unknown;
		w->filter_arg = &u;
		renew_all(w);
		assert_int_equal(u.added, 4);
	}
}

/* A request gets an answer that names it, an answer is as none; what was there is there. */
static void what_must_be_known_is_refused(void **state)
{
	for (int in_answers = 0; in_answers < 2; in_answers++) {
		struct unknown u = {.flags = CRITICAL, .in_answers = in_answers};
		struct world *w = *state;
		uint32_t spi;

		world_again(w, 0);
		up(w);
		spi = inside_child(w, 0)->in.spi;
		w->filter = add_unknown;
		w->filter_arg = &u;
		world_rekey(w, 0, false);
		world_run(w, 2000);
		assert_int_equal(u.added, 1);
		assert_int_equal(u.refused, in_answers ? 0 : 1);
		assert_int_equal(inside_child(w, 0)->in.spi, spi);
		assert_true(world_talks(w));
	}
}

/* In IKE_SA_INIT, which is in the clear. */
static enum fate add_unknown_to_init(struct world *w, struct world_packet *p, void *arg)
{
	struct unknown *u = arg;
	struct message m;
	uint8_t *longer;

	(void)w;
	if (p->to == 0 && message_parse(&m, p->data, p->size)) {
		struct notify n;

		u->refused += message_notify(&m, UNSUPPORTED_CRITICAL_PAYLOAD, &n) && n.size == 1 && *n.data == UNKNOWN;
	}
	if (!packet_is_init_request(p))
		return PASS;
	longer = malloc(p->size + PAYLOAD_HEADER_SIZE);
	assert_non_null(longer);
	memcpy(longer, p->data, IKE_HEADER_SIZE);
	memcpy(longer + IKE_HEADER_SIZE + PAYLOAD_HEADER_SIZE, p->data + IKE_HEADER_SIZE, p->size - IKE_HEADER_SIZE);
	longer[IKE_HEADER_SIZE] = longer[16];
	longer[IKE_HEADER_SIZE + 1] = u->flags;
	put_u16(longer + IKE_HEADER_SIZE + 2, PAYLOAD_HEADER_SIZE);
	longer[16] = UNKNOWN;
	free(p->data);
	p->data = longer;
	p->size += PAYLOAD_HEADER_SIZE;
	put_u16(longer + IKE_HEADER_SIZE - 2, (unsigned)p->size);
	u->added++;
	return PASS;
}

static void what_must_be_known_at_first(void **state)
{
	struct unknown u = {.flags = CRITICAL};
	struct world *w = *state;

	w->filter = add_unknown_to_init;
	w->filter_arg = &u;
	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 200);
	assert_true(u.added > 0 && u.refused == u.added);
	assert_int_equal(world_ike_count(w, 1), 0);
}

/* ---- ESP ---- */

static enum fate look_for_tfc(struct world *w, struct world_packet *p, void *arg)
{
	static struct sealed s;

	if (!sealed_open(w, p, &s) || sealed_find(&s, PAYLOAD_TSI, 0) < 0)
		return PASS;
	assert_true(sealed_notify(&s, ESP_TFC_PADDING_NOT_SUPPORTED) >= 0);
	++*(unsigned *)arg;
	return PASS;
}

/* By who asks and by who answers, with each child: RFC 7296 section 1.3.1. */
static void tfc_padding_is_declined(void **state)
{
	struct world *w = *state;
	unsigned seen = 0;

	w->filter = look_for_tfc;
	w->filter_arg = &seen;
	up(w);
	world_rekey(w, 1, false);
	world_run(w, 2000);
	assert_int_equal(seen, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_major_version_is_not_taken),
		TEST(what_is_reserved_does_not_matter),
		TEST(what_is_reserved_is_zero),
		TEST(what_need_not_be_known_is_passed_over),
		TEST(what_must_be_known_is_refused),
		TEST(what_must_be_known_at_first),
		TEST(tfc_padding_is_declined),
	};

	return cmocka_run_group_tests_name("IKE, other versions", tests, NULL, NULL);
}
