/* SPDX-License-Identifier: BSD-2-Clause */
/* A timer whose room is reserved can be set, whatever memory there is then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/timers.h"

#define OBJECTS 100
#define EACH	5

static struct timer all[OBJECTS * EACH];

/* Most objects have few of their timers set when the next one is made, and more of them later. */
static void all_that_is_reserved_has_room(void **state)
{
	struct timers t = {0};
	uint64_t last = 0;
	size_t room;

	(void)state;
	for (unsigned i = 0; i < OBJECTS; i++)
		assert_true(timers_reserve(&t, EACH));
	room = t.room;
	for (unsigned i = 0; i < OBJECTS * EACH; i++) {
		timer_init(&all[i], TIMER_IKE_KICK);
		timer_set(&t, &all[i], (i * 7919) % 1009);
	}
	assert_int_equal(t.room, room);
	for (unsigned i = 0; i < OBJECTS * EACH; i++) {
		assert_true(timers_next(&t) >= last);
		last = timers_next(&t);
		assert_non_null(timers_take_due(&t, last));
	}
	assert_null(timers_take_due(&t, UINT64_MAX));
	timers_free(&t);
}

/* Of as many as there are at a time, not of all that there ever were. */
static void what_ends_leaves_its_room(void **state)
{
	struct timers t = {0};
	size_t room;

	(void)state;
	assert_true(timers_reserve(&t, EACH));
	room = t.room;
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(timers_reserve(&t, EACH));
		timers_release(&t, EACH);
	}
	assert_int_equal(t.room, room);
	timers_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_reserved_has_room),
		cmocka_unit_test(what_ends_leaves_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
