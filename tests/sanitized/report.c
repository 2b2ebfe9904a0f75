/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a sanitizer's report goes: linked into programs that are built with one (tests/sanitized.mk). A service has no
 * stderr, and behind the sandbox no file can be opened: so it is open before main(), one for each program, in the
 * directory of the variable SANITIZED_REPORTS, or else in `reports` beside the programs. A file that is not empty is a
 * fault found (sanitized/reports.py).
 */
#define _GNU_SOURCE
#include "sanitized/report.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Above those that programs are started with, and that they count on: a service's begin with 3. */
#define FIRST_FD  500
#define NO_REPORT 97

static int report = -1;

static int open_report(void)
{
	const char *dir = getenv("SANITIZED_REPORTS");
	char path[512];
	int fd, high;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : REPORTS, program_invocation_short_name);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return -1;
	/* Others than root run a program, too. */
	fchmod(fd, 0666);
	/* Where so many may not be open any is better than none. */
	high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

static void use_report(void)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): it is a descriptor by its interface */
	__sanitizer_set_report_fd((void *)(intptr_t)report);
}

#ifdef __SANITIZE_ADDRESS__
/* UBSan's runtime begins with its first report, and what it begins with is stderr. There is no public name for it. */
void ubsan_begin(void) __asm__("_ZN7__ubsan27InitAsStandaloneIfNecessaryEv");
#else
static void ubsan_begin(void)
{
}
#endif

void report_learn_lines(void)
{
	char line[16];

	__sanitizer_symbolize_pc(__builtin_return_address(0), "%l", line, sizeof(line));
}

/* The command is called by the thousand, and reading takes it a tenth of a second; of what it forks see sandbox.c. */
static bool is_command(void)
{
	return strcmp(program_invocation_short_name, "xdp-ipsec") == 0;
}

/* Who cannot tell is not run: nobody would know. */
__attribute__((constructor)) static void begin(void)
{
	report = open_report();
	if (report < 0) {
		dprintf(STDERR_FILENO, "%s: no file for a sanitizer's report in %s: %s\n",
			program_invocation_short_name, REPORTS, strerror(errno));
		_exit(NO_REPORT);
	}
	ubsan_begin();
	use_report();
	/* A runtime that finds itself in another process closes the file, to open it by its name. */
	pthread_atfork(NULL, NULL, use_report);
	/* What is mapped where is read now: later there is no /proc. */
	__sanitizer_sandbox_on_notify(NULL);
	if (!is_command())
		report_learn_lines();
}
