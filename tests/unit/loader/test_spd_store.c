/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies in a map that has room for four prefixes. Needs root, for the map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/spd_counters.h"
#include "policy/spd_store.h"
#include "unit/needs_root.h"

static struct maps maps;

static int make_spd(size_t entry)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, NULL, sizeof(struct spd_key), (uint32_t)entry, 4, &opts);
}

static int make_map(void **unused)
{
	(void)unused;
	maps.slots = SLOTS_DEFAULT;
	maps.spd = make_spd(sizeof(struct spd_entry));
	maps.spd_hits = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, NULL, 4, sizeof(struct policy_hits),
				       spd_counters(SLOTS_DEFAULT), NULL);
	maps.empty = calloc(1, sizeof(*maps.empty));
	return maps.spd < 0 || maps.spd_hits < 0 || !maps.empty;
}

static int free_map(void **unused)
{
	(void)unused;
	close(maps.spd_hits);
	free(maps.empty);
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

/* ---- counters ---- */

static struct policy some_policy(uint8_t host, enum spd_action action, uint32_t prio)
{
	return (struct policy){.remote = {.addr = {10, 0, 0, host}, .len = 32},
			       .rule = {.action = (uint8_t)action, .prio = prio, .origin = 32}};
}

static void write_two(struct policy a, struct policy b)
{
	struct policy policies[] = {a, b};
	struct spd spd = {.policies = policies, .count = 2};

	assert_int_equal(spd_write(&maps, &spd, NULL), 0);
}

/* Of the rule for that host, as the map has it. */
static struct spd_rule rule_of(uint8_t host)
{
	const struct policy wanted = some_policy(host, SPD_BYPASS, 0);
	struct spd spd;
	struct spd_rule rule;

	assert_int_equal(spd_read(&maps, &spd, NULL), 0);
	spd_sort(&spd);
	assert_non_null(spd_find(&spd, &wanted));
	rule = spd_find(&spd, &wanted)->rule;
	spd_free(&spd);
	return rule;
}

static void count(uint32_t counter, uint64_t packets)
{
	const int cpus = libbpf_num_possible_cpus();
	struct policy_hits *each = calloc((size_t)cpus, sizeof(*each));

	for (int i = 0; i < cpus; i++)
		each[i].out.packets = packets;
	assert_int_equal(bpf_map_update_elem(maps.spd_hits, &counter, each, BPF_ANY), 0);
	free(each);
}

static uint64_t packets_of(uint8_t host)
{
	const struct spd_rule rule = rule_of(host);
	struct policy_hits hits;

	assert_true(spd_counters_read(&maps, &rule, &hits));
	return hits.out.packets;
}

static void test_each_is_counted_by_itself_from_0(void **unused)
{
	(void)unused;
	for (uint32_t counter = 0; counter < 4; counter++)
		count(counter, 99);
	write_two(some_policy(1, SPD_PROTECT, 0), some_policy(2, SPD_PROTECT, 0));
	assert_int_not_equal(rule_of(1).counter, rule_of(2).counter);
	assert_int_equal(packets_of(1), 0);
	assert_int_equal(packets_of(2), 0);
	count(rule_of(1).counter, 1);
	assert_int_equal(packets_of(1), libbpf_num_possible_cpus());
	assert_int_equal(packets_of(2), 0);
}

/* As long as it is the same: for the same packets, with the same action, whatever goes before or beside it. */
static void test_a_policy_keeps_its_counter(void **unused)
{
	uint32_t counter;

	(void)unused;
	write_two(some_policy(1, SPD_PROTECT, 0), some_policy(2, SPD_PROTECT, 0));
	counter = rule_of(2).counter;
	count(counter, 1);
	write_two(some_policy(3, SPD_PROTECT, 0), some_policy(2, SPD_PROTECT, 7));
	assert_int_equal(rule_of(2).counter, counter);
	assert_int_not_equal(packets_of(2), 0);
	assert_int_not_equal(rule_of(3).counter, counter);
	write_two(some_policy(3, SPD_PROTECT, 0), some_policy(2, SPD_BYPASS, 7));
	assert_int_equal(packets_of(2), 0);
}

/* Each time both are others, and both are zeroed. */
static void test_counters_are_given_again(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 100; i++) {
		const enum spd_action action = i & 1 ? SPD_PROTECT : SPD_DISCARD;

		write_two(some_policy(1, action, 0), some_policy(2, action, 0));
		assert_in_range(rule_of(1).counter, 1, 4);
		assert_int_equal(packets_of(1), 0);
		count(rule_of(1).counter, 1);
	}
}

/* ---- of an earlier layout ---- */

#define OLD_RULE 20

/* Rules as they were before they had counters. */
static int make_old(void)
{
	const struct spd_rule rules[] = {{.action = SPD_DISCARD, .origin = 32, .prio = 5},
					 {.action = SPD_PROTECT, .proto = 6, .origin = 32, .prio = 6}};
	const struct spd_key key = {.prefixlen = 32, .remote = {10, 0, 0, 1}};
	uint8_t entry[4 + OLD_RULE * SPD_RULES_MAX] = {2};
	const int old = make_spd(sizeof(entry));

	for (size_t i = 0; i < 2; i++)
		memcpy(entry + 4 + OLD_RULE * i, &rules[i], OLD_RULE);
	assert_int_equal(bpf_map_update_elem(old, &key, entry, BPF_ANY), 0);
	return old;
}

static void test_read_from_an_earlier_layout(void **unused)
{
	const int old = make_old(), unknown = make_spd(4 + 16 * SPD_RULES_MAX);
	struct spd spd;

	(void)unused;
	assert_int_equal(spd_read_earlier(old, &spd, NULL), 0);
	assert_int_equal(spd.count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(spd.policies[i].rule.prio, 5 + i);
		assert_int_equal(spd.policies[i].rule.counter, 0);
		assert_int_equal(spd.policies[i].remote.addr[3], 1);
	}
	spd_free(&spd);
	assert_int_equal(spd_read_earlier(unknown, &spd, NULL), -EPROTO);
	close(unknown);
	close(old);
}

#define WITH_MAP(test) cmocka_unit_test_setup_teardown(test, make_map, free_map)

int main(void)
{
	struct CMUnitTest tests[] = {
		WITH_MAP(test_written),
		WITH_MAP(test_no_room),
		WITH_MAP(test_each_is_counted_by_itself_from_0),
		WITH_MAP(test_a_policy_keeps_its_counter),
		WITH_MAP(test_counters_are_given_again),
		WITH_MAP(test_read_from_an_earlier_layout),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
