/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What more SAs and more prefixes cost where nothing should depend on their number.
 *
 *   setup PAIRS           ns to set up an SA pair as IKE does when there are so many: an inbound slot reserved, its SA
 *                         and the outbound one with their keys stored, the outbound one bound
 *   orphans PAIRS         ns to take away what an earlier run of IKE has left with one peer of so many
 *   clear PREFIXES        ns of tc egress for a packet that no policy is for, past so many prefixes, anywhere
 *   clear-near PREFIXES   the same, with all of them near the packet's host
 *   protected PREFIXES    the same for a packet that goes to the worker, by one of so many, anywhere
 *
 * JSON on stdout. The maps are those of the largest sa-max, whatever there is in them. Keys are stored in a vault here:
 * what it costs to ask IKE's key holder to do it is the same for any number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/fixture.h"
#include "daemon/sad.h"
#include "datapath.skel.h"
#include "lib/bytes.h"
#include "maps/vault.h"
#include "policy/spd_store.h"

/* So many are set up on the clock. */
#define TIMED  2000
#define REPEAT 200000
#define ROUNDS 7

static void die(const char *what)
{
	fprintf(stderr, "sas_bench: %s\n", what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* ---- SAs ---- */

static struct vault vault;
static struct sad_store store;

static int keep(void *arg, uint32_t slot, uint32_t generation, const uint8_t *keymat)
{
	(void)arg;
	vault_store(&vault, slot, generation, OWNER_IKE, keymat, 0);
	return 0;
}

static int wipe(void *arg, uint32_t slot)
{
	(void)arg;
	vault_wipe(&vault, slot);
	return 0;
}

static void take_maps(const struct datapath *skel, const char *const *names, struct maps *maps)
{
	struct fault f;

	maps_none(maps);
	for (; *names; names++) {
		const struct bpf_map *map = bpf_object__find_map_by_name(skel->obj, *names);

		if (maps_take(maps, *names, dup(bpf_map__fd(map)), &f))
			die(f.text);
	}
}

static const char *const of_ike[] = {"sad",	    "sad_out", "sad_sent",   "sa_state", "replay",
				     "replay_wide", "turns",   "free_slots", NULL};

static void make_store(void)
{
	struct datapath *skel = datapath__open();
	struct bpf_program *program;
	struct bpf_map *map;
	struct fault f;

	if (!skel)
		die("the BPF object cannot be opened");
	bpf_object__for_each_program(program, skel->obj) bpf_program__set_autoload(program, false);
	bpf_object__for_each_map(map, skel->obj) if (!bpf_map__is_internal(map))
		bpf_map__set_max_entries(map, maps_entries(bpf_map__name(map), SLOTS_MAX));
	if (datapath__load(skel))
		die("the maps cannot be made");
	take_maps(skel, of_ike, &store.maps);
	store.vault = (struct vault_ops){.store = keep, .wipe = wipe};
	if (vault_create(&vault, SLOTS_MAX, &f) || sad_init(&store, &f))
		die(f.text);
}

static void set_up(uint32_t n)
{
	struct sa_spec spec = {.selector = {SELECTOR_ANY_PORT}, .esn = true, .replay_window = 1024};
	uint8_t here[4], there[4];
	struct sa_handle in, out;

	store_be32(here, 0xc6120001);
	store_be32(there, 0xc6130000 + n);
	spec.inbound = true;
	spec.spi = sad_spi(&store, here);
	memcpy(spec.src, there, 4);
	memcpy(spec.dst, here, 4);
	if (sad_reserve(&store, spec.spi, there, here, &spec.reserved) || sad_add(&store, &spec, &in))
		die("no inbound SA");
	spec.inbound = false;
	spec.reserved = (struct sa_handle){SLOT_NONE, 0};
	spec.spi = 0x10000 + n;
	memcpy(spec.src, here, 4);
	memcpy(spec.dst, there, 4);
	if (sad_add(&store, &spec, &out) || sad_bind(&store, out, 0, false))
		die("no outbound SA");
}

static double time_setup(uint32_t pairs)
{
	uint64_t start;

	make_store();
	for (uint32_t n = 0; n < pairs; n++)
		set_up(n);
	start = now_ns();
	for (uint32_t n = 0; n < TIMED; n++)
		set_up(pairs + n);
	return (double)(now_ns() - start) / TIMED;
}

/* As IKE that has started again does when one peer after the other has new SAs. */
static double time_orphans(uint32_t pairs)
{
	static const struct selector all = {SELECTOR_ANY_PORT};
	uint8_t here[4], there[4];
	struct fault f;
	uint64_t start;

	make_store();
	for (uint32_t n = 0; n < pairs; n++)
		set_up(n);
	if (sad_init(&store, &f))
		die(f.text);
	store_be32(here, 0xc6120001);
	start = now_ns();
	for (uint32_t n = 0; n < pairs; n++) {
		store_be32(there, 0xc6130000 + n);
		sad_remove_orphans(&store, here, there, &all, 1);
	}
	if (store.orphan_count)
		die("orphans are left");
	return (double)(now_ns() - start) / pairs;
}

/* ---- prefixes ---- */

#define REMOTE_ADDR 0xc0000202
/* From there on, in another /24. */
#define NEAR_REMOTE 0xc0000300

struct packet_case {
	const char *name;
	bool is_near;	   /* prefixes are in the /16 of the packet's host, else anywhere */
	bool is_protected; /* and its host's is one of them */
};

static const char *const of_policies[] = {"sa_state", "spd", "spd_empty", "spd_hits", NULL};

static void add_policy(struct spd *spd, uint32_t addr)
{
	struct policy p = {.remote.len = 32, .rule = {ANY_PORT, .action = SPD_PROTECT, .origin = 32}};
	struct fault f;

	store_be32(p.remote.addr, addr);
	if (spd_replace(spd, &p, &f))
		die(f.text);
}

/* Hosts all over the Internet; or the others of a network that the packet's host is in. */
static void put_policies(const struct fixture *fx, const struct packet_case *of, uint32_t count)
{
	struct spd spd = {0};
	uint32_t random = 1;
	struct maps maps;
	struct fault f;

	take_maps(fx->skel, of_policies, &maps);
	for (uint32_t i = 0; i < count - of->is_protected; i++) {
		random = random * 1664525 + 1013904223;
		add_policy(&spd, of->is_near ? NEAR_REMOTE + i : random);
	}
	if (of->is_protected)
		add_policy(&spd, REMOTE_ADDR);
	if (spd_write(&maps, &spd, &f))
		die(f.text);
	spd_free(&spd);
	maps_close(&maps);
}

static uint32_t run_once(struct fixture *fx, bool is_protected)
{
	struct frame f = FRAME_OUT(.dport = 7);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.data, .data_size_in = f.len, .repeat = REPEAT);

	if (bpf_prog_test_run_opts(bpf_program__fd(fx->skel->progs.tc_egress), &opts) ||
	    opts.retval != (uint32_t)(is_protected ? TC_ACT_REDIRECT : TC_ACT_UNSPEC))
		die("the packet went another way");
	return opts.duration;
}

static double time_packet(const struct packet_case *of, uint32_t prefixes)
{
	struct fixture *fx;
	uint32_t least = UINT32_MAX;
	void *state;

	fixture_large(&state);
	fx = state;
	put_policies(fx, of, prefixes);
	put_outbound(fx, 10, 0, 0);
	for (int i = 0; i < ROUNDS; i++) {
		const uint32_t ns = run_once(fx, of->is_protected);

		least = ns < least ? ns : least;
	}
	fixture_free(&state);
	return least;
}

static const struct packet_case *find_case(const char *name)
{
	static const struct packet_case cases[] = {
		{"clear", false, false}, {"clear-near", true, false}, {"protected", false, true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const uint32_t n = argc == 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	const struct packet_case *of = argc == 3 ? find_case(argv[1]) : NULL;

	if (argc == 3 && strcmp(argv[1], "setup") == 0 && 2 * (n + TIMED) <= SLOTS_MAX)
		printf("{\"ns\":%.0f}\n", time_setup(n));
	else if (argc == 3 && strcmp(argv[1], "orphans") == 0 && n && 2 * n <= SLOTS_MAX)
		printf("{\"ns\":%.0f}\n", time_orphans(n));
	else if (of && n && n <= SLOTS_MAX)
		printf("{\"ns\":%.1f}\n", time_packet(of, n));
	else
		die("usage: sas_bench setup|orphans PAIRS | clear|clear-near|protected PREFIXES");
	return 0;
}
