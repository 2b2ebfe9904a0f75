/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole lives of a connection, of which the corpora of scenes are made: each exchange that there is, by each kind. */
#ifndef TESTS_FUZZ_IKE_STORIES_H
#define TESTS_FUZZ_IKE_STORIES_H

#include "scene.h"

static inline void story_run(struct seed *s, unsigned n, unsigned shift)
{
	seed_u8(s, STEP_RUN);
	seed_u16(s, n);
	seed_u8(s, shift);
}

static inline void story_order(struct seed *s, int host, unsigned order)
{
	seed_u8(s, STEP_ORDER);
	seed_u8(s, (unsigned)host);
	seed_u8(s, order);
	story_run(s, 500, 0);
}

static inline void story_begin(struct seed *s, unsigned kind)
{
	s->size = 0;
	seed_u8(s, kind);
	story_order(s, 0, ORDERED_INITIATE);
}

/* Up, each kind of rekey from each end, probes, and down. */
static inline void story_life(struct seed *s, unsigned kind)
{
	static const uint8_t orders[][2] = {{0, ORDERED_REKEY_CHILD}, {1, ORDERED_REKEY_CHILD}, {0, ORDERED_REKEY_IKE},
					    {1, ORDERED_REKEY_IKE},   {0, ORDERED_TRAFFIC},	{1, ORDERED_SOFT_LIMIT},
					    {0, ORDERED_HARD_LIMIT}};

	story_begin(s, kind);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		story_order(s, orders[i][0], orders[i][1]);
	story_run(s, 200, 8);
	story_order(s, 1, ORDERED_TERMINATE);
}

static const uint8_t story_kinds[] = {
	0,
	SCENE_CERT,
	SCENE_CERT | SCENE_SPLIT,
	SCENE_PPK,
	SCENE_MESH | SCENE_COOKIES,
	SCENE_SEVERAL | SCENE_PER_QUEUE,
	SCENE_BOTH | SCENE_PPK | SCENE_CERT,
};
#define STORY_KINDS (sizeof(story_kinds))

#endif
