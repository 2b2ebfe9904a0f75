/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock of everything that lasts: CLOCK_BOOTTIME goes on while the machine sleeps, and nobody can set it. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_BOOTTIME, ns. */
static inline uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* The moment that is so many milliseconds from now, ns. */
static inline uint64_t clock_in_ms(uint64_t milliseconds)
{
	return clock_now() + milliseconds * 1000000;
}

/* Milliseconds until that moment, begun ones too, for poll(): 0 only when it has come. */
static inline int clock_ms_until(uint64_t then_ns)
{
	const uint64_t now = clock_now();

	return now < then_ns ? (int)((then_ns - now + 999999) / 1000000) : 0;
}

/* Whole seconds since that moment; 0 if it is yet to come, as of what another process has just written. */
static inline uint64_t clock_seconds_since(uint64_t then_ns)
{
	const uint64_t now = clock_now();

	return now > then_ns ? (now - then_ns) / 1000000000ULL : 0;
}

#endif
