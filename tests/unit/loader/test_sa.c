/* SPDX-License-Identifier: BSD-2-Clause */
/* Manual SAs in maps that are too small, or that another's SA is in already. Needs root, for the maps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <cmocka.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "maps/publish.h"
#include "maps/selector.h"
#include "maps/slots.h"
#include "maps/turns.h"
#include "policy/sa.h"
#include "unit/needs_root.h"

/* ---- this host has 192.0.2.1, and nothing else ---- */

static struct sockaddr_in ours = {.sin_family = AF_INET};
static struct ifaddrs only = {.ifa_name = "nic0", .ifa_flags = IFF_UP, .ifa_addr = (struct sockaddr *)&ours};

int getifaddrs(struct ifaddrs **all)
{
	inet_pton(AF_INET, "192.0.2.1", &ours.sin_addr);
	*all = &only;
	return 0;
}

void freeifaddrs(struct ifaddrs *all)
{
	(void)all;
}

/* ---- maps ---- */

static struct maps maps;
static struct vault vault;
static struct sa_database db = {.maps = &maps, .vault = &vault, .keylog = -1};

static int make(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(type, NULL, key, value, entries, &opts);
}

/* Room for one binding. */
static int make_maps(void **unused)
{
	(void)unused;
	maps = (struct maps){
		.sad = make(BPF_MAP_TYPE_HASH, sizeof(struct sad_key), sizeof(struct sad_value), 8),
		.sad_out = make(BPF_MAP_TYPE_HASH, sizeof(struct sad_out_key), sizeof(struct sad_out_value), 1),
		.sad_sent = make(BPF_MAP_TYPE_HASH, sizeof(struct sad_key), sizeof(struct sad_out_value), 8),
		.locals = make(BPF_MAP_TYPE_HASH, sizeof(struct locals_key), 4, 8),
		.spd = make(BPF_MAP_TYPE_LPM_TRIE, sizeof(struct spd_key), sizeof(struct spd_entry), 8),
		.slots = SLOTS_DEFAULT,
		.sa = calloc(SLOTS_DEFAULT, sizeof(struct sa_state)),
		.bitmaps = calloc(SLOTS_DEFAULT, sizeof(struct replay_bitmap)),
		.turns = calloc(1, sizeof(struct turns)),
		.free = calloc(1, sizeof(struct free_slots)),
	};
	return vault_create(&vault, SLOTS_DEFAULT, NULL);
}

static int free_maps(void **unused)
{
	const int fds[] = {maps.sad, maps.sad_out, maps.sad_sent, maps.locals, maps.spd};

	(void)unused;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
	free(maps.sa);
	free(maps.bitmaps);
	free(maps.turns);
	free(maps.free);
	vault_close(&vault);
	return 0;
}

static unsigned entries(int map)
{
	uint8_t key[32], next[32];
	unsigned n = 0;

	for (bool more = bpf_map_get_next_key(map, NULL, next) == 0; more; n++) {
		memcpy(key, next, sizeof(key));
		more = bpf_map_get_next_key(map, key, next) == 0;
	}
	return n;
}

static unsigned slots_in_use(void)
{
	unsigned n = 0;

	for (uint32_t slot = 0; slot < SLOTS_DEFAULT; slot++)
		n += slot_in_use(maps.sa[slot].generation);
	return n;
}

static struct sa_request request(bool outbound, uint32_t spi)
{
	struct sa_request r = {.spi = spi, .esn = true, .replay_window = 64, .sel = SELECTOR_ALL};

	inet_pton(AF_INET, outbound ? "192.0.2.1" : "192.0.2.2", r.src);
	inet_pton(AF_INET, outbound ? "192.0.2.2" : "192.0.2.1", r.dst);
	return r;
}

static int add(const struct sa_request *r)
{
	static const uint8_t keymat[ESP_KEYMAT_SIZE];
	struct fault f;

	return sa_add(&db, r, keymat, &f);
}

/* ---- tests ---- */

/* The second of two bindings finds no room: "on an error nothing has changed". */
static void test_half_bound(void **unused)
{
	struct sa_request r = request(true, 0x1001);

	(void)unused;
	r.sel = (struct selector){.local_port_max = 0xffff, .remote_port_min = 179, .remote_port_max = 179, .proto = 6};
	r.either_end = true;
	assert_int_equal(add(&r), -E2BIG);
	assert_int_equal(entries(maps.sad_out), 0);
	assert_int_equal(entries(maps.sad_sent), 0);
	assert_int_equal(entries(maps.locals), 0);
	assert_int_equal(slots_in_use(), 0);
}

/* What the SA that could not be had took over goes back to the one before. */
static void test_half_bound_over_another(void **unused)
{
	struct sa_request r = request(true, 0x1001);
	struct sad_out_key keys[2];
	struct sad_out_value there;

	(void)unused;
	r.sel = (struct selector){.local_port_max = 0xffff, .remote_port_min = 179, .remote_port_max = 179, .proto = 6};
	assert_int_equal(add(&r), 0);
	r.spi++;
	r.either_end = true;
	assert_int_equal(add(&r), -E2BIG);
	assert_int_equal(entries(maps.sad_sent), 1);
	assert_int_equal(slots_in_use(), 1);
	assert_int_equal(sa_bindings(&maps.sa[0], keys), 1);
	assert_int_equal(bpf_map_lookup_elem(maps.sad_out, keys, &there), 0);
	assert_int_equal(there.generation, maps.sa[there.slot].generation);
}

/* IKE names an SPI in the moment between the look for it and its being published. */
static void test_spi_taken_meanwhile(void **unused)
{
	const struct sa_request r = request(false, 0x1001);
	struct sad_key key = {.spi = r.spi};
	struct sad_value there = {.slot = 77, .generation = 5};

	(void)unused;
	memcpy(key.dst, r.dst, 4);
	assert_int_equal(bpf_map_update_elem(maps.sad, &key, &there, BPF_ANY), 0);
	assert_int_equal(add(&r), -EEXIST);
	assert_int_equal(bpf_map_lookup_elem(maps.sad, &key, &there), 0);
	assert_int_equal(there.slot, 77);
	assert_int_equal(slots_in_use(), 0);
}

/* A peer may choose the SPI of an SA that is being deleted again: the new one stays known to what routers say. */
static void test_same_spi_again(void **unused)
{
	const struct sa_request r = request(true, 0x1001);
	struct sad_out_value there;
	struct sad_key key = {.spi = r.spi};
	uint32_t slot;

	(void)unused;
	memcpy(key.dst, r.dst, 4);
	assert_int_equal(add(&r), 0);
	assert_int_equal(slot_claim(&maps, 0, &slot), 0);
	maps.sa[slot].spi = r.spi;
	memcpy(maps.sa[slot].dst, r.dst, 4);
	maps.sa[slot].direction = SA_OUTBOUND;
	assert_int_equal(sa_publish(&maps, slot), 0);
	sa_withdraw(&maps, 0);
	assert_int_equal(bpf_map_lookup_elem(maps.sad_sent, &key, &there), 0);
	assert_int_equal(there.slot, slot);
	sa_withdraw(&maps, slot);
	assert_int_equal(entries(maps.sad_sent), 0);
}

/* Those of IKE nobody has to add again. */
static void test_forgotten_are_those_by_hand(void **unused)
{
	const struct sa_request r = request(false, 0x1001);
	uint32_t slot;

	(void)unused;
	assert_int_equal(add(&r), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(slot_claim(&maps, 0, &slot), 0);
		maps.sa[slot].owner = OWNER_IKE;
	}
	assert_int_equal(slots_in_use(), 3);
	assert_int_equal(sa_forget_all(&db), 1);
	assert_int_equal(slots_in_use(), 0);
}

/* IKE has claimed the slot, and not said yet that it is IKE's. */
static void test_what_is_being_made_is_nobody_elses(void **unused)
{
	const struct sa_request r = request(false, 0x1001);
	uint32_t slot;
	struct fault f;

	(void)unused;
	assert_int_equal(add(&r), 0);
	assert_int_equal(slot_claim(&maps, 0, &slot), 0);
	assert_int_equal(maps.sa[slot].owner, OWNER_MANUAL);
	maps.sa[slot].spi = 0x1002;
	memcpy(maps.sa[slot].dst, r.dst, sizeof(r.dst));
	assert_int_equal(sa_delete(&db, 0x1002, r.dst, &f), -EPERM);
	assert_int_equal(sa_flush(&db, NULL), 0);
	assert_true(slot_in_use(maps.sa[slot].generation));
	assert_int_equal(slots_in_use(), 1);
}

/* A peer that has kept its end drops what begins anew: said where the numbers are known, and only there. */
static void test_numbers_that_come_again_are_noted(void **unused)
{
	struct sa_request out = request(true, 0x1001);
	const struct sa_request in = request(false, 0x1001);

	(void)unused;
	assert_int_equal(add(&out), 0);
	maps.sa[0].seq = 5000;
	/* Another run, in which its slot is the next one's. */
	sa_forget_all(&db);
	assert_int_equal(add(&in), 0);
	assert_int_equal(add(&out), 1);
	assert_int_equal(sa_flush(&db, NULL), 0);
	out.seq = 4999;
	assert_int_equal(add(&out), 1);
	assert_int_equal(sa_flush(&db, NULL), 0);
	out.seq = 5000;
	assert_int_equal(add(&out), 0);
	assert_int_equal(sa_flush(&db, NULL), 0);
	/* Another SPI, and what has sent nothing. */
	out = request(true, 0x1002);
	assert_int_equal(add(&out), 0);
	assert_int_equal(sa_flush(&db, NULL), 0);
	assert_int_equal(add(&out), 0);
	sa_sent_free(&db.sent);
}

static unsigned keys_in_vault(void)
{
	static const uint8_t none[ESP_KEY_SIZE];
	unsigned n = 0;

	for (uint32_t slot = 0; slot < SLOTS_DEFAULT; slot++)
		n += memcmp(vault.entries[slot].key, none, sizeof(none)) != 0;
	return n;
}

/* With the SA goes its key, by whichever way it goes. */
static void test_key_goes_with_it(void **unused)
{
	const struct sa_request out = request(true, 0x1001), in = request(false, 0x1002);
	uint8_t keymat[ESP_KEYMAT_SIZE];
	struct fault f;

	(void)unused;
	memset(keymat, 0x5a, sizeof(keymat));
	assert_int_equal(sa_add(&db, &out, keymat, &f), 0);
	assert_int_equal(sa_add(&db, &in, keymat, &f), 0);
	assert_int_equal(keys_in_vault(), 2);
	assert_int_equal(sa_delete(&db, out.spi, out.dst, &f), 0);
	assert_int_equal(keys_in_vault(), 1);
	assert_int_equal(sa_flush(&db, &f), 0);
	assert_int_equal(keys_in_vault(), 0);
	assert_int_equal(sa_add(&db, &in, keymat, &f), 0);
	sa_forget_all(&db);
	assert_int_equal(keys_in_vault(), 0);
}

static uint32_t claim_for_ike(bool with_key)
{
	const uint8_t keymat[ESP_KEYMAT_SIZE] = {1};
	uint32_t slot;

	assert_int_equal(slot_claim(&maps, 0, &slot), 0);
	maps.sa[slot].owner = OWNER_IKE;
	maps.sa[slot].direction = SA_INBOUND;
	maps.sa[slot].spi = 0x2000 + slot;
	if (with_key)
		vault_store(&vault, slot, maps.sa[slot].generation, OWNER_IKE, keymat, 0);
	assert_int_equal(sa_publish(&maps, slot), 0);
	return slot;
}

/* IKE was killed at any point before a key was stored; what has a key stays, whoever's it is. */
static void test_unfinished_are_given_back(void **unused)
{
	const struct sa_request out = request(true, 0x1001);
	uint32_t claimed, reserved, ike, slot, before;

	(void)unused;
	assert_int_equal(add(&out), 0);
	ike = claim_for_ike(true);
	reserved = claim_for_ike(false);
	assert_int_equal(slot_claim(&maps, 0, &claimed), 0);
	before = maps.sa[reserved].generation;
	assert_int_equal(entries(maps.sad), 2);
	sa_drop_unfinished(&db);
	assert_int_equal(slots_in_use(), 2);
	assert_true(slot_in_use(maps.sa[ike].generation));
	assert_int_equal(entries(maps.sad), 1);
	assert_int_equal(entries(maps.sad_out), 1);
	/* They are claimed again, under another generation, and with a number of their own for lanes to have passed. */
	assert_int_equal(maps.sa[reserved].generation, before + 1);
	assert_int_not_equal(turns_retired(maps.turns, maps.turns->now), SLOT_NONE);
	assert_int_equal(slot_claim(&maps, reserved, &slot), 0);
	assert_int_equal(slot, reserved);
	assert_int_equal(maps.sa[slot].generation, before + 2);
	/* A key of the slot's earlier generation is none. */
	vault.entries[ike].generation -= 2;
	sa_drop_unfinished(&db);
	assert_int_equal(slots_in_use(), 1);
	assert_int_equal(keys_in_vault(), 0);
}

static uint32_t claim_outbound_for_ike(const struct sa_request *like, uint64_t created_ns)
{
	const uint8_t keymat[ESP_KEYMAT_SIZE] = {1};
	struct sad_out_key keys[2];
	uint32_t slot;

	assert_int_equal(slot_claim(&maps, 0, &slot), 0);
	maps.sa[slot].owner = OWNER_IKE;
	maps.sa[slot].direction = SA_OUTBOUND;
	maps.sa[slot].sel = like->sel;
	maps.sa[slot].created_ns = created_ns;
	memcpy(maps.sa[slot].src, like->src, 4);
	memcpy(maps.sa[slot].dst, like->dst, 4);
	vault_store(&vault, slot, maps.sa[slot].generation, OWNER_IKE, keymat, 0);
	sa_bindings(&maps.sa[slot], keys);
	assert_int_equal(sa_bind(&maps, slot, &keys[0]), 0);
	return slot;
}

/* What manual SAs carry goes to the newest of those that stay. */
static void test_flushed_are_taken_over_from(void **unused)
{
	const struct sa_request first = request(true, 0x1001), second = request(true, 0x1002);
	struct sad_out_value bound;
	struct sad_out_key keys[2];
	uint32_t newest;

	(void)unused;
	claim_outbound_for_ike(&first, 1);
	newest = claim_outbound_for_ike(&first, 3);
	claim_outbound_for_ike(&first, 2);
	assert_int_equal(add(&first), 0);
	assert_int_equal(add(&second), 0);
	assert_int_equal(sa_flush(&db, NULL), 0);
	sa_bindings(&maps.sa[newest], keys);
	assert_int_equal(bpf_map_lookup_elem(maps.sad_out, &keys[0], &bound), 0);
	assert_int_equal(bound.slot, newest);
	assert_int_equal(entries(maps.sad_sent), 0);
	assert_int_equal(slots_in_use(), 3);
	/* Where none is manual they stay as IKE has bound them. */
	assert_int_equal(sa_bind(&maps, newest - 1, &keys[0]), 0);
	assert_int_equal(sa_flush(&db, NULL), 0);
	assert_int_equal(bpf_map_lookup_elem(maps.sad_out, &keys[0], &bound), 0);
	assert_int_equal(bound.slot, newest - 1);
}

/* What has its key goes on as it is; what was just being made, or was another's before, goes. */
static void test_kept_are_those_with_keys(void **unused)
{
	const struct sa_request out = request(true, 0x1001), in = request(false, 0x1002);
	struct sa_kept kept;
	uint32_t ike, reserved;

	(void)unused;
	assert_int_equal(add(&out), 0);
	assert_int_equal(add(&in), 0);
	ike = claim_for_ike(true);
	reserved = claim_for_ike(false);
	assert_int_equal(entries(maps.sad), 3);
	assert_int_equal(sa_keep(&db, true, &kept), 0);
	assert_int_equal(kept.manual, 2);
	assert_int_equal(kept.ike, 1);
	assert_int_equal(entries(maps.sad), 2);
	assert_int_equal(entries(maps.sad_out), 1);
	assert_int_equal(entries(maps.sad_sent), 1);
	assert_false(slot_in_use(maps.sa[reserved].generation));
	assert_true(slot_in_use(maps.sa[ike].generation));
	/* A key of another generation is none. */
	vault.entries[0].generation += 2;
	assert_int_equal(sa_keep(&db, true, &kept), 1);
	assert_int_equal(entries(maps.sad_out), 0);
	/* Without connections there is nobody for those of IKE. */
	assert_int_equal(sa_keep(&db, false, &kept), 0);
	assert_int_equal(kept.manual, 1);
	assert_int_equal(kept.ike, 0);
	assert_false(slot_in_use(maps.sa[ike].generation));
	assert_int_equal(keys_in_vault(), 0);
	assert_int_equal(entries(maps.sad), 1);
}

/* Who was killed between the two: in the vault, and not to be found, or no longer. */
static void test_half_made_are_not_kept(void **unused)
{
	const struct sa_request out = request(true, 0x1001), in = request(false, 0x1002);
	struct sad_key inbound = {.spi = in.spi}, sent = {.spi = out.spi};
	struct sad_out_key binding[2];
	struct sa_kept kept;

	(void)unused;
	memcpy(inbound.dst, in.dst, sizeof(inbound.dst));
	memcpy(sent.dst, out.dst, sizeof(sent.dst));
	assert_int_equal(add(&out), 0);
	assert_int_equal(add(&in), 0);
	sa_bindings(&maps.sa[0], binding);
	assert_int_equal(bpf_map_delete_elem(maps.sad, &inbound), 0);
	/* It carries what it did: an SA of IKE with its name has taken its place there. */
	assert_int_equal(bpf_map_delete_elem(maps.sad_sent, &sent), 0);
	assert_int_equal(sa_keep(&db, true, &kept), 1);
	assert_int_equal(kept.manual, 1);
	assert_int_equal(slots_in_use(), 1);
	assert_int_equal(bpf_map_delete_elem(maps.sad_out, &binding[0]), 0);
	assert_int_equal(sa_keep(&db, true, &kept), 1);
	assert_int_equal(kept.manual, 0);
	assert_int_equal(slots_in_use(), 0);
}

/* What the peer has sent up to there has been taken before, and somebody may have kept it. */
static void test_goes_on_from_a_number(void **unused)
{
	(void)unused;
	for (uint64_t seq = 1; seq < 3000; seq += 61) {
		struct sa_request in = request(false, 0x1002);
		const __u64 *ring = maps.bitmaps[0].words;

		in.seq = seq;
		in.replay_window = REPLAY_NARROW;
		assert_int_equal(add(&in), 0);
		for (uint64_t n = seq; n && seq - n < REPLAY_NARROW; n--)
			assert_true(ring[n / 64 % REPLAY_NARROW_WORDS] >> n % 64 & 1);
		for (uint64_t n = seq + 1; n / 64 == seq / 64; n++)
			assert_false(ring[n / 64 % REPLAY_NARROW_WORDS] >> n % 64 & 1);
		assert_int_equal(sa_forget_all(&db), 1);
	}
}

#define WITH_MAPS(test) cmocka_unit_test_setup_teardown(test, make_maps, free_maps)

int main(void)
{
	struct CMUnitTest tests[] = {
		WITH_MAPS(test_half_bound),
		WITH_MAPS(test_half_bound_over_another),
		WITH_MAPS(test_spi_taken_meanwhile),
		WITH_MAPS(test_forgotten_are_those_by_hand),
		WITH_MAPS(test_same_spi_again),
		WITH_MAPS(test_key_goes_with_it),
		WITH_MAPS(test_kept_are_those_with_keys),
		WITH_MAPS(test_half_made_are_not_kept),
		WITH_MAPS(test_goes_on_from_a_number),
		WITH_MAPS(test_unfinished_are_given_back),
		WITH_MAPS(test_flushed_are_taken_over_from),
		WITH_MAPS(test_what_is_being_made_is_nobody_elses),
		WITH_MAPS(test_numbers_that_come_again_are_noted),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
