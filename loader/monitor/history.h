/* SPDX-License-Identifier: BSD-2-Clause */
/* The last minute of one figure, and its picture in a few characters. */
#ifndef LOADER_MONITOR_HISTORY_H
#define LOADER_MONITOR_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

/* One a second. */
#define HISTORY_SAMPLES 60

struct history {
	float samples[HISTORY_SAMPLES];
	uint32_t count; /* that were ever added */
};

void history_add(struct history *h, double value);

/* Whether there is anything but 0 in it. */
bool history_moves(const struct history *h);

/* How tall a character of a sparkline is. */
enum spark {
	SPARK_UNKNOWN = -1, /* before the first sample */
	SPARK_ZERO = 0,
	SPARK_MAX = 7, /* the tallest of that line */
};

/* How many characters, of `room` at the most, show the minute; each for the same number of seconds. */
unsigned spark_width(unsigned room);

/*
 * The minute in so many characters (spark_width()), the oldest first, each the mean of its seconds. Whatever is not 0
 * is higher than SPARK_ZERO. A character stands for the same seconds as long as it is there, and moves to the left when
 * they are over: so the picture does not tremble.
 */
void spark_levels(const struct history *h, unsigned width, int8_t levels[]);

#endif
