/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether IKE has a connection just so: each word of its section counts, and each file of it; not where it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config/config_file.h"
#include "daemon/ike_known.h"
#include "unit/temp_file.h"

#define CORE "[connection core]\nlocal = 192.0.2.1\nremote = 192.0.2.2\nauth = psk\npsk-file = psk\n"

static const struct ike_numbers numbers = {.psk = 1, .cert = 2, .ca = 3, .crl = 4};

static void digest_of(const char *text, const struct ike_numbers *n, uint8_t digest[KNOWN_DIGEST])
{
	FILE *file = fopen(path, "w");
	struct config config;
	struct fault f = {""};

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	if (config_read(&config, path, &f))
		fail_msg("%s", f.text);
	assert_int_equal(ike_known_digest(&config.connections[config.connection_count - 1], n, digest), 0);
	config_free(&config);
}

static bool same(const char *text, const struct ike_numbers *n)
{
	uint8_t first[KNOWN_DIGEST], second[KNOWN_DIGEST];

	digest_of(CORE, &numbers, first);
	digest_of(text, n, second);
	return memcmp(first, second, KNOWN_DIGEST) == 0;
}

static void each_word_counts(void **unused)
{
	static const char *const words[] = {"protect = icmp\n", "start = initiate\n", "esn = no\n",
					    "local-id = a.b\n", "rekey-bytes = 1G\n", "gre = yes\n"};
	char text[300];

	(void)unused;
	assert_true(same(CORE, &numbers));
	assert_true(same("# a comment\n[policy ten]\ndst = 10.0.0.0/8\naction = discard\n" CORE, &numbers));
	assert_true(same(CORE "rekey-time = 1h\nprotect = all\n", &numbers));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(text, sizeof(text), CORE "%s", words[i]);
		assert_false(same(text, &numbers));
	}
	assert_false(same(CORE "protect = tcp/179\n", &numbers));
}

static void each_file_counts(void **unused)
{
	struct ike_numbers other;

	(void)unused;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(uint32_t); i++) {
		other = numbers;
		((uint32_t *)&other)[i] += 10;
		assert_false(same(CORE, &other));
	}
}

static void by_name_and_digest(void **unused)
{
	uint8_t digest[KNOWN_DIGEST] = {1}, other[KNOWN_DIGEST] = {2};
	struct ike_known known = {0};
	char name[16];

	(void)unused;
	assert_false(ike_known_has(&known, "c0", digest));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		assert_int_equal(ike_known_add(&known, name, digest), 0);
	}
	assert_true(ike_known_has(&known, "c0", digest));
	assert_true(ike_known_has(&known, "c999", digest));
	assert_false(ike_known_has(&known, "c999", other));
	assert_false(ike_known_has(&known, "c1000", digest));
	ike_known_free(&known);
	assert_false(ike_known_has(&known, "c0", digest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_counts),
		cmocka_unit_test(each_file_counts),
		cmocka_unit_test(by_name_and_digest),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
