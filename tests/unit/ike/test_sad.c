/* SPDX-License-Identifier: BSD-2-Clause */
/* IKE's SAs in the datapath, on slots in memory, and maps that take everything: sad_out alone keeps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <errno.h>

#include "daemon/sad.h"
#include "maps/selector.h"
#include "maps/slots.h"

static const uint8_t here[4] = {192, 0, 2, 1}, there[4] = {192, 0, 2, 2};
static struct sad_store store;

/* ---- in the place of the kernel's ---- */

#define SAD	 6
#define SAD_OUT	 7
#define BINDINGS 8

/* What is in sad_out; the other maps forget. */
static struct binding {
	bool used;
	struct sad_out_key key;
	struct sad_out_value value;
} bindings[BINDINGS];

/* What the kernel's random numbers are, if a test has any; and an SPI that somebody has. */
static const uint32_t *random_numbers;
static uint32_t taken;

ssize_t getrandom(void *buf, size_t size, unsigned flags)
{
	(void)flags;
	assert_non_null(random_numbers);
	assert_int_equal(size, sizeof(*random_numbers));
	memcpy(buf, random_numbers++, size);
	return (ssize_t)size;
}

static struct binding *binding_at(const struct sad_out_key *key)
{
	for (unsigned i = 0; i < BINDINGS; i++)
		if (bindings[i].used && memcmp(&bindings[i].key, key, sizeof(*key)) == 0)
			return &bindings[i];
	return NULL;
}

static struct binding *free_binding(void)
{
	for (unsigned i = 0; i < BINDINGS; i++)
		if (!bindings[i].used)
			return &bindings[i];
	return NULL;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	struct binding *b = fd == SAD_OUT ? binding_at(key) : NULL;

	(void)flags;
	if (fd != SAD_OUT)
		return 0;
	b = b ? b : free_binding();
	b->used = true;
	memcpy(&b->key, key, sizeof(b->key));
	memcpy(&b->value, value, sizeof(b->value));
	return 0;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	const struct binding *b = fd == SAD_OUT ? binding_at(key) : NULL;

	errno = ENOENT;
	if (fd == SAD) {
		memset(value, 0, sizeof(struct sad_value));
		return ((const struct sad_key *)key)->spi == taken ? 0 : -1;
	}
	if (!b)
		return -1;
	memcpy(value, &b->value, sizeof(b->value));
	return 0;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	struct binding *b = fd == SAD_OUT ? binding_at(key) : NULL;

	if (b)
		b->used = false;
	return 0;
}

/* ---- in the place of the key holder's vault ---- */

static struct {
	uint32_t generation;
	uint8_t keymat[CHILD_KEYMAT_SIZE];
} vault[SLOTS_DEFAULT];
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
	store = (struct sad_store){
		.orphans = calloc(SLOTS_DEFAULT, 1),
		.first_orphan = calloc(SLOTS_DEFAULT, sizeof(uint32_t)),
		.next_orphan = calloc(SLOTS_DEFAULT, sizeof(uint32_t)),
	};
	store.maps.slots = SLOTS_DEFAULT;
	store.maps.sad = SAD;
	store.maps.sad_out = SAD_OUT;
	memset(bindings, 0, sizeof(bindings));
	store.maps.sa = calloc(SLOTS_DEFAULT, sizeof(*store.maps.sa));
	store.maps.bitmaps = calloc(SLOTS_DEFAULT, sizeof(*store.maps.bitmaps));
	store.maps.turns = calloc(1, sizeof(*store.maps.turns));
	store.maps.free = calloc(1, sizeof(*store.maps.free));
	store.vault = (struct vault_ops){.store = keep, .wipe = wipe};
	vault_fails = false;
	memset(vault, 0, sizeof(vault));
	return store.orphans && store.first_orphan && store.next_orphan && store.maps.sa && store.maps.bitmaps &&
			       store.maps.turns
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	(void)state;
	sad_free(&store);
	free(store.maps.sa);
	free(store.maps.bitmaps);
	free(store.maps.turns);
	free(store.maps.free);
	return 0;
}

static struct sa_handle add_from(uint32_t spi, const uint8_t remote[4])
{
	struct sa_spec spec = {.spi = spi, .inbound = true, .selector = SELECTOR_ALL};
	struct sa_handle sa;

	memcpy(spec.src, remote, 4);
	memcpy(spec.dst, here, 4);
	assert_int_equal(sad_add(&store, &spec, &sa), 0);
	return sa;
}

static struct sa_handle add(uint32_t spi)
{
	return add_from(spi, there);
}

/* As sad_init() does with what it finds. */
static void make_orphan(struct sa_handle sa)
{
	sad_note_orphan(&store, sa.slot);
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

#define MANY 4000

static const uint8_t *remote_of(unsigned n)
{
	static uint8_t addr[4];

	memcpy(addr, (uint8_t[]){10, 1, (uint8_t)(n >> 8), (uint8_t)n}, 4);
	return addr;
}

/* Of as many peers. Each one's go, and no other's, whatever place they have in common. */
static void orphans_of_many_go_by_their_ends(void **state)
{
	static struct sa_handle all[MANY];
	struct sa_usage usage;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		all[i] = add_from(0x1000 + i, remote_of(i / 2));
		make_orphan(all[i]);
	}
	for (unsigned i = 0; i < MANY; i += 2) {
		sad_remove_orphans(&store, here, remote_of(i / 2), &SELECTOR_ALL, 1);
		assert_int_equal(store.orphan_count, MANY - i - 2);
		assert_false(sad_usage(&store, all[i], &usage));
		assert_false(sad_usage(&store, all[i + 1], &usage));
	}
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
	for (uint32_t slot = 0; slot < SLOTS_DEFAULT; slot++)
		in_use += slot_in_use(slot_generation(store.maps.sa, slot));
	assert_int_equal(in_use, 1); /* the other's: the next run of IKE finds it */
}

/* Those below 256 are IANA's (RFC 4303 section 2.1), and 0 is on no wire. */
static void spis_are_nobody_elses(void **state)
{
	static const uint32_t numbers[] = {0, 1, 255, 0x1000, 256, 7};

	(void)state;
	random_numbers = numbers;
	taken = 0x1000;
	assert_int_equal(sad_spi(&store, here), 256);
	assert_ptr_equal(random_numbers, &numbers[5]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static struct sa_handle add_outbound(uint32_t spi)
{
	struct sa_spec spec = {.spi = spi, .selector = SELECTOR_ALL};
	struct sa_handle sa;

	memcpy(spec.src, here, 4);
	memcpy(spec.dst, there, 4);
	assert_int_equal(sad_add(&store, &spec, &sa), 0);
	return sa;
}

/* The slot that is bound for that lane; SLOT_NONE: none is. */
static uint32_t bound_for(unsigned lane)
{
	struct sad_out_key key = {.sel = SELECTOR_ALL, .lane = lane};
	const struct binding *b;

	memcpy(key.src, here, 4);
	memcpy(key.dst, there, 4);
	b = binding_at(&key);
	return b ? b->value.slot : SLOT_NONE;
}

static void each_lane_has_a_binding(void **state)
{
	const struct sa_handle all = add_outbound(0x1000), own = add_outbound(0x1001);

	(void)state;
	assert_int_equal(sad_bind(&store, all, 0, true), 0);
	assert_int_equal(sad_bind(&store, own, 2, true), 0);
	assert_int_equal(bound_for(0), all.slot);
	assert_int_equal(bound_for(1), SLOT_NONE);
	assert_int_equal(bound_for(2), own.slot);
	assert_true(store.maps.sa[all.slot].flags & SA_LANES);
	assert_int_equal(store.maps.sa[own.slot].lane, 2);
	/* It takes the other one's place, and gives up its lane. */
	sad_remove(&store, all);
	assert_int_equal(bound_for(0), SLOT_NONE);
	assert_int_equal(sad_bind(&store, own, 0, false), 0);
	assert_int_equal(bound_for(0), own.slot);
	assert_int_equal(bound_for(2), SLOT_NONE);
	assert_false(store.maps.sa[own.slot].flags & SA_LANES);
	sad_remove(&store, own);
	assert_int_equal(bound_for(0), SLOT_NONE);
}

/* The peer drops it when it hears that this host has started anew; what a lane of this run has stays. */
static void a_lanes_orphan_gives_way_to_the_new_one_for_all(void **state)
{
	const struct sa_handle old = add_outbound(0x1000), own = add_outbound(0x1001), all = add_outbound(0x1002);

	(void)state;
	assert_int_equal(sad_bind(&store, old, 1, true), 0);
	make_orphan(old);
	assert_int_equal(sad_bind(&store, own, 2, true), 0);
	assert_int_equal(bound_for(1), old.slot);
	assert_int_equal(sad_bind(&store, all, 0, true), 0);
	assert_int_equal(bound_for(1), SLOT_NONE);
	assert_int_equal(bound_for(2), own.slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_lane_has_a_binding, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lanes_orphan_gives_way_to_the_new_one_for_all, setup, teardown),
		TEST(spis_are_nobody_elses),
		TEST(orphans_go_by_their_ends_and_selector),
		TEST(orphans_of_many_go_by_their_ends),
		TEST(slot_of_an_orphan_is_used_again),
		TEST(reserved_is_taken_over),
		TEST(key_goes_by_the_vaults_owner),
		TEST(without_the_vaults_owner),
	};

	return cmocka_run_group_tests_name("IKE SAD", tests, NULL, NULL);
}
