/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking for memory ahead of its use, line by line. */
#ifndef WORKER_PACKET_PREFETCH_H
#define WORKER_PACKET_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE 64

/* Asks for len bytes that begin with a line; from any other place one line more has to be asked for. */
static inline void prefetch_lines(const uint8_t *from, size_t len)
{
	for (size_t at = 0; at < len; at += CACHE_LINE)
		__builtin_prefetch(from + at);
}

/* Asks for len bytes that begin with a line and are going to be written. */
static inline void prefetch_lines_to_write(const uint8_t *from, size_t len)
{
	for (size_t at = 0; at < len; at += CACHE_LINE)
		__builtin_prefetch(from + at, 1);
}

#endif
