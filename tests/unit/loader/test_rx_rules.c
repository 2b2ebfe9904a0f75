/* SPDX-License-Identifier: BSD-2-Clause */
/* net/rx_rules.c: where a rule goes in a table that others use, too. The driver is played (link with
 * --wrap=ethtool_ask). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "net/rx_rules.h"

static struct {
	uint32_t size, count;
	bool used[RX_RULES_TABLE_MAX];
} fake;

static void read_table(struct ethtool_rxnfc *c, bool all)
{
	uint32_t n = 0;

	for (uint32_t i = 0; all && i < RX_RULES_TABLE_MAX; i++)
		if (fake.used[i])
			c->rule_locs[n++] = i;
	c->data = fake.size;
	c->rule_cnt = fake.count;
}

static void use(uint32_t location)
{
	assert_false(fake.used[location]);
	fake.used[location] = true;
	fake.count++;
}

int __wrap_ethtool_ask(const char *name, void *command);
int __wrap_ethtool_ask(const char *name, void *command)
{
	struct ethtool_rxnfc *c = command;

	(void)name;
	switch (c->cmd) {
	case ETHTOOL_GRXCLSRLCNT:
	case ETHTOOL_GRXCLSRLALL:
		read_table(c, c->cmd == ETHTOOL_GRXCLSRLALL);
		return 0;
	case ETHTOOL_SRXCLSRLINS:
		assert_true(c->fs.location < fake.size);
		use(c->fs.location);
		return 0;
	}
	return -EOPNOTSUPP;
}

static int begin(void **unused)
{
	(void)unused;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static void the_last_that_is_free_is_taken(void **unused)
{
	static const uint32_t free_ones[] = {6, 3, 1};
	struct rx_rules rules;
	uint32_t location;

	(void)unused;
	fake.size = 8;
	use(7);
	use(5);
	use(4);
	use(2);
	use(0);
	/* Beyond the table, where some drivers have rules of their own. */
	use(9);
	assert_int_equal(rx_rules_read("eth0", &rules), 0);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(rx_rules_add("eth0", &rules, 0x1000 + i, 0, &location), 0);
		assert_int_equal(location, free_ones[i]);
	}
	assert_int_equal(rx_rules_add("eth0", &rules, 0x2000, 0, &location), -ENOSPC);
	rx_rules_free(&rules);
}

/* Each place is looked at once, in some ms: a search from the end for each rule takes half a second, and one
 * through all rules for each place hours. */
static void a_large_table_is_filled_in_no_time(void **unused)
{
	const clock_t before = clock();
	struct rx_rules rules;
	uint32_t location;

	(void)unused;
	fake.size = RX_RULES_TABLE_MAX;
	for (uint32_t i = 0; i < fake.size; i += 2)
		use(i);
	assert_int_equal(rx_rules_read("eth0", &rules), 0);
	for (uint32_t i = 0; i < fake.size / 2; i++) {
		assert_int_equal(rx_rules_add("eth0", &rules, 0x1000 + i, 0, &location), 0);
		assert_true(i % 1024 || clock() - before < CLOCKS_PER_SEC / 4);
	}
	assert_int_equal(rx_rules_add("eth0", &rules, 1, 0, &location), -ENOSPC);
	rx_rules_free(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_last_that_is_free_is_taken, begin),
		cmocka_unit_test_setup(a_large_table_is_filled_in_no_time, begin),
	};

	return cmocka_run_group_tests_name("rx_rules", tests, NULL, NULL);
}
