/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "pki/new_file.h"
#include "unit/temp_file.h"

static char content[64];

static const char *content_of(const char *name)
{
	const int fd = open(name, O_RDONLY);
	const ssize_t n = fd < 0 ? 0 : read(fd, content, sizeof(content) - 1);

	content[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return fd < 0 ? NULL : content;
}

static void test_new(void **unused)
{
	struct stat st;
	struct fault f;

	(void)unused;
	unlink(path);
	assert_int_equal(new_file_write(path, MODE_SECRET, "abc", 3, &f), 0);
	assert_string_equal(content_of(path), "abc");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_what_is_there_stays(void **unused)
{
	struct fault f;

	(void)unused;
	unlink(path);
	assert_int_equal(new_file_write(path, MODE_SECRET, "old", 3, NULL), 0);
	assert_int_equal(new_file_write(path, MODE_SECRET, "new", 3, &f), -EEXIST);
	assert_non_null(strstr(f.text, "is not overwritten"));
	assert_string_equal(content_of(path), "old");
}

/* Not even one that leads nowhere. */
static void test_no_link_is_followed(void **unused)
{
	char target[64];

	(void)unused;
	unlink(path);
	snprintf(target, sizeof(target), "%s.target", path);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(new_file_write(path, MODE_SECRET, "abc", 3, NULL), -EEXIST);
	assert_null(content_of(target));
}

static void test_nowhere(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(new_file_write("/nonexistent/file", MODE_SECRET, "abc", 3, &f), -ENOENT);
	assert_non_null(strstr(f.text, "/nonexistent/file: No such"));
}

static void test_in_place(void **unused)
{
	char beside[64];

	(void)unused;
	snprintf(beside, sizeof(beside), "%s.new", path);
	assert_int_equal(new_file_replace(path, MODE_PUBLIC, "one", 3, NULL), 0);
	assert_int_equal(new_file_write(beside, MODE_PUBLIC, "left by one who was killed", 26, NULL), 0);
	assert_int_equal(new_file_replace(path, MODE_PUBLIC, "two", 3, NULL), 0);
	assert_string_equal(content_of(path), "two");
	assert_null(content_of(beside));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new, make_file, remove_file),
		cmocka_unit_test_setup_teardown(test_what_is_there_stays, make_file, remove_file),
		cmocka_unit_test_setup_teardown(test_no_link_is_followed, make_file, remove_file),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test_setup_teardown(test_in_place, make_file, remove_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
