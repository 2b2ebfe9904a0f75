/* SPDX-License-Identifier: BSD-2-Clause */
/* What a file says otherwise than the one before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config/config_changes.h"
#include "config/config_file.h"
#include "unit/temp_file.h"

#define CORE \
	"[connection core]\nlocal = 192.0.2.1\nremote = 192.0.2.2\nauth = psk\npsk-file = psk\n" \
	"protect = tcp/179, icmp\n"
#define TEN "[policy ten]\ndst = 10.0.0.0/8\naction = protect\n"

static void read_text(struct config *config, const char *text)
{
	FILE *file = fopen(path, "w");
	struct fault f = {""};

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	if (config_read(config, path, &f))
		fail_msg("%s", f.text);
}

/* The changes from one text to the other, "WHAT NAME CHANGE; " each. */
static const char *changes(const char *before, const char *after)
{
	static char text[1000];
	cJSON *list = cJSON_CreateArray();
	struct config configs[2];
	const cJSON *change;
	size_t n = 0;

	read_text(&configs[0], before);
	read_text(&configs[1], after);
	config_changes(&configs[0], &configs[1], list);
	text[0] = '\0';
	cJSON_ArrayForEach(change, list)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s %s; ", json_text(change, "what"),
				      json_text(change, "name"), json_text(change, "change"));
	cJSON_Delete(list);
	config_free(&configs[0]);
	config_free(&configs[1]);
	return text;
}

/* Also where it stands on other lines, behind others, or in other words. */
static void test_the_same(void **unused)
{
	(void)unused;
	assert_string_equal(changes(CORE TEN, CORE TEN), "");
	assert_string_equal(changes(CORE TEN, "# a comment\n\n" TEN CORE), "");
	assert_string_equal(changes(CORE, CORE "rekey-time = 1h\nstart = trap\n"), "");
	assert_string_equal(changes("[daemon]\n", "[daemon]\naead = auto\nlanes = auto\n"), "");
}

static void test_sections_come_and_go(void **unused)
{
	(void)unused;
	assert_string_equal(changes(CORE, CORE TEN), "policy ten added; ");
	assert_string_equal(changes(CORE TEN, TEN), "connection core removed; ");
	assert_string_equal(changes("[daemon]\n", TEN CORE), "connection core added; policy ten added; ");
}

static void test_any_key_counts(void **unused)
{
	static const char *const keys[] = {"rekey-time = 30m", "start = respond",    "monitor = 1s",
					   "esn = no",	       "remote-id = a.b",    "gre = yes",
					   "threshold = 7",    "replay-window = 64", "reauth-time = 1d",
					   "local-id = x.y",   "dpd-interval = 0"};
	char text[400];

	(void)unused;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(text, sizeof(text), CORE "%s\n", keys[i]);
		assert_string_equal(changes(CORE, text), "connection core changed; ");
		assert_string_equal(changes(text, CORE), "connection core changed; ");
	}
}

static void test_what_is_protected_counts(void **unused)
{
#define BEGIN "[connection c]\nlocal = 192.0.2.1\nremote = 192.0.2.2\nauth = psk\npsk-file = psk\nprotect = "
	(void)unused;
	assert_string_equal(changes(BEGIN "tcp/179\n", BEGIN "tcp/180\n"), "connection c changed; ");
	assert_string_equal(changes(BEGIN "tcp/179\n", BEGIN "tcp/179, icmp\n"), "connection c changed; ");
	assert_string_equal(changes(BEGIN "tcp/179, icmp\n", BEGIN "all\n"), "connection c changed; ");
	assert_string_equal(changes(TEN, "[policy ten]\ndst = 10.0.0.0/8\naction = discard\n"), "policy ten changed; ");
	assert_string_equal(changes(TEN, "[policy ten]\ndst = 10.0.0.0/9\naction = protect\n"), "policy ten changed; ");
}

static void test_the_daemon(void **unused)
{
	(void)unused;
	assert_string_equal(changes("[daemon]\n", "[daemon]\nmark = 7\nunknown-spi = pass\naead = openssl\nlanes = 3\n"
						  "cpus = 0\nlatency = low\nkeylog = yes\n"),
			    "daemon mark restart; daemon unknown-spi restart; daemon aead restart; daemon lanes "
			    "restart; daemon cpus restart; daemon latency restart; daemon keylog restart; ");
	assert_string_equal(changes("[daemon]\n", "[daemon]\nike-dscp = 48\ncookie-threshold = 5\n"),
			    "daemon cookie-threshold changed; daemon ike-dscp changed; ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same),       cmocka_unit_test(test_sections_come_and_go),
		cmocka_unit_test(test_any_key_counts), cmocka_unit_test(test_what_is_protected_counts),
		cmocka_unit_test(test_the_daemon),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
