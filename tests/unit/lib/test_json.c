/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of messages that somebody else has written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/json.h"

static uint64_t read_as_u64(const char *text)
{
	cJSON *o = cJSON_Parse(text);
	const uint64_t value = json_u64(o, "n");

	assert_non_null(o);
	cJSON_Delete(o);
	return value;
}

static void whole_numbers_are_as_they_are(void **state)
{
	(void)state;
	assert_int_equal(read_as_u64("{\"n\":7}"), 7);
	assert_int_equal(read_as_u64("{\"n\":7.9}"), 7);
	assert_int_equal(read_as_u64("{\"n\":9007199254740992}"), 1ULL << 53);
}

/* To convert such a double is undefined. */
static void what_does_not_fit_is_the_nearest(void **state)
{
	(void)state;
	assert_int_equal(read_as_u64("{\"n\":-1}"), 0);
	assert_int_equal(read_as_u64("{\"n\":-1e300}"), 0);
	assert_int_equal(read_as_u64("{\"n\":1e300}"), UINT64_MAX);
	assert_int_equal(read_as_u64("{\"n\":1e999}"), UINT64_MAX);
	assert_int_equal(read_as_u64("{\"n\":18446744073709551616}"), UINT64_MAX);
}

static void what_is_no_number_is_0(void **state)
{
	(void)state;
	assert_int_equal(read_as_u64("{}"), 0);
	assert_int_equal(read_as_u64("{\"n\":\"7\"}"), 0);
	assert_int_equal(read_as_u64("{\"n\":null}"), 0);
	assert_int_equal(json_u64(NULL, "n"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers_are_as_they_are),
		cmocka_unit_test(what_does_not_fit_is_the_nearest),
		cmocka_unit_test(what_is_no_number_is_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
