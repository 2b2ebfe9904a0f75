/* SPDX-License-Identifier: BSD-2-Clause */
/* IKE's SAs in the datapath, on slots in memory and maps that take everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <errno.h>

#include "daemon/sad.h"
#include "maps/selector.h"
#include "maps/slots.h"

static const uint8_t here[4] = {192, 0, 2, 1}, there[4] = {192, 0, 2, 2};
static struct sad_store store;

/* ---- in the place of the kernel's ---- */

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	(void)fd;
	(void)key;
	(void)value;
	(void)flags;
	return 0;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	(void)fd;
	(void)key;
	(void)value;
	errno = ENOENT;
	return -1;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	(void)fd;
	(void)key;
	return 0;
}

/* ---- in the place of the key holder's vault ---- */

static struct {
	uint32_t generation;
	uint8_t keymat[CHILD_KEYMAT_SIZE];
} vault[SLOTS_MAX];
static bool vault_fails;

static int keep(void *arg, uint32_t slot, uint32_t generation, const uint8_t *keymat)
{
	(void)arg;
	if (vault_fails)
		return -EPIPE;
	vault[slot].generation = generation;
	memcpy(vault[slot].keymat, keymat, sizeof(vault[slot].keymat));
	return 0;
}

static int wipe(void *arg, uint32_t slot)
{
	(void)arg;
	if (vault_fails)
		return -EPIPE;
	memset(&vault[slot], 0, sizeof(vault[slot]));
	return 0;
}

static int setup(void **state)
{
	(void)state;
	store = (struct sad_store){.orphans = calloc(SLOTS_MAX, 1)};
	store.maps.sa = calloc(SLOTS_MAX, sizeof(*store.maps.sa));
	store.maps.bitmaps = calloc(SLOTS_MAX, sizeof(*store.maps.bitmaps));
	store.maps.turns = calloc(1, sizeof(*store.maps.turns));
	store.vault = (struct vault_ops){.store = keep, .wipe = wipe};
	vault_fails = false;
	memset(vault, 0, sizeof(vault));
	return store.orphans && store.maps.sa && store.maps.bitmaps && store.maps.turns ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(store.orphans);
	free(store.maps.sa);
	free(store.maps.bitmaps);
	free(store.maps.turns);
	return 0;
}

static struct sa_handle add(uint32_t spi)
{
	struct sa_spec spec = {.spi = spi, .inbound = true, .selector = SELECTOR_ALL};
	struct sa_handle sa;

	memcpy(spec.src, there, 4);
	memcpy(spec.dst, here, 4);
	assert_int_equal(sad_add(&store, &spec, &sa), 0);
	return sa;
}

/* As sad_init() does with what it finds. */
static void make_orphan(struct sa_handle sa)
{
	store.orphans[sa.slot] = 1;
	store.orphan_count++;
}

static void count(void *arg, const uint8_t local[4], const uint8_t remote[4], const struct selector *selector,
		  uint64_t left_ms)
{
	assert_memory_equal(local, here, 4);
	assert_memory_equal(remote, there, 4);
	assert_true(selector_equal(selector, &SELECTOR_ALL));
	assert_true(left_ms == UINT64_MAX);
	(*(unsigned *)arg)++;
}

static unsigned orphans(void)
{
	unsigned n = 0;

	sad_each_orphan(&store, count, &n);
	return n;
}

static void orphans_go_by_their_ends_and_selector(void **state)
{
	const struct sa_handle old = add(0x1000), fresh = add(0x1001);
	const struct selector tcp_and_udp[] = {{SELECTOR_ANY_PORT, .proto = 6}, {SELECTOR_ANY_PORT, .proto = 17}};
	struct sa_usage usage;

	(void)state;
	make_orphan(old);
	assert_int_equal(orphans(), 1);
	sad_remove_orphans(&store, there, here, &SELECTOR_ALL, 1);
	assert_int_equal(orphans(), 1);
	sad_remove_orphans(&store, here, there, tcp_and_udp, 2);
	assert_int_equal(orphans(), 1);
	sad_remove_orphans(&store, here, there, &SELECTOR_ALL, 1);
	assert_int_equal(orphans(), 0);
	assert_false(sad_usage(&store, old, &usage));
	assert_true(sad_usage(&store, fresh, &usage));
}

/* One was taken away by another hand ('sa flush'), and its slot is ours again: what is in it now is no orphan. */
static void slot_of_an_orphan_is_used_again(void **state)
{
	const struct sa_handle old = add(0x1000);
	struct sa_usage usage;
	struct sa_handle fresh;

	(void)state;
	make_orphan(old);
	slot_release(&store.maps, old.slot, old.generation);
	store.hint = old.slot;
	fresh = add(0x1001);
	assert_int_equal(fresh.slot, old.slot);
	assert_int_equal(orphans(), 0);
	sad_remove_orphans(&store, here, there, &SELECTOR_ALL, 1);
	assert_true(sad_usage(&store, fresh, &usage));
	assert_int_equal(store.orphan_count, 0);
}

/* What was reserved is one SA with what comes of it, and is given back once. */
static void reserved_is_taken_over(void **state)
{
	struct sa_spec spec = {.spi = 0x1000, .inbound = true, .selector = SELECTOR_ALL};
	struct sa_handle sa;

	(void)state;
	memcpy(spec.src, there, 4);
	memcpy(spec.dst, here, 4);
	assert_int_equal(sad_reserve(&store, spec.spi, there, here, &spec.reserved), 0);
	assert_int_equal(sad_add(&store, &spec, &sa), 0);
	assert_int_equal(sa.slot, spec.reserved.slot);
	assert_int_equal(sa.generation, spec.reserved.generation);
	sad_remove(&store, sa);
	sad_remove(&store, spec.reserved);
	assert_false(slot_in_use(slot_generation(store.maps.sa, sa.slot)));
	assert_int_equal(slot_generation(store.maps.sa, sa.slot), sa.generation + 1);
}

/* The key is in the vault before the SA is known, and gone before the slot is anybody else's. */
static void key_goes_by_the_vaults_owner(void **state)
{
	struct sa_spec spec = {.spi = 0x1000, .inbound = true, .selector = SELECTOR_ALL, .keymat = {1, 2, 3}};
	struct sa_handle sa;

	(void)state;
	assert_int_equal(sad_add(&store, &spec, &sa), 0);
	assert_int_equal(vault[sa.slot].generation, sa.generation);
	assert_memory_equal(vault[sa.slot].keymat, spec.keymat, sizeof(spec.keymat));
	sad_remove(&store, sa);
	assert_int_equal(vault[sa.slot].generation, 0);
	assert_false(slot_in_use(slot_generation(store.maps.sa, sa.slot)));
}

/* Without the key holder there is no SA, and a slot whose key may still be there is nobody's. */
static void without_the_vaults_owner(void **state)
{
	struct sa_spec spec = {.spi = 0x1001, .inbound = true, .selector = SELECTOR_ALL};
	const struct sa_handle before = add(0x1000);
	struct sa_handle sa;
	uint32_t in_use = 0;

	(void)state;
	vault_fails = true;
	assert_int_equal(sad_add(&store, &spec, &sa), -EPIPE);
	sad_remove(&store, before);
	assert_true(slot_in_use(slot_generation(store.maps.sa, before.slot)));
	vault_fails = false;
	sad_remove(&store, before);
	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++)
		in_use += slot_in_use(slot_generation(store.maps.sa, slot));
	assert_int_equal(in_use, 1); /* the other's: the next run of IKE finds it */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(orphans_go_by_their_ends_and_selector),
		TEST(slot_of_an_orphan_is_used_again),
		TEST(reserved_is_taken_over),
		TEST(key_goes_by_the_vaults_owner),
		TEST(without_the_vaults_owner),
	};

	return cmocka_run_group_tests_name("IKE SAD", tests, NULL, NULL);
}
