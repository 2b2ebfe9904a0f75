/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a stranger can do to IKE: datagrams of any kind, and changes of those on their way, with no key. What must hold
 * is the sanitizers' and the world's (world.c): nothing is put in the place of another SA.
 */
#include <string.h>

#include "stories.h"

static void run(const uint8_t *data, size_t size)
{
	scene_play(data, size, false);
}

static struct seed seed;

static void on_datagram(const struct world_packet *p, const struct sealed *inside, unsigned number)
{
	struct seed one = {0};

	if (number > 8 || (inside && number > 6))
		return;
	seed_u8(&one, seed.data[0]);
	if (number > 1)
		story_order(&one, 0, ORDERED_INITIATE);
	seed_u8(&one, STEP_RAW);
	seed_u8(&one, (unsigned)p->to);
	seed_u8(&one, inside ? ENDS_OF_LATEST : ENDS_AS_GIVEN);
	seed_part(&one, p->data, p->size);
	fuzz_seed(one.data, one.size);
}

/* A byte of the first two messages is another. */
static void seed_change(unsigned kind, int to, unsigned how, unsigned at)
{
	seed.size = 0;
	seed_u8(&seed, kind);
	seed_u8(&seed, STEP_CHANGE_RAW);
	seed_u8(&seed, (unsigned)to);
	seed_u8(&seed, how);
	seed_u16(&seed, at);
	seed_part(&seed, "\x80", 1);
	story_order(&seed, 0, ORDERED_INITIATE);
	story_run(&seed, 100, 7);
	fuzz_seed(seed.data, seed.size);
}

static void seeds(void)
{
	for (size_t i = 0; i < STORY_KINDS; i++) {
		story_life(&seed, story_kinds[i]);
		fuzz_seed(seed.data, seed.size);
		scene_watch(&seed, on_datagram);
	}
	for (unsigned at = 16; at < 300; at += 7)
		seed_change(story_kinds[at % STORY_KINDS], at & 1, at % 3, at);
}

static void seeds_of(void)
{
	scene_open();
	seeds();
}

FUZZER(.name = "ike_clear", .open = scene_open, .run = run, .seeds = seeds_of)
