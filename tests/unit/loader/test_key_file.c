/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/key_file.h"
#include "unit/temp_file.h"

#define DIGITS \
	"000102030405060708090a0b0c0d0e0f" \
	"101112131415161718191A1B1C1D1E1F" \
	"20212223"

static uint8_t keymat[ESP_KEYMAT_SIZE];
static const uint8_t wiped[ESP_KEYMAT_SIZE];

static bool parse(const char *text)
{
	memset(keymat, 0xee, sizeof(keymat));
	return key_parse(text, strlen(text), keymat);
}

static void assert_key(void)
{
	for (unsigned i = 0; i < sizeof(keymat); i++)
		assert_int_equal(keymat[i], i);
}

static void test_forms_of_a_key(void **unused)
{
	static const char *const forms[] = {DIGITS, DIGITS "\n", "0x" DIGITS, "0X" DIGITS "\r\n",
					    " \t\n" DIGITS " \n\n"};

	(void)unused;
	for (size_t i = 0; i < 5; i++) {
		assert_true(parse(forms[i]));
		assert_key();
	}
}

static void test_what_is_no_key_leaves_nothing(void **unused)
{
	static const char *const forms[] = {
		"", "\n", "0x", DIGITS "0", DIGITS "00", DIGITS DIGITS, "00" DIGITS, "x" DIGITS, "0x0x" DIGITS};

	(void)unused;
	for (size_t i = 0; i < 9; i++) {
		assert_false(parse(forms[i]));
		assert_memory_equal(keymat, wiped, sizeof(wiped));
	}
}

static void test_every_digit_is_looked_at(void **unused)
{
	char text[] = DIGITS;

	(void)unused;
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		static const char bad[] = {'g', '/', ':', '@', '`', ' ', '\n', '\0', (char)0xff};
		const char good = text[i];

		for (size_t k = 0; k < sizeof(bad); k++) {
			text[i] = bad[k];
			assert_false(key_parse(text, 2 * ESP_KEYMAT_SIZE, keymat));
			assert_memory_equal(keymat, wiped, sizeof(wiped));
		}
		text[i] = good;
	}
}

/* ---- files ---- */

static void write_file(const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_file(void **unused)
{
	struct fault f;

	(void)unused;
	write_file(DIGITS "\n", 0600);
	assert_int_equal(key_file_read(path, keymat, &f), 0);
	assert_key();
	write_file(DIGITS "\n", 0400);
	assert_int_equal(key_file_read(path, keymat, &f), 0);
}

static void test_file_that_others_reach(void **unused)
{
	static const mode_t modes[] = {0640, 0620, 0604, 0602, 0610, 0601, 0666};
	struct fault f;

	(void)unused;
	for (size_t i = 0; i < 7; i++) {
		write_file(DIGITS, modes[i]);
		assert_int_equal(key_file_read(path, keymat, &f), -EACCES);
		assert_non_null(strstr(f.text, path));
		assert_non_null(strstr(f.text, "chmod 600"));
	}
}

static void test_fault_never_shows_the_key(void **unused)
{
	struct fault f;

	(void)unused;
	write_file(DIGITS "zz", 0600);
	assert_int_equal(key_file_read(path, keymat, &f), -EINVAL);
	assert_non_null(strstr(f.text, path));
	assert_null(strstr(f.text, "0001"));
	assert_memory_equal(keymat, wiped, sizeof(wiped));
}

static void test_file_larger_than_a_key_can_be(void **unused)
{
	char text[2000];
	struct fault f;

	(void)unused;
	memset(text, ' ', sizeof(text));
	memcpy(text, DIGITS, strlen(DIGITS));
	text[sizeof(text) - 2] = '0';
	text[sizeof(text) - 1] = '\0';
	/* What stands behind the blanks must not be cut off and forgotten. */
	write_file(text, 0600);
	assert_int_equal(key_file_read(path, keymat, &f), -EINVAL);
}

static void test_no_file(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(key_file_read("/nonexistent/key", keymat, &f), -ENOENT);
	assert_int_equal(key_file_read("/tmp", keymat, &f), -EISDIR);
}

/* Whoever owns it may read it, whatever its mode. */
static void test_file_of_another_user(void **unused)
{
	struct fault f;

	(void)unused;
	if (geteuid())
		skip();
	write_file(DIGITS, 0600);
	assert_int_equal(chown(path, 1234, 0), 0);
	assert_int_equal(key_file_read(path, keymat, &f), -EACCES);
	assert_non_null(strstr(f.text, "belongs to user 1234"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_of_a_key),
		cmocka_unit_test(test_what_is_no_key_leaves_nothing),
		cmocka_unit_test(test_every_digit_is_looked_at),
		cmocka_unit_test_setup_teardown(test_file, make_file, remove_file),
		cmocka_unit_test_setup_teardown(test_file_that_others_reach, make_file, remove_file),
		cmocka_unit_test_setup_teardown(test_fault_never_shows_the_key, make_file, remove_file),
		cmocka_unit_test_setup_teardown(test_file_larger_than_a_key_can_be, make_file, remove_file),
		cmocka_unit_test_setup_teardown(test_file_of_another_user, make_file, remove_file),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
