/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a peer can do who has the keys: any payloads in IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL, requests and answers,
 * whole or in fragments, at any time. What must hold is the sanitizers' and the world's (world.c): nothing is put in
 * the place of another SA.
 */
#include <string.h>

#include "stories.h"

static void run(const uint8_t *data, size_t size)
{
	scene_play(data, size, true);
}

static struct seed seed;

/* The same life up to that message, in which it is another. */
static void seed_with(unsigned kind, const struct world_packet *p, unsigned how, unsigned at, const char *data)
{
	struct seed one = {0};

	seed_u8(&one, kind);
	seed_u8(&one, STEP_CHANGE);
	seed_u8(&one, (unsigned)p->to);
	seed_u8(&one, how);
	seed_u16(&one, at);
	seed_part(&one, data, strlen(data));
	seed_bytes(&one, seed.data + 1, seed.size - 1);
	fuzz_seed(one.data, one.size);
}

/* What was said, said once more of our own accord, as soon as the connection is up. */
static void seed_again(unsigned kind, const struct world_packet *p, const struct sealed *inside)
{
	struct seed one = {0};

	story_begin(&one, kind);
	seed_u8(&one, STEP_SEAL);
	seed_u8(&one, (unsigned)p->to);
	seed_u8(&one, inside->header.exchange);
	seed_u8(&one, inside->header.flags & FLAG_RESPONSE ? 1 : 0);
	seed_u8(&one, inside->header.flags & FLAG_INITIATOR ? 2 : 0);
	seed_u8(&one, inside->first);
	seed_part(&one, inside->data, inside->size);
	story_run(&one, 200, 0);
	fuzz_seed(one.data, one.size);
}

static void on_datagram(const struct world_packet *p, const struct sealed *inside, unsigned number)
{
	if (!inside || inside->size > 4000 || number > 40)
		return;
	seed_again(seed.data[0], p, inside);
}

static void seed_split(unsigned kind, unsigned size, unsigned how)
{
	seed.size = 0;
	seed_u8(&seed, kind);
	for (unsigned to = 0; to < 2; to++) {
		seed_u8(&seed, STEP_SPLIT);
		seed_u8(&seed, to);
		seed_u16(&seed, size);
		seed_u8(&seed, how);
	}
	story_order(&seed, 0, ORDERED_INITIATE);
	story_order(&seed, 1, ORDERED_REKEY_CHILD);
	fuzz_seed(seed.data, seed.size);
}

static void seeds(void)
{
	struct world_packet p = {0};

	scene_open();
	for (size_t i = 0; i < STORY_KINDS; i++) {
		story_life(&seed, story_kinds[i]);
		fuzz_seed(seed.data, seed.size);
		scene_watch(&seed, on_datagram);
		for (unsigned n = 0; n < 24; n++) {
			p.to = n & 1;
			seed_with(story_kinds[i], &p, CHANGE_PAYLOAD, n / 2, "");
			seed_with(story_kinds[i], &p, CHANGE_WITHIN, (n / 2) << 8 | 8, "\xff");
		}
		for (unsigned how = 0; how < 16; how++)
			seed_split(story_kinds[i], 60 + how * 30, how);
	}
}

FUZZER(.name = "ike_sealed", .open = scene_open, .run = run, .seeds = seeds)
