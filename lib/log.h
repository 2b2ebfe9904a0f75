/* SPDX-License-Identifier: BSD-2-Clause */
/* What the supervisor tells people while it runs: one line per event, on stderr. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* Writes "xdp-ipsec: " and the line to stderr. Control characters become '?' (make_one_line). A key is in no line. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Of lines that a remote host can cause: ten a second are written, the others counted. Zeroed, it is ready for use. */
struct log_limit {
	uint64_t window_ns; /* when this second began, clock_now() */
	uint32_t lines;	    /* written in it */
	uint32_t suppressed;
};

/* Whether one more line may be written now. The first call in a new second logs how many were not, of `what`. */
bool log_limit_allows(struct log_limit *limit, const char *what);

#endif
