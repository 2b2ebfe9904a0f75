/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies in a map that has room for four prefixes. Needs root, for the map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include "policy/spd_store.h"
#include "unit/needs_root.h"

static struct maps maps;

static int make_map(void **unused)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	(void)unused;
	maps.spd =
		bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, NULL, sizeof(struct spd_key), sizeof(struct spd_entry), 4, &opts);
	return maps.spd < 0;
}

static int free_map(void **unused)
{
	(void)unused;
	return close(maps.spd);
}

/* Hosts of 10.0.0.0/8, by their last byte, each discarded; and all of it, with that action. */
static int write_hosts(uint8_t from, uint8_t to, enum spd_action around, struct fault *f)
{
	struct policy p = {.remote = {.addr = {10}, .len = 8}, .rule = {.action = around, .origin = 8}};
	struct spd spd = {0};
	int err = spd_add(&spd, &p, f);

	p.rule = (struct spd_rule){.action = SPD_DISCARD, .origin = 32};
	p.remote.len = 32;
	for (unsigned n = from; n <= to && !err; n++) {
		p.remote.addr[3] = (uint8_t)n;
		err = spd_add(&spd, &p, f);
	}
	if (!err)
		err = spd_write(&maps, &spd, f);
	spd_free(&spd);
	return err;
}

static void assert_hosts(uint8_t from, uint8_t to, enum spd_action around)
{
	struct spd spd;

	assert_int_equal(spd_read(&maps, &spd, NULL), 0);
	spd_sort(&spd);
	assert_int_equal(spd.count, 2 + to - from);
	assert_int_equal(spd.policies[0].rule.action, around);
	for (unsigned n = from; n <= to; n++)
		assert_int_equal(spd.policies[1 + n - from].remote.addr[3], n);
	spd_free(&spd);
}

static void test_written(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(write_hosts(1, 2, SPD_PROTECT, &f), 0);
	assert_hosts(1, 2, SPD_PROTECT);
	assert_int_equal(write_hosts(3, 3, SPD_BYPASS, &f), 0);
	assert_hosts(3, 3, SPD_BYPASS);
}

/* There is no room for the second new one: what was changed before that is as it was. */
static void test_no_room(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(write_hosts(1, 2, SPD_BYPASS, &f), 0);
	assert_int_equal(write_hosts(3, 5, SPD_PROTECT, &f), -ENOSPC);
	assert_non_null(strstr(f.text, "by two steps"));
	assert_hosts(1, 2, SPD_BYPASS);
}

#define WITH_MAP(test) cmocka_unit_test_setup_teardown(test, make_map, free_map)

int main(void)
{
	struct CMUnitTest tests[] = {
		WITH_MAP(test_written),
		WITH_MAP(test_no_room),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
