/* SPDX-License-Identifier: BSD-2-Clause */
/* Cookies: good for whom they were made and for two minutes at most, and for nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/cookie.h"

static uint8_t nonce[32] = {9, 8, 7};

static void fill(void *arg, void *out, size_t size)
{
	uint8_t *count = arg;

	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (*count)++;
}

static uint8_t count;

static struct cookie_jar jar_of(uint64_t now)
{
	struct cookie_jar jar = {.random = fill, .arg = &count};

	cookie_init(&jar, now);
	return jar;
}

static struct cookie_input input(void)
{
	return (struct cookie_input){
		.nonce = nonce, .nonce_size = sizeof(nonce), .addr = {192, 0, 2, 1}, .port = 500, .spi_i = 77};
}

static void made_is_good(void **state)
{
	struct cookie_jar jar = jar_of(1000);
	const struct cookie_input in = input();
	uint8_t cookie[COOKIE_SIZE], again[COOKIE_SIZE];

	(void)state;
	cookie_make(&jar, 1000, &in, cookie);
	assert_true(cookie_check(&jar, 1000, &in, cookie, sizeof(cookie)));
	cookie_make(&jar, 2000, &in, again);
	assert_memory_equal(cookie, again, sizeof(cookie));
}

/* Without state, that is all that there is against who is not where it says. */
static void it_is_bound_to_all_of_its_input(void **state)
{
	struct cookie_jar jar = jar_of(1000);
	struct cookie_input in = input();
	uint8_t cookie[COOKIE_SIZE], other[32];

	(void)state;
	cookie_make(&jar, 1000, &in, cookie);
	in.addr[3]++;
	assert_false(cookie_check(&jar, 1000, &in, cookie, sizeof(cookie)));
	in = input();
	in.port++;
	assert_false(cookie_check(&jar, 1000, &in, cookie, sizeof(cookie)));
	in = input();
	in.spi_i++;
	assert_false(cookie_check(&jar, 1000, &in, cookie, sizeof(cookie)));
	in = input();
	in.nonce_size--;
	assert_false(cookie_check(&jar, 1000, &in, cookie, sizeof(cookie)));
	memcpy(other, nonce, sizeof(other));
	other[31] ^= 1;
	in = input();
	in.nonce = other;
	assert_false(cookie_check(&jar, 1000, &in, cookie, sizeof(cookie)));
}

static void each_byte_and_its_size_count(void **state)
{
	struct cookie_jar jar = jar_of(1000);
	const struct cookie_input in = input();
	uint8_t cookie[COOKIE_SIZE + 1] = {0};

	(void)state;
	cookie_make(&jar, 1000, &in, cookie);
	for (size_t i = 0; i < COOKIE_SIZE; i++) {
		cookie[i] ^= 0x80;
		assert_false(cookie_check(&jar, 1000, &in, cookie, COOKIE_SIZE));
		cookie[i] ^= 0x80;
	}
	for (size_t size = 0; size < COOKIE_SIZE; size++) {
		uint8_t *copy = malloc(size ? size : 1);

		memcpy(copy, cookie, size);
		assert_false(cookie_check(&jar, 1000, &in, copy, size));
		free(copy);
	}
	assert_false(cookie_check(&jar, 1000, &in, cookie, COOKIE_SIZE + 1));
	assert_true(cookie_check(&jar, 1000, &in, cookie, COOKIE_SIZE));
}

/* The secret changes each minute; the one before it is still good, the one before that is not. */
static void it_ages(void **state)
{
	struct cookie_jar jar = jar_of(1000);
	const struct cookie_input in = input();
	uint8_t cookie[COOKIE_SIZE], next[COOKIE_SIZE];

	(void)state;
	cookie_make(&jar, 1000, &in, cookie);
	assert_true(cookie_check(&jar, 1000 + COOKIE_SECRET_LIFE_MS, &in, cookie, sizeof(cookie)));
	cookie_make(&jar, 1000 + COOKIE_SECRET_LIFE_MS, &in, next);
	assert_memory_not_equal(cookie, next, sizeof(cookie));
	assert_true(cookie_check(&jar, 1000 + COOKIE_SECRET_LIFE_MS, &in, next, sizeof(next)));
	assert_false(cookie_check(&jar, 1000 + 2 * COOKIE_SECRET_LIFE_MS, &in, cookie, sizeof(cookie)));
	assert_true(cookie_check(&jar, 1000 + 2 * COOKIE_SECRET_LIFE_MS, &in, next, sizeof(next)));
}

/* Nobody came for a day: the secret before this one is as old as any. */
static void it_ages_in_quiet_times_too(void **state)
{
	struct cookie_jar jar = jar_of(1000);
	const struct cookie_input in = input();
	uint8_t cookie[COOKIE_SIZE];

	(void)state;
	cookie_make(&jar, 1000, &in, cookie);
	assert_false(cookie_check(&jar, 1000 + 86400000, &in, cookie, sizeof(cookie)));
}

static void two_jars_have_two_secrets(void **state)
{
	struct cookie_jar a = jar_of(1000), b = jar_of(1000);
	const struct cookie_input in = input();
	uint8_t cookie[COOKIE_SIZE];

	(void)state;
	cookie_make(&a, 1000, &in, cookie);
	assert_false(cookie_check(&b, 1000, &in, cookie, sizeof(cookie)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_is_good),
		cmocka_unit_test(it_is_bound_to_all_of_its_input),
		cmocka_unit_test(each_byte_and_its_size_count),
		cmocka_unit_test(it_ages),
		cmocka_unit_test(it_ages_in_quiet_times_too),
		cmocka_unit_test(two_jars_have_two_secrets),
	};

	return cmocka_run_group_tests_name("IKE cookies", tests, NULL, NULL);
}
