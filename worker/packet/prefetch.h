/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking for memory ahead of its use, line by line.
 *
 * A CPU has room for a dozen or two of lines that are on their way, and some forget without a word what is asked for
 * beyond: of a batch whose lines are asked for at once, those of the first packets come. So each packet's step asks for
 * what one takes that is a few steps behind it.
 */
#ifndef WORKER_PACKET_PREFETCH_H
#define WORKER_PACKET_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE 64

/* The compiler takes a function that only asks for one that does nothing, and leaves its calls out; so it is told that
 * something was done. */
static inline void prefetch_line(const void *at)
{
	__builtin_prefetch(at);
	__asm__ volatile("" : : "r"(at));
}

static inline void prefetch_line_to_write(const void *at)
{
	__builtin_prefetch(at, 1);
	__asm__ volatile("" : : "r"(at));
}

/* Into the second level of the cache, which has room for more that is on its way, and for what is used after other
 * packets' lines. */
static inline void prefetch_line_early(const void *at)
{
	__builtin_prefetch(at, 0, 2);
	__asm__ volatile("" : : "r"(at));
}

/* Asks for len bytes that begin with a line; from any other place one line more has to be asked for. */
static inline void prefetch_lines(const uint8_t *from, size_t len)
{
	for (size_t at = 0; at < len; at += CACHE_LINE)
		prefetch_line(from + at);
}

static inline void prefetch_lines_early(const uint8_t *from, size_t len)
{
	for (size_t at = 0; at < len; at += CACHE_LINE)
		prefetch_line_early(from + at);
}

/* Asks for len bytes that begin with a line and are going to be written. */
static inline void prefetch_lines_to_write(const uint8_t *from, size_t len)
{
	for (size_t at = 0; at < len; at += CACHE_LINE)
		prefetch_line_to_write(from + at);
}

#endif
