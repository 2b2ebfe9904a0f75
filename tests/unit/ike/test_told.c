/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engine tells as events: each thing once, and an end for each beginning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "ike/world.h"

static unsigned count(const struct world *w, int host, const char *event)
{
	const char *at = w->hosts[host].told;
	unsigned n = 0;

	for (; (at = strstr(at, event)); at += strlen(event))
		n += at == w->hosts[host].told || at[-1] == '\n';
	return n;
}

static const char *connection(const struct world *w, int host)
{
	return strchr(w->hosts[host].told, ' ');
}

static void up(struct world *w)
{
	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 1000);
	assert_true(world_is_up(w));
}

/* On both: who began a rekey, and who only answered. */
static void test_a_life(void **state)
{
	struct world *w = *state;

	up(w);
	for (int host = 0; host < 2; host++) {
		assert_int_equal(count(w, host, "ike_sa_made "), 1);
		assert_int_equal(count(w, host, "child_sa_made "), 1);
		assert_int_equal(count(w, host, "connection_up "), 1);
		assert_int_not_equal(strncmp(connection(w, host), " -", 2), 0);
	}
	world_rekey(w, 0, false);
	world_run(w, 5000);
	world_rekey(w, 1, true);
	world_run(w, 5000);
	for (int host = 0; host < 2; host++) {
		assert_int_equal(count(w, host, "child_sa_made "), 1);
		assert_int_equal(count(w, host, "child_sa_rekeyed "), 1);
		assert_int_equal(count(w, host, "child_sa_deleted "), 1);
		assert_int_equal(count(w, host, "ike_sa_rekeyed "), 1);
		assert_int_equal(count(w, host, "ike_sa_deleted "), 1);
		assert_int_equal(count(w, host, "connection_down "), 0);
	}
	world_terminate(w, 0);
	world_run(w, 60000);
	assert_true(world_is_down(w));
	for (int host = 0; host < 2; host++) {
		assert_int_equal(count(w, host, "child_sa_deleted "), 2);
		assert_int_equal(count(w, host, "ike_sa_deleted "), 2);
		assert_int_equal(count(w, host, "connection_up "), 1);
		assert_int_equal(count(w, host, "connection_down "), 1);
		assert_int_equal(count(w, host, "connection_failed "), 0);
	}
}

/* However many rekeys cross each other, what has begun ends once. */
static void test_both_rekey(void **state)
{
	struct world *w = *state;

	up(w);
	for (int i = 0; i < 5; i++) {
		for (int host = 0; host < 2; host++)
			world_rekey(w, host, i & 1);
		world_run(w, 40000);
	}
	world_terminate(w, 1);
	world_run(w, 90000);
	assert_true(world_is_down(w));
	for (int host = 0; host < 2; host++) {
		assert_int_equal(count(w, host, "child_sa_made ") + count(w, host, "child_sa_rekeyed "),
				 count(w, host, "child_sa_deleted "));
		assert_int_equal(count(w, host, "ike_sa_made ") + count(w, host, "ike_sa_rekeyed "),
				 count(w, host, "ike_sa_deleted "));
		assert_int_equal(count(w, host, "connection_up "), 1);
		assert_int_equal(count(w, host, "connection_down "), 1);
	}
}

/* Each attempt is one; nothing that never was there is told to be gone. */
static void test_nobody_answers(void **state)
{
	struct world *w = *state;

	w->filter = world_drop_all;
	world_configure_both(w, START_INITIATE);
	world_run(w, 200000);
	assert_true(count(w, 0, "connection_failed ") >= 2);
	assert_int_equal(count(w, 0, "ike_sa_deleted "), 0);
	assert_int_equal(count(w, 0, "connection_down "), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_life),
		TEST(test_both_rekey),
		TEST(test_nobody_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
