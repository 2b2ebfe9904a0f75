/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "slots.h"

static struct sa_state *table;
static struct replay_bitmap *bitmaps;

static int set_up(void **unused)
{
	(void)unused;
	table = calloc(SLOTS_MAX, sizeof(*table));
	bitmaps = calloc(SLOTS_MAX, sizeof(*bitmaps));
	return table && bitmaps ? 0 : -1;
}

static int tear_down(void **unused)
{
	(void)unused;
	free(table);
	free(bitmaps);
	return 0;
}

static uint32_t claim(uint32_t hint)
{
	uint32_t slot;

	assert_int_equal(slot_claim(table, bitmaps, hint, &slot), 0);
	return slot;
}

static void claims_from_the_hint_on(void **unused)
{
	(void)unused;
	assert_int_equal(claim(10), 10);
	assert_int_equal(claim(10), 11);
	assert_int_equal(claim(SLOTS_MAX - 1), SLOTS_MAX - 1);
	assert_int_equal(claim(SLOTS_MAX - 1), 0);
	assert_int_equal(claim(3 * SLOTS_MAX + 5), 5);
}

static void generation_tells_who_has_it(void **unused)
{
	uint32_t slot = claim(7), generation = slot_generation(table, slot);

	(void)unused;
	assert_int_equal(generation, 1);
	assert_true(slot_in_use(generation));
	slot_release(table, slot, generation);
	assert_int_equal(slot_generation(table, slot), 2);
	assert_false(slot_in_use(slot_generation(table, slot)));
	assert_int_equal(claim(7), slot);
	assert_int_equal(slot_generation(table, slot), 3);
}

static void release_takes_only_its_own(void **unused)
{
	uint32_t slot = claim(7);

	(void)unused;
	slot_release(table, slot, 1);
	slot_release(table, slot, 1);
	slot_release(table, slot, 2);
	assert_int_equal(slot_generation(table, slot), 2);
	claim(7);
	slot_release(table, slot, 1);
	assert_int_equal(slot_generation(table, slot), 3);
}

static void claim_clears_what_was_there(void **unused)
{
	static const struct replay_bitmap no_bits;
	struct sa_state fresh = {.generation = 5};

	(void)unused;
	memset(&table[9], 0xff, sizeof(table[9]));
	memset(&bitmaps[9], 0xff, sizeof(bitmaps[9]));
	table[9].generation = 4;
	assert_int_equal(claim(9), 9);
	assert_memory_equal(&table[9], &fresh, sizeof(fresh));
	assert_memory_equal(&bitmaps[9], &no_bits, sizeof(no_bits));
}

static void claim_leaves_the_neighbours(void **unused)
{
	struct sa_state other;

	(void)unused;
	memset(&table[8], 0xff, sizeof(other));
	memset(&table[10], 0xff, sizeof(other));
	other = table[8];
	assert_int_equal(claim(9), 9);
	assert_memory_equal(&table[8], &other, sizeof(other));
	assert_memory_equal(&table[10], &other, sizeof(other));
}

static void full_table(void **unused)
{
	uint32_t slot;

	(void)unused;
	for (uint32_t i = 0; i < SLOTS_MAX; i++)
		assert_int_equal(claim(0), i);
	assert_int_equal(slot_claim(table, bitmaps, 0, &slot), -ENOSPC);
	slot_release(table, 4711, 1);
	assert_int_equal(claim(0), 4711);
	assert_int_equal(slot_claim(table, bitmaps, 4711, &slot), -ENOSPC);
}

static void generation_wraps(void **unused)
{
	(void)unused;
	table[0].generation = UINT32_MAX - 1;
	assert_int_equal(claim(0), 0);
	assert_int_equal(slot_generation(table, 0), UINT32_MAX);
	slot_release(table, 0, UINT32_MAX);
	assert_int_equal(slot_generation(table, 0), 0);
	assert_int_equal(claim(0), 0);
}

#define ROUNDS 300000
#define NARROW 2

/* Claims a slot, holds it, and sees whether anyone else believes to have it too. */
static void *claim_and_release(void *arg)
{
	static uint32_t holders[SLOTS_MAX];
	uint32_t *clashes = arg, slot;

	for (int i = 0; i < ROUNDS; i++) {
		if (slot_claim(table, bitmaps, (uint32_t)i % NARROW, &slot) < 0)
			continue;
		if (__atomic_add_fetch(&holders[slot], 1, __ATOMIC_SEQ_CST) != 1)
			__atomic_add_fetch(clashes, 1, __ATOMIC_RELAXED);
		__atomic_sub_fetch(&holders[slot], 1, __ATOMIC_SEQ_CST);
		slot_release(table, slot, slot_generation(table, slot));
	}
	return NULL;
}

static void two_threads_never_hold_one_slot(void **unused)
{
	pthread_t threads[2];
	uint32_t clashes = 0, claims = 0;

	(void)unused;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, claim_and_release, &clashes), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(clashes, 0);
	for (uint32_t i = 0; i < SLOTS_MAX; i++) {
		assert_false(slot_in_use(slot_generation(table, i)));
		claims += slot_generation(table, i) / 2;
	}
	assert_int_equal(claims, 2 * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(claims_from_the_hint_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(generation_tells_who_has_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(release_takes_only_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(claim_clears_what_was_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(claim_leaves_the_neighbours, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(generation_wraps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_threads_never_hold_one_slot, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
