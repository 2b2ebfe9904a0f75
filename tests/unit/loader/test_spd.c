/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/spd.h"

static struct spd spd;
static struct spd_image image;

static int clean(void **unused)
{
	(void)unused;
	spd_free(&spd);
	spd_image_free(&image);
	return 0;
}

/* ---- making ---- */

static struct policy policy(const char *remote, enum spd_action action)
{
	struct policy p = {.rule = {.local_port_max = UINT16_MAX, .remote_port_max = UINT16_MAX}};

	assert_true(parse_prefix(remote, &p.remote));
	p.rule.action = (uint8_t)action;
	p.rule.origin = p.remote.len;
	return p;
}

static void add(struct policy p)
{
	struct fault f;

	assert_int_equal(spd_add(&spd, &p, &f), 0);
}

static void compile(void)
{
	struct fault f;

	spd_image_free(&image);
	assert_int_equal(spd_compile(&spd, SPD_PREFIXES_MIN, &image, &f), 0);
}

static const struct spd_entry *entry(const char *remote)
{
	struct prefix p;
	struct spd_key key;
	const struct spd_item *item;

	assert_true(parse_prefix(remote, &p));
	key.prefixlen = p.len;
	memcpy(key.remote, p.addr, 4);
	item = spd_image_find(&image, &key);
	return item ? &item->entry : NULL;
}

/* The prios of an entry's rules, as digits: tests number their policies by them. */
static const char *order(const char *remote)
{
	static char digits[SPD_RULES_MAX + 1];
	const struct spd_entry *e = entry(remote);
	uint32_t i = 0;

	for (; e && i < e->count; i++)
		digits[i] = (char)('0' + e->rules[i].prio);
	digits[i] = '\0';
	return digits;
}

/* ---- compiling ---- */

static void test_nothing_compiles_to_nothing(void **unused)
{
	(void)unused;
	compile();
	assert_int_equal(image.count, 0);
}

static void test_longer_prefixes_inherit_from_shorter(void **unused)
{
	static const struct {
		const char *remote;
		uint32_t number;
	} rules[] = {{"0.0.0.0/0", 1}, {"10.0.0.0/8", 2}, {"10.1.0.0/16", 3}, {"10.1.2.3", 4}, {"11.0.0.0/8", 5}};

	(void)unused;
	for (size_t i = 0; i < 5; i++) {
		struct policy p = policy(rules[i].remote, SPD_PROTECT);

		p.rule.prio = rules[i].number;
		add(p);
	}
	compile();
	assert_int_equal(image.count, 5);
	assert_string_equal(order("10.1.2.3"), "4321");
	assert_string_equal(order("10.1.0.0/16"), "321");
	assert_string_equal(order("11.0.0.0/8"), "51");
	assert_string_equal(order("0.0.0.0/0"), "1");
	assert_int_equal(entry("10.1.2.3")->rules[1].origin, 16);
}

/* One prefix: local address, then protocol, then fewer ports, then prio. */
static void test_precedence_within_a_prefix(void **unused)
{
	struct policy p = policy("192.0.2.0/24", SPD_PROTECT);

	(void)unused;
	p.rule.prio = 9;
	add(p);
	p.rule.proto = 6;
	p.rule.prio = 8;
	add(p);
	p.rule.remote_port_min = 1000;
	p.rule.prio = 7;
	add(p);
	p.rule.remote_port_max = 1001;
	p.rule.prio = 6;
	add(p);
	p.rule.remote_port_min = 2000;
	p.rule.remote_port_max = 2001;
	p.rule.prio = 5;
	add(p);
	p = policy("192.0.2.0/24", SPD_PROTECT);
	memcpy(p.rule.local, "\xc0\0\2\1", 4);
	p.rule.prio = 4;
	add(p);
	compile();
	assert_string_equal(order("192.0.2.0/24"), "456789");
}

static void test_rules_an_entry_cannot_hold(void **unused)
{
	struct policy p = policy("192.0.2.1", SPD_PROTECT);
	struct fault f;

	(void)unused;
	p.rule.proto = 17;
	for (unsigned i = 0; i < SPD_RULES_MAX; i++) {
		p.rule.local_port_min = p.rule.local_port_max = (uint16_t)i;
		add(p);
	}
	compile();
	assert_int_equal(entry("192.0.2.1")->count, SPD_RULES_MAX);
	add(policy("192.0.0.0/16", SPD_PROTECT));
	spd_image_free(&image);
	assert_int_equal(spd_compile(&spd, SPD_PREFIXES_MIN, &image, &f), -E2BIG);
	assert_non_null(strstr(f.text, "192.0.2.1/32"));
	assert_null(image.items);
}

static void test_prefixes_the_map_cannot_hold(void **unused)
{
	struct policy p = policy("10.0.0.0/24", SPD_PROTECT);
	struct fault f;

	(void)unused;
	for (unsigned i = 0; i < SPD_PREFIXES_MIN; i++) {
		p.remote.addr[1] = (uint8_t)(i >> 8);
		p.remote.addr[2] = (uint8_t)i;
		add(p);
	}
	compile();
	add(policy("192.0.2.1", SPD_PROTECT));
	spd_image_free(&image);
	assert_int_equal(spd_compile(&spd, SPD_PREFIXES_MIN, &image, &f), -ENOSPC);
}

/* ---- against a reading of the rules of precedence, packet by packet ---- */

struct packet {
	uint8_t local[4];
	uint8_t remote[4];
	uint8_t proto;
	uint16_t local_port;
	uint16_t remote_port;
};

static bool matches(const struct spd_rule *r, const struct packet *p)
{
	return (addr_is_zero(r->local) || memcmp(r->local, p->local, 4) == 0) && (!r->proto || r->proto == p->proto) &&
	       r->local_port_min <= p->local_port && p->local_port <= r->local_port_max &&
	       r->remote_port_min <= p->remote_port && p->remote_port <= r->remote_port_max;
}

static uint64_t span(const struct spd_rule *r)
{
	return (r->local_port_max - r->local_port_min + 1ULL) * (r->remote_port_max - r->remote_port_min + 1ULL);
}

/* Whether a goes before b, said again in the words of the documentation. */
static bool goes_before(const struct policy *a, const struct policy *b)
{
	if (a->remote.len != b->remote.len)
		return a->remote.len > b->remote.len;
	if (addr_is_zero(a->rule.local) != addr_is_zero(b->rule.local))
		return addr_is_zero(b->rule.local);
	if (!a->rule.proto != !b->rule.proto)
		return a->rule.proto != 0;
	if (span(&a->rule) != span(&b->rule))
		return span(&a->rule) < span(&b->rule);
	return a->rule.prio < b->rule.prio;
}

static const struct spd_rule *by_the_book(const struct packet *p)
{
	const struct policy *best = NULL;

	for (size_t i = 0; i < spd.count; i++) {
		const struct policy *one = &spd.policies[i];

		if (prefix_covers(&one->remote, p->remote) && matches(&one->rule, p) &&
		    (!best || goes_before(one, best)))
			best = one;
	}
	return best ? &best->rule : NULL;
}

/* What the datapath does: longest prefix, first match. */
static const struct spd_rule *by_the_image(const struct packet *p)
{
	const struct spd_item *longest = NULL;

	for (size_t i = 0; i < image.count; i++) {
		struct prefix at = {.len = (uint8_t)image.items[i].key.prefixlen};

		memcpy(at.addr, image.items[i].key.remote, 4);
		if (prefix_covers(&at, p->remote) && (!longest || at.len > longest->key.prefixlen))
			longest = &image.items[i];
	}
	for (uint32_t i = 0; longest && i < longest->entry.count; i++)
		if (matches(&longest->entry.rules[i], p))
			return &longest->entry.rules[i];
	return NULL;
}

static unsigned random_below(unsigned n)
{
	return (unsigned)rand() % n;
}

/* Few different values, so that policies and packets meet. prio is unique: no two are equal. */
static struct policy random_policy(uint32_t prio)
{
	static const char *const remotes[] = {"0.0.0.0/0",   "10.0.0.0/8",  "10.1.0.0/16",
					      "10.1.2.0/24", "10.1.2.3/32", "10.2.0.0/15"};
	struct policy p = policy(remotes[random_below(6)], (enum spd_action)random_below(3));

	p.rule.prio = prio;
	if (random_below(2))
		memcpy(p.rule.local, random_below(2) ? "\xc0\0\2\1" : "\xc0\0\2\2", 4);
	if (random_below(2))
		return p;
	p.rule.proto = random_below(2) ? 6 : 17;
	if (random_below(2)) {
		p.rule.remote_port_min = (uint16_t)random_below(4);
		p.rule.remote_port_max = (uint16_t)(p.rule.remote_port_min + random_below(4));
	}
	return p;
}

static struct packet random_packet(void)
{
	struct packet p = {
		.local = {192, 0, 2, (uint8_t)(1 + random_below(3))},
		.remote = {(uint8_t)(10 + random_below(2)), (uint8_t)random_below(4), 2, 3},
		.proto = random_below(2) ? 6 : 17,
		.local_port = (uint16_t)random_below(8),
		.remote_port = (uint16_t)random_below(8),
	};

	return p;
}

static void fill_randomly(void)
{
	for (uint32_t i = 0; i < 40; i++) {
		const struct policy p = random_policy(i);

		spd_add(&spd, &p, NULL);
	}
}

static void test_image_decides_as_the_policies_say(void **state)
{
	srand(1);
	for (unsigned round = 0; round < 200; round++) {
		fill_randomly();
		compile();
		for (unsigned i = 0; i < 100; i++) {
			const struct packet p = random_packet();
			const struct spd_rule *want = by_the_book(&p), *got = by_the_image(&p);

			assert_int_equal(want != NULL, got != NULL);
			if (want)
				assert_memory_equal(want, got, sizeof(*want));
		}
		clean(state);
	}
}

static void assert_same(const struct policy *a, const struct policy *b)
{
	assert_memory_equal(a->remote.addr, b->remote.addr, sizeof(a->remote.addr));
	assert_int_equal(a->remote.len, b->remote.len);
	assert_memory_equal(&a->rule, &b->rule, sizeof(a->rule));
}

static void test_policies_come_back_from_the_image(void **state)
{
	srand(2);
	for (unsigned round = 0; round < 100; round++) {
		struct spd back = {0};

		fill_randomly();
		compile();
		for (size_t i = 0; i < image.count; i++)
			assert_int_equal(spd_take_entry(&back, &image.items[i].key, &image.items[i].entry), 0);
		spd_sort(&spd);
		spd_sort(&back);
		assert_int_equal(back.count, spd.count);
		for (size_t i = 0; i < spd.count; i++)
			assert_same(&back.policies[i], &spd.policies[i]);
		spd_free(&back);
		clean(state);
	}
}

/* A map is not to be trusted with more rules than it has room for. */
static void test_count_beyond_the_entry(void **unused)
{
	static struct spd_entry e = {.count = UINT32_MAX};
	const struct spd_key key = {.prefixlen = 24};

	(void)unused;
	for (unsigned i = 0; i < SPD_RULES_MAX; i++)
		e.rules[i].origin = 24;
	assert_int_equal(spd_take_entry(&spd, &key, &e), 0);
	assert_int_equal(spd.count, SPD_RULES_MAX);
}

/* ---- adding and deleting ---- */

static void test_same_selector_is_refused(void **unused)
{
	struct policy p = policy("192.0.2.1", SPD_PROTECT);
	struct fault f;

	(void)unused;
	add(p);
	p.rule.action = SPD_BYPASS;
	p.rule.prio = 3;
	assert_int_equal(spd_add(&spd, &p, &f), -EEXIST);
	assert_non_null(strstr(f.text, "192.0.2.1/32"));
	p.rule.proto = 1;
	assert_int_equal(spd_add(&spd, &p, &f), 0);
}

static void test_delete_by_selector(void **unused)
{
	struct policy p = policy("192.0.2.0/24", SPD_PROTECT), other = policy("192.0.2.0/25", SPD_PROTECT);
	struct fault f;

	(void)unused;
	add(p);
	add(other);
	p.rule.action = SPD_DISCARD;
	assert_int_equal(spd_del(&spd, &p, &f), 0);
	assert_int_equal(spd_del(&spd, &p, &f), -ENOENT);
	assert_int_equal(spd.count, 1);
	assert_int_equal(spd.policies[0].remote.len, 25);
}

static void test_replace_in_place(void **unused)
{
	struct policy p = policy("192.0.2.1", SPD_PROTECT);
	struct fault f;

	(void)unused;
	assert_int_equal(spd_replace(&spd, &p, &f), 0);
	p.rule.action = SPD_BYPASS;
	p.rule.prio = 7;
	assert_int_equal(spd_replace(&spd, &p, &f), 0);
	assert_int_equal(spd.count, 1);
	assert_int_equal(spd.policies[0].rule.action, SPD_BYPASS);
	assert_int_equal(spd.policies[0].rule.prio, 7);
}

/* What the file makes, the file takes away. */
static void test_others_are_not_deleted_or_replaced(void **unused)
{
	static const enum owner owners[] = {OWNER_IKE, OWNER_FILE};
	struct policy p = policy("192.0.2.1", SPD_PROTECT), mine = p;
	struct fault f;

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		p.rule.proto = mine.rule.proto = (uint8_t)(1 + i);
		p.rule.owner = (uint8_t)owners[i];
		add(p);
		assert_int_equal(spd_del(&spd, &mine, &f), -EPERM);
		assert_non_null(strstr(f.text, i ? "[policy]" : "[connection]"));
		assert_int_equal(spd_replace(&spd, &mine, &f), -EPERM);
		assert_int_equal(spd_add(&spd, &mine, &f), -EEXIST);
	}
	assert_int_equal(spd.count, 2);
}

static void test_flush_keeps_what_others_own(void **unused)
{
	struct policy p = policy("192.0.2.1", SPD_PROTECT);

	(void)unused;
	add(p);
	add(policy("192.0.2.2", SPD_PROTECT));
	p = policy("192.0.2.3", SPD_PROTECT);
	p.rule.owner = OWNER_IKE;
	add(p);
	spd_flush(&spd, OWNER_MANUAL);
	assert_int_equal(spd.count, 1);
	assert_int_equal(spd.policies[0].remote.addr[3], 3);
}

/* ---- what is written first ---- */

static void test_which_entries_close(void **unused)
{
	static struct spd_entry before, now;

	(void)unused;
	before.count = now.count = 1;
	before.rules[0] = now.rules[0] = policy("0.0.0.0/0", SPD_PROTECT).rule;
	assert_false(spd_entry_closes(&before, &now));
	assert_true(spd_entry_closes(NULL, &now));
	now.rules[1] = now.rules[0];
	now.rules[1].proto = 1;
	now.rules[1].action = SPD_BYPASS;
	now.count = 2;
	assert_false(spd_entry_closes(&before, &now));
	now.rules[1].action = SPD_DISCARD;
	assert_true(spd_entry_closes(&before, &now));
	assert_false(spd_entry_closes(&now, &before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_nothing_compiles_to_nothing, clean),
		cmocka_unit_test_teardown(test_longer_prefixes_inherit_from_shorter, clean),
		cmocka_unit_test_teardown(test_precedence_within_a_prefix, clean),
		cmocka_unit_test_teardown(test_rules_an_entry_cannot_hold, clean),
		cmocka_unit_test_teardown(test_prefixes_the_map_cannot_hold, clean),
		cmocka_unit_test_teardown(test_image_decides_as_the_policies_say, clean),
		cmocka_unit_test_teardown(test_policies_come_back_from_the_image, clean),
		cmocka_unit_test_teardown(test_count_beyond_the_entry, clean),
		cmocka_unit_test_teardown(test_same_selector_is_refused, clean),
		cmocka_unit_test_teardown(test_delete_by_selector, clean),
		cmocka_unit_test_teardown(test_replace_in_place, clean),
		cmocka_unit_test_teardown(test_others_are_not_deleted_or_replaced, clean),
		cmocka_unit_test_teardown(test_flush_keeps_what_others_own, clean),
		cmocka_unit_test(test_which_entries_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
