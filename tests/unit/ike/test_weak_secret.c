/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "keyholder/weak_secret.h"

static void assert_verdict(const char *secret, const char *verdict)
{
	const char *said = weak_secret((const uint8_t *)secret, strlen(secret));

	if (!said != !verdict || (said && !strstr(said, verdict)))
		fail_msg("%s: %s", secret, said ? said : "good");
}

static void weak_ones(void **state)
{
	(void)state;
	assert_verdict("", "shorter");
	assert_verdict("7b0e4f6c1d2a938", "shorter");
	assert_verdict("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "again and again");
	assert_verdict("123412341234123412341234123412341234", "again and again");
	assert_verdict("passwordpassword", "words");
	assert_verdict("Correct-Horse-Staple", "words");
	assert_verdict("companysecret2026!", "words");
	assert_verdict("20261129123456789", "number");
}

static void good_ones(void **state)
{
	(void)state;
	assert_verdict("7b0e4f6c1d2a9385", NULL);
	assert_verdict("0c5f1d8a7b6e94c3c4e7f60b1a2d3c4e5f60718293a4b5c6d7e8f9010a2b3c4d", NULL);
	assert_verdict("kX9wQmTzRb4LpVhs", NULL);
	assert_verdict("QwkXhRzmTbLpVhsGj", NULL);
	assert_verdict("correct horse battery staple", NULL);
	assert_verdict("Jb0p+Zk1/4w7Qm5mC2Q0Yw==", NULL);
}

/* Whatever the bytes are. */
static void bytes(void **state)
{
	uint8_t secret[32];

	(void)state;
	for (unsigned i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)(i * 37 + 128);
	assert_null(weak_secret(secret, sizeof(secret)));
	memset(secret, 0, sizeof(secret));
	assert_non_null(weak_secret(secret, sizeof(secret)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weak_ones),
		cmocka_unit_test(good_ones),
		cmocka_unit_test(bytes),
	};

	return cmocka_run_group_tests_name("IKE, weak secrets", tests, NULL, NULL);
}
