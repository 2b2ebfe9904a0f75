/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "maps/slots.h"
#include "maps/turns.h"

static struct maps maps;
static struct sa_state *table;
static struct replay_bitmap *bitmaps;

static int set_up(void **unused)
{
	(void)unused;
	table = calloc(SLOTS_DEFAULT, sizeof(*table));
	bitmaps = calloc(SLOTS_DEFAULT, sizeof(*bitmaps));
	maps = (struct maps){.slots = SLOTS_DEFAULT,
			     .sa = table,
			     .bitmaps = bitmaps,
			     .turns = calloc(1, sizeof(struct turns)),
			     .free = calloc(1, sizeof(struct free_slots))};
	return table && bitmaps && maps.turns ? 0 : -1;
}

static int tear_down(void **unused)
{
	(void)unused;
	free(table);
	free(bitmaps);
	free(maps.turns);
	free(maps.free);
	return 0;
}

static uint32_t claim(uint32_t hint)
{
	uint32_t slot;

	assert_int_equal(slot_claim(&maps, hint, &slot), 0);
	return slot;
}

static void claims_from_the_hint_on(void **unused)
{
	(void)unused;
	assert_int_equal(claim(10), 10);
	assert_int_equal(claim(10), 11);
	assert_int_equal(claim(SLOTS_DEFAULT - 1), SLOTS_DEFAULT - 1);
	assert_int_equal(claim(SLOTS_DEFAULT - 1), 0);
	assert_int_equal(claim(3 * SLOTS_DEFAULT + 5), 5);
}

static void generation_tells_who_has_it(void **unused)
{
	uint32_t slot = claim(7), generation = slot_generation(table, slot);

	(void)unused;
	assert_int_equal(generation, 1);
	assert_true(slot_in_use(generation));
	slot_release(&maps, slot, generation);
	assert_int_equal(slot_generation(table, slot), 2);
	assert_false(slot_in_use(slot_generation(table, slot)));
	assert_int_equal(claim(7), slot);
	assert_int_equal(slot_generation(table, slot), 3);
}

static void release_takes_only_its_own(void **unused)
{
	uint32_t slot = claim(7);

	(void)unused;
	slot_release(&maps, slot, 1);
	slot_release(&maps, slot, 1);
	slot_release(&maps, slot, 2);
	assert_int_equal(slot_generation(table, slot), 2);
	claim(7);
	slot_release(&maps, slot, 1);
	assert_int_equal(slot_generation(table, slot), 3);
}

static void claim_clears_what_was_there(void **unused)
{
	static const struct replay_bitmap no_bits;
	struct sa_state fresh = {.generation = 5, .released = 5};

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

/* Neither what is claimed and not filled yet, nor what is reserved; and a copy. */
static void reads_what_is_there(void **unused)
{
	const uint32_t slot = claim(7);
	struct sa_state sa;

	(void)unused;
	assert_false(slot_read(&maps, 8, &sa));
	assert_false(slot_read(&maps, slot, &sa));
	table[slot].direction = SA_OUTBOUND;
	assert_false(slot_read(&maps, slot, &sa));
	table[slot].spi = 0x1001;
	table[slot].direction = SA_INBOUND;
	assert_false(slot_read(&maps, slot, &sa));
	table[slot].replay_window = 64;
	assert_true(slot_read(&maps, slot, &sa));
	assert_memory_equal(&sa, &table[slot], sizeof(sa));
	table[slot].direction = SA_OUTBOUND;
	table[slot].replay_window = 0;
	assert_true(slot_read(&maps, slot, &sa));
	slot_release(&maps, slot, 1);
	assert_false(slot_read(&maps, slot, &sa));
}

static void full_table(void **unused)
{
	uint32_t slot;

	(void)unused;
	for (uint32_t i = 0; i < SLOTS_DEFAULT; i++)
		assert_int_equal(claim(0), i);
	assert_int_equal(slot_claim(&maps, 0, &slot), -ENOSPC);
	slot_release(&maps, 4711, 1);
	assert_int_equal(claim(0), 4711);
	assert_int_equal(slot_claim(&maps, 4711, &slot), -ENOSPC);
}

static void generation_wraps(void **unused)
{
	(void)unused;
	table[0].generation = UINT32_MAX - 1;
	assert_int_equal(claim(0), 0);
	assert_int_equal(slot_generation(table, 0), UINT32_MAX);
	slot_release(&maps, 0, UINT32_MAX);
	assert_int_equal(slot_generation(table, 0), 0);
	assert_int_equal(claim(0), 0);
}

#define ROUNDS 300000
#define NARROW 2

/* Claims a slot, holds it, and sees whether anyone else believes to have it too. */
static void *claim_and_release(void *arg)
{
	static uint32_t holders[SLOTS_DEFAULT];
	uint32_t *clashes = arg, slot;

	for (int i = 0; i < ROUNDS; i++) {
		if (slot_claim(&maps, (uint32_t)i % NARROW, &slot) < 0)
			continue;
		if (__atomic_add_fetch(&holders[slot], 1, __ATOMIC_SEQ_CST) != 1)
			__atomic_add_fetch(clashes, 1, __ATOMIC_RELAXED);
		__atomic_sub_fetch(&holders[slot], 1, __ATOMIC_SEQ_CST);
		slot_release(&maps, slot, slot_generation(table, slot));
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
	for (uint32_t i = 0; i < SLOTS_DEFAULT; i++) {
		assert_false(slot_in_use(slot_generation(table, i)));
		claims += slot_generation(table, i) / 2;
	}
	assert_int_equal(claims, 2 * ROUNDS);
}

/* ---- while a worker may still use it ---- */

static const uint32_t lanes[] = {0, 1, LANES_MAX - 1};

static void assert_free(bool expected)
{
	uint32_t slot;

	assert_int_equal(slot_claim(&maps, 7, &slot), 0);
	assert_int_equal(slot == 7, expected);
	slot_release(&maps, slot, slot_generation(table, slot));
}

/* Slot 7 was in use, and is not any more. */
static void give_back(void)
{
	claim(7);
	slot_release(&maps, 7, slot_generation(table, 7));
}

static void not_free_in_the_turn_in_which_it_was_given_back(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		turn_begin(maps.turns, lanes[i]);
		give_back();
		assert_free(false);
		assert_free(false);
		turn_end(maps.turns, lanes[i]);
		assert_free(true);
	}
}

static void free_in_the_next_turn_without_a_rest(void **unused)
{
	(void)unused;
	turn_begin(maps.turns, 0);
	claim(7);
	turn_begin(maps.turns, 0);
	slot_release(&maps, 7, slot_generation(table, 7));
	assert_free(false);
	turn_begin(maps.turns, 0);
	assert_free(true);
}

static void every_lane_counts(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 3; i++)
		turn_begin(maps.turns, lanes[i]);
	give_back();
	turn_begin(maps.turns, lanes[0]);
	turn_end(maps.turns, lanes[1]);
	assert_free(false);
	turn_begin(maps.turns, lanes[2]);
	assert_free(true);
}

static void given_back_at_rest_is_free_in_the_turn_that_follows(void **unused)
{
	(void)unused;
	give_back();
	turn_begin(maps.turns, 0);
	assert_free(true);
}

/* Killed after the generation was written: whoever starts next finds the slot, and the one who wants it does the rest.
 */
static void owner_killed_while_giving_back(void **unused)
{
	(void)unused;
	turn_begin(maps.turns, 0);
	claim(7);
	table[7].generation++;
	slots_mend(&maps);
	assert_free(false);
	turn_begin(maps.turns, 0);
	assert_free(true);
}

/* The last number is of another generation, and says nothing of this one. */
static void an_old_number_is_none(void **unused)
{
	(void)unused;
	give_back();
	table[7].generation += 2;
	turn_begin(maps.turns, 0);
	assert_free(false);
	turn_begin(maps.turns, 0);
	assert_free(true);
}

/* The slots that it did not see are free all the time; the rest when another has started, or none is to. */
static void worker_killed_in_its_turn(void **unused)
{
	(void)unused;
	turn_begin(maps.turns, 0);
	give_back();
	assert_free(false);
	turn_end(maps.turns, 0);
	assert_free(true);
	for (size_t i = 0; i < 3; i++)
		turn_begin(maps.turns, lanes[i]);
	give_back();
	assert_free(false);
	turns_abandon(maps.turns);
	assert_free(true);
}

#define CHANGES 200000
#define PAUSES	64

/* What the worker does, on the one slot there is: the numbers that it takes for a key, which only go up. */
struct taker {
	bool stop;
	uint32_t tag; /* of packets: the generation that was published last */
	uint64_t taken;
	uint64_t repeated;
};

static void *take_numbers(void *arg)
{
	struct taker *t = arg;
	uint32_t generation = 0;
	uint64_t last = 0;

	while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		turn_begin(maps.turns, 0);
		for (int i = 0; i < 8; i++) {
			const uint32_t now = __atomic_load_n(&t->tag, __ATOMIC_ACQUIRE);
			uint64_t seq;

			if (!now || slot_generation(table, 0) != now)
				continue;
			for (volatile uint64_t pause = 0; pause < t->taken % PAUSES; pause++)
				;
			seq = __atomic_add_fetch(&table[0].seq, 1, __ATOMIC_RELAXED);
			t->repeated += now == generation && seq <= last;
			generation = now;
			last = seq;
			t->taken++;
		}
		/* With a single CPU the other thread would wait for the end of this one's slice, each time. */
		if (t->taken & 1) {
			turn_end(maps.turns, 0);
			sched_yield();
		}
	}
	turn_end(maps.turns, 0);
	return NULL;
}

static void no_number_twice_for_one_key(void **unused)
{
	struct taker t = {0};
	uint32_t changes = 0, slot;
	pthread_t worker;

	(void)unused;
	for (uint32_t i = 1; i < SLOTS_DEFAULT; i++)
		table[i].generation = 1;
	assert_int_equal(pthread_create(&worker, NULL, take_numbers, &t), 0);
	while (changes < CHANGES) {
		if (slot_claim(&maps, 0, &slot) < 0)
			continue;
		__atomic_store_n(&t.tag, slot_generation(table, slot), __ATOMIC_RELEASE);
		for (volatile uint32_t hold = 0; hold < changes % PAUSES; hold++)
			;
		slot_release(&maps, slot, slot_generation(table, slot));
		changes++;
	}
	__atomic_store_n(&t.stop, true, __ATOMIC_RELAXED);
	pthread_join(worker, NULL);
	assert_true(t.taken > 0);
	assert_int_equal(t.repeated, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(claims_from_the_hint_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(generation_tells_who_has_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(release_takes_only_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(claim_clears_what_was_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(claim_leaves_the_neighbours, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reads_what_is_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(generation_wraps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_threads_never_hold_one_slot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_free_in_the_turn_in_which_it_was_given_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(free_in_the_next_turn_without_a_rest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_lane_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(given_back_at_rest_is_free_in_the_turn_that_follows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(owner_killed_while_giving_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_old_number_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(worker_killed_in_its_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_number_twice_for_one_key, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
