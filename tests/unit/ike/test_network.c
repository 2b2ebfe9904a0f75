/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole life over a network at its worst: each datagram lost, late, in another order, many times, cut at each byte;
 * with messages that are whole and with messages in fragments. What was up stays up, and no packet of traffic is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "one_ca.h"
#include "sealed.h"

#define HOUR 3600

static int setup_all(void **state)
{
	make_ca(state);
	pki.padding = 3000;
	return 0;
}

/* Host 0 is to initiate; IKE_AUTH is one datagram with a PSK, three each way with certificates. */
static void configure(struct world *w, bool fragments)
{
	for (int i = 1; i >= 0; i--) {
		struct connection_config *c = world_connection(w, i);

		if (fragments)
			pki_use(&pki, w, i, c, w->wall_s - HOUR, w->wall_s + HOUR);
		world_configure(w, i, c);
	}
}

/* IKE_SA_INIT, IKE_AUTH; rekey of the child by the one, of the IKE SA by the other, and the other way round; DELETE. */
static void live(struct world *w, bool fragments)
{
	configure(w, fragments);
	world_initiate(w, 0);
	world_run(w, 3000);
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_string_equal(w->hosts[0].done_error, "");
	assert_true(world_is_up(w));
	for (int i = 0; i < 4; i++) {
		world_rekey(w, i & 1, i & 2);
		assert_true(world_run_under_traffic(w, 6000));
		assert_true(world_is_up(w));
	}
	world_terminate(w, 0);
	world_run(w, 8000);
	assert_int_equal(w->hosts[0].done_count, 4);
	assert_true(world_is_down(w));
}

static unsigned datagrams_of_a_life(struct world *w, bool fragments)
{
	world_again(w, 0);
	live(w, fragments);
	return w->sent;
}

/* ---- one datagram ---- */

struct fault_of_one {
	unsigned number; /* of the datagram, from 1 */
	unsigned seen;
	uint64_t delay_ms; /* 0: it is lost */
	unsigned copies;
};

static enum fate one_is_hit(struct world *w, struct world_packet *p, void *arg)
{
	struct fault_of_one *f = arg;

	if (++f->seen != f->number)
		return PASS;
	for (unsigned i = 0; i < f->copies; i++)
		world_inject(w, p, f->delay_ms + i);
	return DROP;
}

/* Lives once for each datagram that a calm life has (a few more, for what is sent again). */
static void hit_each(struct world *w, bool fragments, uint64_t delay_ms, unsigned copies)
{
	const unsigned count = datagrams_of_a_life(w, fragments) + 2;

	for (unsigned n = 1; n <= count; n++) {
		struct fault_of_one f = {.number = n, .delay_ms = delay_ms, .copies = copies};

		world_again(w, n);
		w->filter = one_is_hit;
		w->filter_arg = &f;
		live(w, fragments);
	}
}

static void each_lost(void **state)
{
	hit_each(*state, false, 0, 0);
}

static void each_fragment_lost(void **state)
{
	assert_true(datagrams_of_a_life(*state, true) >= datagrams_of_a_life(*state, false) + 4);
	hit_each(*state, true, 0, 0);
}

/* A little later than what was sent behind it; and so late that it was sent again, or that the IKE SA is another. */
static void each_late(void **state)
{
	hit_each(*state, false, 40, 1);
	hit_each(*state, false, 700, 1);
	hit_each(*state, false, 7000, 1);
}

static void each_fragment_late(void **state)
{
	hit_each(*state, true, 40, 1);
	hit_each(*state, true, 700, 1);
}

static void each_many_times(void **state)
{
	hit_each(*state, false, 1, 5);
	hit_each(*state, true, 1, 5);
}

/* ---- all of them ---- */

static enum fate repeat_all(struct world *w, struct world_packet *p, void *arg)
{
	(void)arg;
	world_inject(w, p, 2);
	world_inject(w, p, 30);
	return PASS;
}

static void all_repeated(void **state)
{
	struct world *w = *state;

	for (int fragments = 0; fragments < 2; fragments++) {
		world_again(w, 0);
		w->filter = repeat_all;
		live(w, fragments);
	}
}

/* Each takes a time of its own, so that they overtake each other and their own retransmissions. */
static enum fate shuffle_all(struct world *w, struct world_packet *p, void *arg)
{
	uint32_t *seed = arg;

	*seed = *seed * 1664525 + 1013904223;
	world_inject(w, p, 1 + (*seed >> 8) % 900);
	return DROP;
}

static void all_out_of_order(void **state)
{
	struct world *w = *state;

	for (uint32_t seed = 1; seed <= 20; seed++) {
		uint32_t s = seed;

		world_again(w, seed);
		w->filter = shuffle_all;
		w->filter_arg = &s;
		live(w, seed & 1);
	}
}

/* Of fragments, the last first. */
static enum fate last_first(struct world *w, struct world_packet *p, void *arg)
{
	struct ike_header h;

	(void)arg;
	if (!header_parse(p->data, p->size, &h) || h.next != PAYLOAD_SKF)
		return PASS;
	world_inject(w, p, 20U - get_u16(p->data + 32));
	return DROP;
}

static void fragments_backwards(void **state)
{
	struct world *w = *state;

	w->filter = last_first;
	live(w, true);
}

/* ---- cut ---- */

/* Each datagram also comes cut at each byte, before the whole one; and with a length that fits, so that the payloads
 * inside are cut. */
static enum fate cut_all(struct world *w, struct world_packet *p, void *arg)
{
	(void)arg;
	for (size_t size = 0; size < p->size; size++) {
		uint8_t *copy = malloc(size + 1);

		memcpy(copy, p->data, size);
		engine_receive(w->hosts[p->to].engine, &p->path, copy, size);
		if (size >= IKE_HEADER_SIZE) {
			put_u16(copy + 26, (unsigned)size);
			engine_receive(w->hosts[p->to].engine, &p->path, copy, size);
		}
		free(copy);
	}
	return PASS;
}

static void all_cut(void **state)
{
	struct world *w = *state;

	for (int fragments = 0; fragments < 2; fragments++) {
		world_again(w, 0);
		w->filter = cut_all;
		live(w, fragments);
	}
}

/* The same by who has the keys: cut inside SK, and sealed again. */
struct cut_inside {
	uint8_t exchange;
	bool response;
	size_t size; /* what is left */
	size_t whole;
};

static enum fate cut_inside(struct world *w, struct world_packet *p, void *arg)
{
	struct cut_inside *c = arg;
	static struct sealed s;

	if (!sealed_open(w, p, &s) || s.header.exchange != c->exchange ||
	    !!(s.header.flags & FLAG_RESPONSE) != c->response || c->whole)
		return PASS;
	c->whole = s.size;
	if (s.size > c->size)
		s.size = c->size;
	sealed_put(w, p, &s);
	return PASS;
}

static bool has_both_or_none(struct world *w)
{
	return world_sa_count(w, 0, true) == world_sa_count(w, 0, false) &&
	       world_sa_count(w, 1, true) == world_sa_count(w, 1, false);
}

/* It ends that IKE SA at most: afterwards nothing is left of it, and another one comes up. */
static void cut_inside_each(struct world *w, uint8_t exchange, bool response, size_t step)
{
	size_t whole = SIZE_MAX;

	for (size_t size = 0; size < whole; size += step) {
		struct cut_inside c = {.exchange = exchange, .response = response, .size = size};

		world_again(w, size);
		w->filter = cut_inside;
		w->filter_arg = &c;
		configure(w, false);
		world_initiate(w, 0);
		world_run(w, 500);
		world_rekey(w, 0, false);
		world_run(w, 500);
		assert_true(c.whole);
		whole = c.whole;
		w->filter = NULL;
		world_run(w, 60000);
		assert_true(has_both_or_none(w));
		world_terminate(w, 0);
		world_terminate(w, 1);
		world_run(w, 30000);
		assert_true(world_is_down(w));
		world_initiate(w, 0);
		world_run(w, 1000);
		assert_true(world_is_up(w));
	}
}

static void cut_inside_by_initiator(void **state)
{
	cut_inside_each(*state, EXCHANGE_IKE_AUTH, false, 1);
	cut_inside_each(*state, EXCHANGE_CREATE_CHILD_SA, false, 3);
}

static void cut_inside_by_responder(void **state)
{
	cut_inside_each(*state, EXCHANGE_IKE_AUTH, true, 1);
	cut_inside_each(*state, EXCHANGE_CREATE_CHILD_SA, true, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_lost),
		TEST(each_fragment_lost),
		TEST(each_late),
		TEST(each_fragment_late),
		TEST(each_many_times),
		TEST(all_repeated),
		TEST(all_out_of_order),
		TEST(fragments_backwards),
		TEST(all_cut),
		TEST(cut_inside_by_initiator),
		TEST(cut_inside_by_responder),
	};

	return cmocka_run_group_tests_name("IKE over a bad network", tests, setup_all, free_ca);
}
