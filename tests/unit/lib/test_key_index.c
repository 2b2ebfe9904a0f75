/* SPDX-License-Identifier: BSD-2-Clause */
/* Things found by key: all of them, the first of equal ones, none that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/key_index.h"

#define THINGS 10000

static char names[THINGS][16];

static bool is_it(const void *array, size_t place, const void *key)
{
	return strcmp(((const char(*)[16])array)[place], key) == 0;
}

static size_t find(const struct key_index *index, const char *name)
{
	return key_index_find(index, key_hash_text(name), is_it, names, name);
}

static void fill(struct key_index *index, unsigned different)
{
	for (unsigned i = 0; i < THINGS; i++) {
		snprintf(names[i], sizeof(names[i]), "c%u", i % different);
		assert_int_equal(key_index_add(index, key_hash_text(names[i]), i), 0);
	}
}

static void each_is_found_and_no_other(void **state)
{
	struct key_index index = {0};
	char name[16];

	(void)state;
	assert_true(find(&index, "c0") == KEY_INDEX_NONE);
	fill(&index, THINGS);
	for (unsigned i = 0; i < THINGS; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		assert_int_equal(find(&index, name), i);
	}
	assert_true(find(&index, "c10000") == KEY_INDEX_NONE);
	key_index_clear(&index);
	assert_true(find(&index, "c0") == KEY_INDEX_NONE);
}

/* Also after it has grown: a walk through the array would find that one, too. */
static void of_equal_ones_the_first(void **state)
{
	struct key_index index = {0};
	char name[16];

	(void)state;
	fill(&index, 100);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		assert_int_equal(find(&index, name), i);
	}
	key_index_clear(&index);
}

/* Which are one number, the places of a table are others: else a search would be a walk. */
static void hashes_differ_where_places_are_taken(void **state)
{
	unsigned seen[256] = {0};

	(void)state;
	for (uint32_t i = 0; i < 256 * 16; i++)
		seen[key_hash(&i, sizeof(i), 0) >> 32 & 255]++;
	for (unsigned i = 0; i < 256; i++)
		assert_in_range(seen[i], 1, 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_found_and_no_other),
		cmocka_unit_test(of_equal_ones_the_first),
		cmocka_unit_test(hashes_differ_where_places_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
