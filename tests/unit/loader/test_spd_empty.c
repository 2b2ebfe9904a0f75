/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of addresses without a prefix, against the trie, at every step of a change. Needs root, for the map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "policy/spd_store.h"
#include "unit/needs_root.h"

#define POLICIES 200
#define ROUNDS	 40
#define LOOKED	 2000

static struct maps maps;
static uint32_t seed = 1;

static uint32_t any(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 16 | seed << 16;
}

static bool is_empty_at(uint32_t addr)
{
	const uint32_t wide = spd_empty_wide(addr), narrow = spd_empty_narrow(addr);

	return (maps.empty->wide[wide / 64] >> wide % 64 & 1) || (maps.empty->narrow[narrow / 64] >> narrow % 64 & 1);
}

/* No address of the prefix is told to have none. */
static void assert_known(const struct spd_key *key)
{
	const uint32_t first = load_be32(key->remote), rest = (uint32_t)(0xffffffffULL >> key->prefixlen);

	assert_false(is_empty_at(first));
	assert_false(is_empty_at(first | rest));
	for (unsigned i = 0; i < 16; i++)
		assert_false(is_empty_at(first | (any() & rest)));
}

/* ---- each write of an entry, and each removal ---- */

int __real_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int __real_bpf_map_delete_elem(int fd, const void *key);
int __wrap_bpf_map_delete_elem(int fd, const void *key);

int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	if (fd == maps.spd)
		assert_known(key);
	return __real_bpf_map_update_elem(fd, key, value, flags);
}

int __wrap_bpf_map_delete_elem(int fd, const void *key)
{
	if (fd == maps.spd)
		assert_known(key);
	return __real_bpf_map_delete_elem(fd, key);
}

/* ---- */

static int make_maps(void **unused)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	(void)unused;
	maps.slots = SLOTS_DEFAULT;
	maps.spd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, NULL, sizeof(struct spd_key), sizeof(struct spd_entry),
				  2 * POLICIES, &opts);
	maps.spd_hits = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, NULL, 4, sizeof(struct policy_hits),
				       spd_counters(SLOTS_DEFAULT), NULL);
	maps.empty = calloc(1, sizeof(*maps.empty));
	return maps.spd < 0 || maps.spd_hits < 0 || !maps.empty;
}

static int free_maps(void **unused)
{
	(void)unused;
	close(maps.spd_hits);
	free(maps.empty);
	return close(maps.spd);
}

static void add(struct spd *spd, uint32_t addr, uint8_t len)
{
	struct policy p = {.remote.len = len, .rule = {.action = SPD_PROTECT, .origin = len}};

	store_be32(p.remote.addr, len ? addr & ~(uint32_t)(0xffffffffULL >> len) : 0);
	spd_add(spd, &p, NULL); /* perhaps there is one */
}

static void write_and_free(struct spd *spd)
{
	assert_int_equal(spd_write(&maps, spd, NULL), 0);
	spd_free(spd);
}

static bool trie_has(uint32_t addr)
{
	struct spd_key key = {.prefixlen = 32};
	struct spd_entry entry;

	store_be32(key.remote, addr);
	return bpf_map_lookup_elem(maps.spd, &key, &entry) == 0;
}

/* Whether a prefix has an address of the /24, told of its addresses one by one. */
static bool trie_has_near(uint32_t addr)
{
	for (uint32_t i = 0; i < 256; i++)
		if (trie_has((addr & ~255U) | i))
			return true;
	return false;
}

/* Policies of a few networks, so that what is looked up is mostly near one. */
static uint32_t some_addr(void)
{
	return 0x0a000000 | (any() & 0x1f0007ff);
}

static void test_never_wrong_and_mostly_told(void **unused)
{
	unsigned told = 0, none = 0;

	(void)unused;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct spd spd = {0};

		for (unsigned i = 0; i < any() % POLICIES; i++)
			add(&spd, some_addr(), (uint8_t)(32 - any() % 25));
		write_and_free(&spd);
		for (unsigned i = 0; i < LOOKED / ROUNDS; i++) {
			const uint32_t addr = any() % 2 ? some_addr() : any();

			if (is_empty_at(addr))
				assert_false(trie_has_near(addr));
			none += !trie_has_near(addr);
			told += is_empty_at(addr);
		}
	}
	assert_true(none > LOOKED / 8);
	assert_true(told > none * 3 / 4);
}

static void test_all_addresses(void **unused)
{
	struct spd spd = {0}, nothing = {0};

	(void)unused;
	for (uint8_t len = 0; len < 8; len++) {
		add(&spd, 0x0a000000, len);
		write_and_free(&spd);
		assert_false(is_empty_at(0x0a000000));
		assert_int_equal(is_empty_at(0xfefefefe), len > 0);
	}
	write_and_free(&nothing);
	assert_true(is_empty_at(0x0a000000));
}

#define WITH_MAPS(test) cmocka_unit_test_setup_teardown(test, make_maps, free_maps)

int main(void)
{
	struct CMUnitTest tests[] = {
		WITH_MAPS(test_never_wrong_and_mostly_told),
		WITH_MAPS(test_all_addresses),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
