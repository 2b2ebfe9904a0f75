/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of other programs' files: each is answered, none is a key of ours, and what an answer calls a key is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config_file.h"
#include "config/foreign_keys.h"
#include "unit/temp_file.h"

static const struct {
	const char *section;
	const struct foreign_word *keys;
} kinds[] = {
	{"connection c", connection_foreign_keys},
	{"interface eth0", interface_foreign_keys},
	{"policy p", policy_foreign_keys},
	{"daemon", daemon_foreign_keys},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What a file says that has one key, with a value that none of ours takes. */
static const char *said_of(const char *section, const char *key, size_t n)
{
	static struct fault f;
	struct config config;
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "[%s]\n%.*s = \x01\n", section, (int)n, key);
	fclose(file);
	assert_int_equal(config_read(&config, path, &f), -EINVAL);
	return f.text;
}

static void each_is_answered(void **unused)
{
	(void)unused;
	for (size_t k = 0; k < KINDS; k++) {
		for (const struct foreign_word *w = kinds[k].keys; w->names; w++) {
			for (const char *name = w->names; *name; name += strcspn(name, "|"), name += *name == '|') {
				const char *said = said_of(kinds[k].section, name, strcspn(name, "|"));

				if (!strstr(said, w->answer))
					fail_msg("%s: '%s' gave '%s'", kinds[k].section, name, said);
			}
		}
	}
}

/* "here it is 'local-id'" */
static void what_it_is_called_here_is_a_key(void **unused)
{
	static const char here[] = "here it is '";

	(void)unused;
	for (size_t k = 0; k < KINDS; k++) {
		for (const struct foreign_word *w = kinds[k].keys; w->names; w++) {
			const char *key = w->answer + sizeof(here) - 1;

			if (strncmp(w->answer, here, sizeof(here) - 1) != 0 || strstr(w->answer, "in [daemon]"))
				continue;
			if (strstr(said_of(kinds[k].section, key, strcspn(key, "'")), "has no key"))
				fail_msg("%s: %s", kinds[k].section, w->answer);
		}
	}
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, make_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILE(each_is_answered),
		WITH_FILE(what_it_is_called_here_is_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
