/* SPDX-License-Identifier: BSD-2-Clause */
/* What the supervisor tells people while it runs: one line per event, on stderr. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* How much is written: lines of that level, and of those above. */
enum log_level {
	LOG_LEVEL_WARNING, /* what failed, or opens a gate */
	LOG_LEVEL_INFO,	   /* and what happens */
	LOG_LEVEL_DEBUG,   /* and what is said between the programs, and with peers */
	LOG_LEVELS,
};

/* Begins with LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "warning", "info", "debug". */
const char *log_level_name(enum log_level level);
/* False: it is none of them. */
bool log_level_parse(const char *text, enum log_level *out);

/* Each writes "xdp-ipsec: " and the line to stderr, log_line() what happens (LOG_LEVEL_INFO). Control characters become
 * '?' (make_one_line). A key is in no line. */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Of lines that a remote host can cause: ten a second are written, the others counted. Zeroed, it is ready for use. */
struct log_limit {
	uint64_t window_ns; /* when this second began, clock_now() */
	uint32_t lines;	    /* written in it */
	uint32_t suppressed;
};

/* Whether one more line may be written now. The first call in a new second logs how many were not, of `what`. */
bool log_limit_allows(struct log_limit *limit, const char *what);

#endif
