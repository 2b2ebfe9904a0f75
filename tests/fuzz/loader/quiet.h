/* SPDX-License-Identifier: BSD-2-Clause */
/* What is printed for people goes nowhere: stdout and stderr of this library, not the descriptors, on which the
 * sanitizers write. */
#ifndef TESTS_FUZZ_LOADER_QUIET_H
#define TESTS_FUZZ_LOADER_QUIET_H

#include <stdio.h>

static FILE *quiet_out, *quiet_err;

static inline void quiet_begin(void)
{
	static FILE *nowhere;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	quiet_out = stdout;
	quiet_err = stderr;
	stdout = stderr = nowhere;
}

static inline void quiet_end(void)
{
	stdout = quiet_out;
	stderr = quiet_err;
}

#endif
