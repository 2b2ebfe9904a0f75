/* SPDX-License-Identifier: BSD-2-Clause */
/* engine/table.h: to find one takes as long among many as among few, and those of one key keep their order meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/table.h"

/* As many as there may be SAs (maps/layout.h). */
#define MANY 262144
#define SEED 0x9e3779b97f4a7c15ULL
/* With one object for each chain, or fewer, more than so many in one are next to impossible. */
#define CHAIN_MAX 20

static struct table_node nodes[MANY];

static int setup(void **state)
{
	static struct table t;

	*state = &t;
	for (size_t i = 0; i < MANY; i++)
		nodes[i] = (struct table_node){0};
	return table_init(&t, SEED);
}

static int teardown(void **state)
{
	table_free(*state);
	return 0;
}

static size_t place_of(const struct table *t, const struct table_node *wanted)
{
	const struct table_node *node = wanted;
	size_t before = 0;

	/* To the beginning of its chain. */
	while (node->back != NULL) {
		const struct table_node *one = container_of(node->back, struct table_node, next);

		if (one < nodes || one >= nodes + MANY)
			break;
		node = one;
		before++;
	}
	assert_ptr_equal(table_find(t, wanted->key), wanted);
	return before;
}

static void chains_stay_short(void **state)
{
	struct table *t = *state;
	size_t longest = 0, sum = 0;

	for (size_t i = 0; i < MANY; i++)
		table_add(t, &nodes[i], i);
	for (size_t i = 0; i < MANY; i++) {
		const size_t at = place_of(t, &nodes[i]);

		sum += at;
		if (at > longest)
			longest = at;
	}
	print_message("%.2f looked at in vain in the mean, %zu at most\n", (double)sum / MANY, longest);
	assert_in_range(longest, 0, CHAIN_MAX);
	assert_true(sum < 2 * MANY);
}

/* The room is for those that there are, however many have come and gone. */
static void those_that_have_gone_take_no_room(void **state)
{
	struct table *t = *state;
	unsigned bits;

	for (size_t i = 0; i < 1000; i++)
		table_add(t, &nodes[i], i);
	bits = t->bits;
	for (size_t i = 0; i < MANY; i++) {
		table_remove(&nodes[i % 1000]);
		table_add(t, &nodes[i % 1000], i);
	}
	assert_in_range(t->bits, bits, bits + 2);
	for (size_t i = MANY - 1000; i < MANY; i++)
		assert_ptr_equal(table_find(t, i), &nodes[i % 1000]);
	assert_null(table_find(t, 0));
}

/* Who walks through those of a key, and enters others meanwhile, meets each once and in its turn. */
static void order_is_kept(void **state)
{
	const struct table_node *node;
	struct table *t = *state;
	size_t next = 1000, seen = 0;

	for (size_t i = 0; i < 100; i++)
		table_append(t, &nodes[i], 7);
	for (node = table_find(t, 7); node; node = table_next(node)) {
		assert_ptr_equal(node, &nodes[seen++]);
		for (size_t i = 0; i < 100; i++, next++)
			table_add(t, &nodes[next], next);
	}
	assert_int_equal(seen, 100);
	table_add(t, &nodes[200], 7);
	assert_ptr_equal(table_find(t, 7), &nodes[200]);
	assert_ptr_equal(table_next(&nodes[200]), &nodes[0]);
}

#define IN_TABLE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_TABLE(chains_stay_short),
		IN_TABLE(those_that_have_gone_take_no_room),
		IN_TABLE(order_is_kept),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
