/* SPDX-License-Identifier: BSD-2-Clause */
/* maps/replay_memory.c: who is lent a wide window, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "maps/replay_memory.h"
#include "maps/slots.h"
#include "maps/turns.h"

#define SLOTS 128
#define WIDES (SLOTS / 2)
#define WIDE  8192

static struct maps maps;

static int set_up(void **unused)
{
	(void)unused;
	maps = (struct maps){
		.slots = SLOTS,
		.sa = calloc(SLOTS, sizeof(*maps.sa)),
		.bitmaps = calloc(SLOTS, sizeof(*maps.bitmaps)),
		.wide = calloc(WIDES, sizeof(*maps.wide)),
		.turns = calloc(1, sizeof(*maps.turns)),
		.free = calloc(1, sizeof(*maps.free)),
	};
	return maps.sa && maps.bitmaps && maps.wide && maps.turns && maps.free ? 0 : -1;
}

static int tear_down(void **unused)
{
	(void)unused;
	free(maps.sa);
	free(maps.bitmaps);
	free(maps.wide);
	free(maps.turns);
	free(maps.free);
	return 0;
}

static uint32_t claim(void)
{
	uint32_t slot;

	assert_int_equal(slot_claim(&maps, 0, &slot), 0);
	return slot;
}

static __u64 *ring(uint32_t slot, uint16_t window)
{
	return replay_ring(&maps, slot, slot_generation(maps.sa, slot), window);
}

static void narrow_is_the_slots_own(void **unused)
{
	const uint32_t slot = claim();

	(void)unused;
	assert_int_equal(replay_make_room(&maps, slot, REPLAY_NARROW), 0);
	assert_ptr_equal(ring(slot, REPLAY_NARROW), maps.bitmaps[slot].words);
	/* And no wide one, which nobody has made room for. */
	assert_null(ring(slot, REPLAY_NARROW + 1));
}

static void wide_is_nobody_elses(void **unused)
{
	const uint32_t a = claim(), b = claim();

	(void)unused;
	assert_int_equal(replay_make_room(&maps, a, WIDE), 0);
	assert_int_equal(replay_make_room(&maps, b, WIDE), 0);
	assert_non_null(ring(a, WIDE));
	assert_non_null(ring(b, WIDE));
	assert_ptr_not_equal(ring(a, WIDE), ring(b, WIDE));
	/* Nor another generation's; nor is one outside believed. */
	assert_null(replay_ring(&maps, a, slot_generation(maps.sa, a) + 2, WIDE));
	maps.bitmaps[a].wide = WIDES;
	assert_null(ring(a, WIDE));
}

static void all_are_lent_once(void **unused)
{
	uint32_t slots[WIDES];

	(void)unused;
	for (uint32_t i = 0; i < WIDES; i++) {
		slots[i] = claim();
		assert_int_equal(replay_make_room(&maps, slots[i], WIDE), 0);
		memset(ring(slots[i], WIDE), 0xff, REPLAY_WIDE_WORDS * sizeof(__u64));
	}
	assert_int_equal(replay_make_room(&maps, claim(), WIDE), -ENOSPC);
	slot_release(&maps, slots[7], slot_generation(maps.sa, slots[7]));
	slots[0] = claim();
	assert_int_equal(replay_make_room(&maps, slots[0], WIDE), 0);
	for (uint32_t i = 0; i < REPLAY_WIDE_WORDS; i++)
		assert_int_equal(ring(slots[0], WIDE)[i], 0);
}

/* A lane may have looked at the generation, and be about to mark a number. */
static void not_lent_again_in_the_turn_in_which_its_sa_ended(void **unused)
{
	uint32_t gone = claim(), next;

	(void)unused;
	for (uint32_t i = 1; i < WIDES; i++)
		assert_int_equal(replay_make_room(&maps, claim(), WIDE), 0);
	assert_int_equal(replay_make_room(&maps, gone, WIDE), 0);
	next = claim();
	turn_begin(maps.turns, 3);
	slot_release(&maps, gone, slot_generation(maps.sa, gone));
	assert_int_equal(replay_make_room(&maps, next, WIDE), -ENOSPC);
	turn_begin(maps.turns, 3);
	assert_int_equal(replay_make_room(&maps, next, WIDE), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(narrow_is_the_slots_own),
		TEST(wide_is_nobody_elses),
		TEST(all_are_lent_once),
		TEST(not_lent_again_in_the_turn_in_which_its_sa_ended),
	};

	return cmocka_run_group_tests_name("replay_memory", tests, NULL, NULL);
}
