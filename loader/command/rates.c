/* SPDX-License-Identifier: BSD-2-Clause */
#include "rates.h"

#include <stdlib.h>
#include <time.h>

#include "maps/slots.h"

/* Long enough to see a few batches of a slow flow, short enough for who waits for it. */
#define INTERVAL_NS 250000000

struct rates *rates_new(uint32_t slots)
{
	return calloc(1, sizeof(struct rates) + slots * sizeof(struct rate));
}

struct rates_look *rates_look_new(uint32_t slots)
{
	struct rates_look *look = calloc(1, sizeof(*look) + slots * sizeof(struct rates_sample));

	if (look)
		look->slots = slots;
	return look;
}

void rates_look(const struct maps *maps, struct rates_look *look)
{
	struct sa_state sa;

	look->at_ns = maps_now();
	for (uint32_t slot = 0; slot < look->slots; slot++) {
		look->sa[slot] = (struct rates_sample){0};
		if (slot_read(maps, slot, &sa))
			look->sa[slot] = (struct rates_sample){
				.generation = sa.generation,
				.outbound = sa.direction == SA_OUTBOUND,
				.packets = sa.packets,
				.bytes = sa.bytes,
			};
	}
}

static struct rate rate_of(const struct rates_sample *before, const struct rates_sample *now, double seconds)
{
	if (!now->generation || before->generation != now->generation)
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

void rates_between(const struct rates_look *before, const struct rates_look *now, struct rates *rates)
{
	const double seconds = (double)(now->at_ns - before->at_ns) / 1e9;

	rates->in = rates->out = (struct rate){0};
	for (uint32_t slot = 0; slot < now->slots; slot++) {
		rates->sa[slot] = rate_of(&before->sa[slot], &now->sa[slot], seconds);
		add(now->sa[slot].outbound ? &rates->out : &rates->in, &rates->sa[slot]);
	}
}

struct rates *rates_measure(const struct maps *maps)
{
	const struct timespec interval = {.tv_nsec = INTERVAL_NS};
	struct rates_look *first = rates_look_new(maps->slots), *second = rates_look_new(maps->slots);
	struct rates *rates = rates_new(maps->slots);

	if (first && second && rates) {
		rates_look(maps, first);
		nanosleep(&interval, NULL);
		rates_look(maps, second);
		rates_between(first, second, rates);
	}
	free(first);
	free(second);
	return rates;
}
