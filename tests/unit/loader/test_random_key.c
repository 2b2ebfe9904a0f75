/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "config/key_file.h"
#include "pki/random_key.h"

static void test_is_a_key_of_an_sa(void **unused)
{
	char text[RANDOM_KEY_TEXT];
	uint8_t keymat[ESP_KEYMAT_SIZE];

	(void)unused;
	assert_int_equal(random_key_text(text, ESP_KEYMAT_SIZE), 73);
	assert_int_equal(strlen(text), 73);
	assert_true(key_parse(text, 73, keymat));
}

/* Each digit has been one and another among a few: a byte that is never written is 1 of 2^60. */
static void test_every_digit_is_random(void **unused)
{
	char first[RANDOM_KEY_TEXT], other[RANDOM_KEY_TEXT];
	bool differs[2 * PSK_BYTES] = {false};

	(void)unused;
	assert_int_equal(random_key_text(first, PSK_BYTES), 2 * PSK_BYTES + 1);
	for (int i = 0; i < 16; i++) {
		random_key_text(other, PSK_BYTES);
		for (int k = 0; k < 2 * PSK_BYTES; k++)
			differs[k] |= first[k] != other[k];
	}
	for (int k = 0; k < 2 * PSK_BYTES; k++)
		assert_true(differs[k]);
	assert_int_equal(first[2 * PSK_BYTES], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_a_key_of_an_sa),
		cmocka_unit_test(test_every_digit_is_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
