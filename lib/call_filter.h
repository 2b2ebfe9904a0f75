/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls that a process may still make (seccomp): each other one kills it.
 *
 *   call_filter_new ─► call_filter_allow, rules about arguments ... ─► call_filter_load
 *
 * The first error stays in err and makes the rest do nothing, so that it is asked for once, by call_filter_load().
 */
#ifndef LIB_CALL_FILTER_H
#define LIB_CALL_FILTER_H

#include <seccomp.h>
#include <stddef.h>

#include "fault.h"

struct call_filter {
	scmp_filter_ctx rules; /* libseccomp's, for rules that look at arguments */
	int err;	       /* 0 or -errno */
};

/* Allows nothing yet. */
struct call_filter call_filter_new(void);

/* Allows these calls, SCMP_SYS(name) each, with any arguments. */
void call_filter_allow(struct call_filter *c, const int *calls, size_t count);

/* Allows mmap() or mprotect(), but not for memory that can be run: what was written stays data. */
void call_filter_allow_memory(struct call_filter *c, int call);

/* From here on the filter holds, for good: for all threads and what they start. Frees the rules. 0 or -errno. */
int call_filter_load(struct call_filter *c, struct fault *f);

#endif
