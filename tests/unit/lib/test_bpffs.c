/* SPDX-License-Identifier: BSD-2-Clause */
/* A BPF file system that takes another one's place. What they are is nothing to that: files do as well. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/bpffs.h"

/* The descriptor of the one that has been there all the while, and what a process may have that cannot have it. */
#define HELD 100
#define FEW  50

static struct bpffs before, now;
static struct fault f;

static struct bpffs of_file(const char *path, int fd)
{
	struct bpffs b = {.fd = fcntl(open(path, O_PATH | O_CLOEXEC), F_DUPFD_CLOEXEC, fd)};

	strcpy(b.path, path);
	strcpy(b.shown, path);
	return b;
}

static int set_up(void **state)
{
	(void)state;
	before = of_file("/dev/null", HELD);
	now = of_file("/dev/zero", 0);
	return before.fd == HELD && now.fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	bpffs_close(&before);
	bpffs_close(&now);
	return 0;
}

static bool is_file(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_rdev == b.st_rdev;
}

static void takes_its_place(void **state)
{
	const int other = now.fd;

	(void)state;
	assert_int_equal(bpffs_become(&before, &now, &f), 0);
	assert_int_equal(before.fd, HELD);
	assert_string_equal(before.shown, "/dev/zero");
	assert_true(is_file(HELD, "/dev/zero"));
	assert_int_equal(fcntl(other, F_GETFD), -1);
}

/* All is as it was, and whoever tries that each second has no more open than before. */
static void cannot_take_its_place(void **state)
{
	const int other = now.fd;
	struct rlimit many, few;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &many);
	few = (struct rlimit){.rlim_cur = FEW, .rlim_max = many.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	assert_int_equal(bpffs_become(&before, &now, &f), -EBADF);
	setrlimit(RLIMIT_NOFILE, &many);
	assert_non_null(strstr(f.text, "/dev/zero: "));
	assert_int_equal(before.fd, HELD);
	assert_string_equal(before.shown, "/dev/null");
	assert_true(is_file(HELD, "/dev/null"));
	assert_int_equal(fcntl(other, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(takes_its_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cannot_take_its_place, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
