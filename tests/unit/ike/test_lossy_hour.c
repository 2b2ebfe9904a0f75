/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An hour on a cable that loses half of what IKE says: what ends in it comes up again, nothing is there twice, and what
 * one end seals the other opens. Keys change every two minutes, and the IKE SA every ten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

#define HOUR_S 3600
#define SEEDS  20
/* What was asked last has its answer or is given up in 24 s, and is tried again after 60 at most. */
#define CALM_S 90
/*
 * Seconds without traffic, of one hour and of an hour on the average of all seeds. Measured: 312, and 157 where one end
 * begins, 112 where both do. With four tries of a message instead of six the average is 266, without the answer that is
 * kept 845 and 479.
 */
#define DOWN_MOST_S 500
#define DOWN_MEAN_S 200
/* Of each kind at any time: the one that carries, its heir, another IKE SA that is tried beside, and theirs. */
#define AT_ONCE_MOST 6

static enum fate lose_half(struct world *w, struct world_packet *p, void *arg)
{
	uint64_t *chance = arg;

	(void)w;
	(void)p;
	*chance ^= *chance >> 12;
	*chance ^= *chance << 25;
	*chance ^= *chance >> 27;
	return *chance * 0x2545f4914f6cdd1dULL >> 63 ? PASS : DROP;
}

static void configure(struct world *w, enum start_mode second)
{
	for (int i = 1; i >= 0; i--) {
		struct connection_config *c = world_connection(w, i);

		c->start = i ? second : START_INITIATE;
		c->rekey_ms = 120000;
		c->lifetime_ms = 140000;
		c->ike_rekey_ms = 600000;
		world_configure(w, i, c);
	}
}

/* How many seconds of the hour nothing got through, one way or the other. */
static unsigned live_an_hour(struct world *w)
{
	unsigned down = 0;

	for (int s = 0; s < HOUR_S; s++) {
		world_run(w, 1000);
		down += !world_talks(w);
		for (int i = 0; i < 2; i++) {
			assert_in_range(world_ike_count(w, i), 0, AT_ONCE_MOST);
			assert_in_range(world_child_count(w, i), 0, AT_ONCE_MOST);
		}
	}
	return down;
}

static void nothing_is_there_twice(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		struct world_sa *out = world_bound(w, i);

		assert_non_null(out);
		assert_non_null(world_partner(w, i, out)); /* with the same key */
		assert_int_equal(world_sa_count(w, i, true), 1);
		assert_int_equal(world_sa_count(w, i, false), 1);
	}
}

static void half_is_lost(struct world *w, enum start_mode second)
{
	unsigned down_in_all = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint64_t chance = seed;
		unsigned down;

		world_again(w, seed);
		w->filter = lose_half;
		w->filter_arg = &chance;
		configure(w, second);
		down = live_an_hour(w);
		if (down > DOWN_MOST_S)
			fail_msg("seed %llu: nothing got through for %u s of an hour", (unsigned long long)seed, down);
		down_in_all += down;
		w->filter = NULL;
		for (int s = 0; s < CALM_S && !world_is_up(w); s++)
			world_run(w, 1000);
		world_run(w, 4000); /* what was replaced has gone */
		assert_true(world_is_up(w));
		nothing_is_there_twice(w);
	}
	assert_in_range(down_in_all / SEEDS, 0, DOWN_MEAN_S);
}

static void one_begins(void **state)
{
	half_is_lost(*state, START_RESPOND);
}

static void both_begin(void **state)
{
	half_is_lost(*state, START_INITIATE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_begins),
		TEST(both_begin),
	};

	return cmocka_run_group_tests_name("IKE that loses half of its messages for an hour", tests, NULL, NULL);
}
