/* SPDX-License-Identifier: BSD-2-Clause */
/* loader/instance/root_dir.h: a directory is root's alone afterwards, or it is refused. As root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "instance/root_dir.h"
#include "unit/needs_root.h"

#define SOMEBODY 1000

static char base[] = "/tmp/xdp-ipsec-test-XXXXXX";
static char path[sizeof(base) + 8];

static int set_up(void **unused)
{
	(void)unused;
	strcpy(base + strlen(base) - 6, "XXXXXX");
	if (!mkdtemp(base))
		return -1;
	snprintf(path, sizeof(path), "%s/dir", base);
	return 0;
}

static int clean_up(void **unused)
{
	(void)unused;
	remove(path);
	return rmdir(base);
}

static mode_t mode_of(const char *of)
{
	struct stat st;

	assert_int_equal(lstat(of, &st), 0);
	return st.st_mode & 07777;
}

static void test_one_that_is_new_is_roots_alone(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(root_dir_make(path, &f), 0);
	assert_int_equal(mode_of(path), 0700);
	/* And the next run finds it. */
	assert_int_equal(root_dir_make(path, &f), 0);
}

static void test_one_of_roots_is_closed_to_others(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(root_dir_make(path, &f), 0);
	assert_int_equal(mode_of(path), 0700);
}

/* On a BPF file system of mode 1777 anybody can have made it before. */
static void test_somebody_elses_is_refused(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, SOMEBODY, SOMEBODY), 0);
	assert_int_equal(root_dir_make(path, &f), -EPERM);
	assert_non_null(strstr(f.text, path));
	assert_non_null(strstr(f.text, "remove it"));
}

static void test_a_link_is_refused(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(symlink("/", path), 0);
	assert_int_equal(root_dir_make(path, &f), -EPERM);
}

static void test_without_a_parent_there_is_none(void **unused)
{
	char below[sizeof(path) + 8];
	struct fault f;

	(void)unused;
	snprintf(below, sizeof(below), "%s/below", path);
	assert_int_equal(root_dir_make(below, &f), -ENOENT);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_that_is_new_is_roots_alone, set_up, clean_up),
		cmocka_unit_test_setup_teardown(test_one_of_roots_is_closed_to_others, set_up, clean_up),
		cmocka_unit_test_setup_teardown(test_somebody_elses_is_refused, set_up, clean_up),
		cmocka_unit_test_setup_teardown(test_a_link_is_refused, set_up, clean_up),
		cmocka_unit_test_setup_teardown(test_without_a_parent_there_is_none, set_up, clean_up),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
