/* SPDX-License-Identifier: BSD-2-Clause */
#include "history.h"

void history_add(struct history *h, double value)
{
	h->samples[h->count++ % HISTORY_SAMPLES] = (float)value;
}

bool history_moves(const struct history *h)
{
	for (unsigned i = 0; i < HISTORY_SAMPLES; i++)
		if (h->samples[i] > 0)
			return true;
	return false;
}

static unsigned seconds_of(unsigned width)
{
	return (HISTORY_SAMPLES + width - 1) / width;
}

unsigned spark_width(unsigned room)
{
	const unsigned seconds = room ? seconds_of(room) : 0;

	return seconds ? (HISTORY_SAMPLES + seconds - 1) / seconds : 0;
}

/* Of the samples from that number on; -1: none of them is known. */
static float mean(const struct history *h, int64_t from, unsigned seconds)
{
	const int64_t oldest = (int64_t)h->count - HISTORY_SAMPLES;
	float sum = 0;
	unsigned n = 0;

	for (int64_t i = from; i < from + seconds && i < h->count; i++) {
		if (i < 0 || i < oldest)
			continue;
		sum += h->samples[i % HISTORY_SAMPLES];
		n++;
	}
	return n ? sum / (float)n : -1;
}

static int8_t level_of(float value, float tallest)
{
	if (value < 0)
		return SPARK_UNKNOWN;
	if (value <= 0)
		return SPARK_ZERO;
	return (int8_t)(1 + (int)((SPARK_MAX - 1) * value / tallest + 0.5F));
}

void spark_levels(const struct history *h, unsigned width, int8_t levels[])
{
	const unsigned seconds = seconds_of(width);
	const int64_t last = h->count ? (h->count - 1) / seconds : 0;
	float means[HISTORY_SAMPLES], tallest = 0;

	for (unsigned i = 0; i < width; i++) {
		means[i] = mean(h, (last + 1 - (int64_t)width + i) * seconds, seconds);
		tallest = means[i] > tallest ? means[i] : tallest;
	}
	for (unsigned i = 0; i < width; i++)
		levels[i] = level_of(means[i], tallest);
}
