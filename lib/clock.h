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

#endif
