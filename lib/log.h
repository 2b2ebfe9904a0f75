/* SPDX-License-Identifier: BSD-2-Clause */
/* What the supervisor tells people while it runs: one line per event, on stderr. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* Writes "xdp-ipsec: " and the line. Never a key, never bytes off the wire that were not made printable. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For lines that a remote can cause: so many a second, the rest counted. Zeroed is ready to use. */
struct log_limit {
	uint64_t window_ns;
	uint32_t lines;
	uint32_t suppressed;
};

/* Whether one more line may be written; tells how many were not when a new second begins. */
bool log_limit_allows(struct log_limit *limit, const char *what);

#endif
