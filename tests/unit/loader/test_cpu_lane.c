/* SPDX-License-Identifier: BSD-2-Clause */
/* Which lane serves what a CPU sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/cpu_lane.h"

static void test_one_lane_is_none(void **unused)
{
	(void)unused;
	assert_int_equal(cpu_lane_of(0, 0, ""), 0);
	assert_int_equal(cpu_lane_of(5, 1, ""), 0);
	assert_int_equal(cpu_lane_of(5, 1, "5"), 0);
}

static void test_round_and_round(void **unused)
{
	(void)unused;
	for (unsigned cpu = 0; cpu < 100; cpu++)
		assert_int_equal(cpu_lane_of(cpu, 3, ""), 1 + cpu % 3);
}

/* Lanes 0, 1, 2 and 3 are on 4, 5, 9 and again 4. */
static void test_pinned(void **unused)
{
	(void)unused;
	assert_int_equal(cpu_lane_of(4, 4, "4-5,9"), 1);
	assert_int_equal(cpu_lane_of(5, 4, "4-5,9"), 2);
	assert_int_equal(cpu_lane_of(9, 4, "4-5,9"), 3);
	/* More CPUs than lanes; and one that no lane is on. */
	assert_int_equal(cpu_lane_of(9, 2, "4-5,9"), 1);
	assert_int_equal(cpu_lane_of(7, 2, "4-5,9"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_lane_is_none),
		cmocka_unit_test(test_round_and_round),
		cmocka_unit_test(test_pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
