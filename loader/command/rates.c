/* SPDX-License-Identifier: BSD-2-Clause */
#include "rates.h"

#include <stdlib.h>
#include <time.h>

#include "maps/slots.h"

/* Long enough to see a few batches of a slow flow, short enough for who waits for it. */
#define INTERVAL_NS 250000000

struct sample {
	uint32_t generation;
	uint64_t packets;
	uint64_t bytes;
};

static struct sample sample_of(const struct maps *maps, uint32_t slot)
{
	return (struct sample){
		.generation = slot_generation(maps->sa, slot),
		.packets = maps->sa[slot].packets,
		.bytes = maps->sa[slot].bytes,
	};
}

static struct rate rate_of(const struct sample *before, const struct sample *now, double seconds)
{
	if (!slot_in_use(now->generation) || before->generation != now->generation)
		return (struct rate){0};
	return (struct rate){
		.packets = (double)(now->packets - before->packets) / seconds,
		.bits = 8 * (double)(now->bytes - before->bytes) / seconds,
	};
}

static void add(struct rate *sum, const struct rate *rate)
{
	sum->packets += rate->packets;
	sum->bits += rate->bits;
}

struct rates *rates_measure(const struct maps *maps)
{
	const struct timespec interval = {.tv_nsec = INTERVAL_NS};
	struct sample *before = calloc(SLOTS_MAX, sizeof(*before));
	struct rates *rates = calloc(1, sizeof(*rates));
	const uint64_t start = maps_now();
	double seconds;

	for (uint32_t slot = 0; before && slot < SLOTS_MAX; slot++)
		before[slot] = sample_of(maps, slot);
	nanosleep(&interval, NULL);
	seconds = (double)(maps_now() - start) / 1e9;
	for (uint32_t slot = 0; before && rates && slot < SLOTS_MAX; slot++) {
		const struct sample now = sample_of(maps, slot);

		rates->sa[slot] = rate_of(&before[slot], &now, seconds);
		add(maps->sa[slot].direction == SA_OUTBOUND ? &rates->out : &rates->in, &rates->sa[slot]);
	}
	free(before);
	return rates;
}
