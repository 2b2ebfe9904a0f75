/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that a connection names, where one is none: the supervisor reads them, and is to wait for nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/ike_files.h"
#include "unit/temp_file.h"

/* Who waits has failed. */
#define SECONDS_MAX 5

static const struct connection_config connection = {.name = "core", .line = 7};
static struct fault f;

static int make_pipe(void **unused)
{
	(void)unused;
	alarm(SECONDS_MAX);
	return make_file(NULL) || unlink(path) || mkfifo(path, 0600);
}

static int read_file(const char *name)
{
	char *text = NULL;
	const int err = ike_file_read("crl", "/etc/conf", &connection, name, &text, &f);

	free(text);
	return err;
}

static void assert_said(const char *name, const char *why)
{
	assert_non_null(strstr(f.text, "/etc/conf:7: [connection core]: "));
	assert_non_null(strstr(f.text, name));
	assert_non_null(strstr(f.text, why));
}

static void test_a_pipe_is_not_waited_for(void **unused)
{
	(void)unused;
	assert_int_equal(ike_file_open("/etc/conf", &connection, path, &f), -EINVAL);
	assert_said(path, "a pipe or a device");
	assert_int_equal(read_file(path), -EINVAL);
	assert_said(path, "a pipe or a device");
}

static void test_other_things_are_no_files(void **unused)
{
	static const char *const devices[] = {"/dev/zero", "/dev/tty"};

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		assert_true(ike_file_open("/etc/conf", &connection, devices[i], &f) < 0);
		assert_said(devices[i], "");
		assert_true(read_file(devices[i]) < 0);
		assert_said(devices[i], "");
	}
	assert_int_equal(ike_file_open("/etc/conf", &connection, "/tmp", &f), -EISDIR);
	assert_said("/tmp", "Is a directory");
	assert_int_equal(read_file("/tmp"), -EISDIR);
	assert_said("crl /tmp", "Is a directory");
	assert_int_equal(read_file("/nonexistent"), -ENOENT);
	assert_said("crl /nonexistent", "No such file");
	assert_int_equal(ike_file_open("/etc/conf", &connection, "/nonexistent", &f), -ENOENT);
	assert_said("key file /nonexistent", "'xdp-ipsec genkey'");
}

/* What is read is read whole, by a descriptor that waits as files do. */
static void test_a_file_is_one(void **unused)
{
	char *text;
	FILE *file = fopen(path, "w");
	int fd;

	(void)unused;
	fputs("text", file);
	fclose(file);
	assert_int_equal(ike_file_read("crl", "/etc/conf", &connection, path, &text, &f), 0);
	assert_string_equal(text, "text");
	free(text);
	fd = ike_file_open("/etc/conf", &connection, path, &f);
	assert_true(fd >= 0);
	close(fd);
	chmod(path, 0644);
	assert_int_equal(ike_file_open("/etc/conf", &connection, path, &f), -EACCES);
	assert_said(path, "chmod 600");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_pipe_is_not_waited_for, make_pipe, remove_file),
		cmocka_unit_test(test_other_things_are_no_files),
		cmocka_unit_test_setup_teardown(test_a_file_is_one, make_file, remove_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
