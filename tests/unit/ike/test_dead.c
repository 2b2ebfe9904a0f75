/* SPDX-License-Identifier: BSD-2-Clause */
/* Two engines: one is told that nothing comes through its SAs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "world.h"

static void begin(struct world *w, enum start_mode start)
{
	world_configure_both(w, start);
	engine_acquire(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 1, 0, 0);
	world_run(w, 500);
	assert_true(world_talks(w));
}

static void dead(struct world *w)
{
	engine_dead(w->hosts[0].engine, "c0");
	assert_null(world_bound(w, 0));
}

static void assert_one_pair(struct world *w)
{
	assert_true(world_talks(w));
	for (int host = 0; host < 2; host++) {
		assert_int_equal(world_ike_count(w, host), 1);
		assert_int_equal(world_child_count(w, host), 1);
		assert_int_equal(world_sa_count(w, host, true), 1);
		assert_int_equal(world_sa_count(w, host, false), 1);
	}
}

/* At once gone, soon there again, by other SPIs; the peer has heard of it. */
static void initiates_again(void **state)
{
	struct world *w = *state;
	uint32_t spi;

	begin(w, START_INITIATE);
	spi = world_bound(w, 0)->spec.spi;
	dead(w);
	assert_true(world_logged(w, 0, "its SAs carry nothing"));
	world_run(w, 10000);
	assert_one_pair(w);
	assert_int_not_equal(world_bound(w, 0)->spec.spi, spi);
}

/* The peer hears nothing of it: it has the SAs until it is told of new ones. */
static void initiates_again_unheard(void **state)
{
	struct world *w = *state;

	begin(w, START_INITIATE);
	w->filter = world_drop_all;
	dead(w);
	world_run(w, 1000);
	assert_int_equal(world_ike_count(w, 1), 1);
	w->filter = NULL;
	world_run(w, 30000);
	assert_one_pair(w);
}

static void traps_again(void **state)
{
	struct world *w = *state;
	unsigned sent;

	begin(w, START_TRAP);
	dead(w);
	world_run(w, 10000);
	assert_int_equal(world_ike_count(w, 0), 0);
	assert_int_equal(world_ike_count(w, 1), 0);
	sent = w->sent;
	world_run(w, 60000);
	assert_int_equal(w->sent, sent);
	engine_acquire(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 1, 0, 0);
	world_run(w, 5000);
	assert_one_pair(w);
}

/* In the midst of a rekey of the IKE SA, of a handshake, with nothing there, of another name. */
static void dies_at_any_time(void **state)
{
	struct world *w = *state;

	begin(w, START_INITIATE);
	engine_dead(w->hosts[0].engine, "somebody");
	assert_one_pair(w);
	engine_rekey(w->hosts[0].engine, "c0", NULL, true, 7);
	for (unsigned ms = 0; ms < 400; ms += 10) {
		world_run(w, 10);
		engine_dead(w->hosts[0].engine, "c0");
	}
	engine_dead(w->hosts[0].engine, "c0");
	world_run(w, 60000);
	assert_one_pair(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(initiates_again),
		TEST(initiates_again_unheard),
		TEST(traps_again),
		TEST(dies_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
