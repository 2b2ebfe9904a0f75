/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/esp/sa_cache.c: when the expanded keys of SAs that are gone are wiped, and how much is looked at for it in a
 * turn.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lanes.h"
#include "maps/slots.h"

/* Given back at once, more than a turn looks at. */
#define MANY 1000

static struct lanes lanes;
static struct sa_cache *cache;

static int open_lanes(void **unused)
{
	struct fault f;

	(void)unused;
	lanes_open(&lanes, aead_select("openssl", &f));
	lanes.maps.free = zeroed(1, sizeof(struct free_slots));
	cache = &lanes.lane[0].sas;
	return 0;
}

static int close_lanes(void **unused)
{
	(void)unused;
	free(lanes.maps.free);
	lanes_close(&lanes);
	return 0;
}

static uint32_t load(void)
{
	const uint8_t keymat[ESP_KEYMAT_SIZE] = {1};
	uint32_t slot, generation;

	assert_int_equal(slot_claim(&lanes.maps, 0, &slot), 0);
	generation = slot_generation(lanes.maps.sa, slot);
	lanes.maps.sa[slot].direction = SA_OUTBOUND;
	lanes.maps.sa[slot].spi = 0x1000 + slot;
	vault_store(&lanes.vault, slot, generation, OWNER_IKE, keymat, 0);
	assert_non_null(sa_cache_get(cache, slot, generation));
	return slot;
}

static void give_back(uint32_t slot)
{
	vault_wipe(&lanes.vault, slot);
	slot_release(&lanes.maps, slot, slot_generation(lanes.maps.sa, slot));
}

static uint32_t loaded(void)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < lanes.maps.slots; slot++)
		n += sa_cache_at(cache, slot)->generation != 0;
	return n;
}

static void wiped_in_the_next_turn(void **unused)
{
	const uint32_t gone = load(), stays = load();

	(void)unused;
	give_back(gone);
	assert_int_equal(loaded(), 2);
	sa_cache_follow(cache);
	assert_int_equal(loaded(), 1);
	assert_int_not_equal(sa_cache_at(cache, stays)->generation, 0);
}

/* A few in each turn, and all in the end. */
static void many_take_several_turns(void **unused)
{
	uint32_t before = MANY, turns = 0;

	(void)unused;
	for (uint32_t i = 0; i < MANY; i++)
		load();
	for (uint32_t i = 0; i < MANY; i++)
		give_back(i);
	for (; before; turns++) {
		sa_cache_follow(cache);
		assert_true(before - loaded() <= 16);
		before = loaded();
	}
	assert_true(turns >= MANY / 16 && turns <= MANY);
}

/* More than there is room to tell of: what was not told is found by a sweep, part by part. */
static void more_than_can_be_told(void **unused)
{
	uint32_t turns = 0, gone = load();

	(void)unused;
	load();
	give_back(gone);
	for (uint32_t i = 0; i < 2 * RETIRED_MAX; i++)
		give_back(load());
	for (; loaded() > 1; turns++)
		sa_cache_follow(cache);
	assert_true(turns <= lanes.maps.slots / 64);
}

/* He was killed before he told: the sweep that goes on all the time. */
static void one_of_whom_nobody_tells(void **unused)
{
	(void)unused;
	lanes.maps.sa[load()].generation++;
	sa_cache_follow(cache);
	assert_int_equal(loaded(), 1);
	while (sa_cache_sweep(cache))
		;
	assert_int_equal(loaded(), 0);
}

/* Its key has been told of as gone, and the slot is another SA's by now. */
static void the_next_one_in_the_slot_stays(void **unused)
{
	const uint32_t slot = load();

	(void)unused;
	give_back(slot);
	assert_int_equal(load(), slot);
	sa_cache_follow(cache);
	assert_int_equal(loaded(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lanes, close_lanes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wiped_in_the_next_turn),	TEST(many_take_several_turns),	      TEST(more_than_can_be_told),
		TEST(one_of_whom_nobody_tells), TEST(the_next_one_in_the_slot_stays),
	};

	return cmocka_run_group_tests_name("sa_cache", tests, NULL, NULL);
}
