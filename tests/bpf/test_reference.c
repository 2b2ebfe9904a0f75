/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs against a plain reading of what they should decide (reference.h): hosts, policies, SAs and frames of
 * chance. What must be the same of each frame: whether it passes, is dropped or goes to the worker, by which SA, and
 * the reason that is counted.
 *
 *   test_reference                      a fixed seed, so much as takes a few seconds
 *   test_reference --seconds N          seeds of chance, which are printed
 *   test_reference --seed N             that one
 */
#define _GNU_SOURCE
#include "fixture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath.skel.h"
#include "reference.h"
#include "vectors/random.h"
#include "worlds.h"

#define SEED	  1
#define HOSTS	  400 /* of each of the four ways to load */
#define SEQUENCES 60  /* of a host */
#define CPUS_MAX  1024
/* Test runs of tc take no IPv4 that is shorter (Linux 6.18). */
#define TC_LEN_MIN (14 + 20)
/* A fragment's first is remembered for a second. */
#define TOO_LATE_NS 500000000ULL

static uint64_t frames, skipped;
static uint64_t by_reason[REASON_COUNT + 1];

/* ---- what the programs do ---- */

static void read_counts(struct fixture *fx, uint64_t sums[REASON_COUNT])
{
	static struct counts each[CPUS_MAX];
	const uint32_t only = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(fx->skel->maps.stats), &only, each), 0);
	for (int reason = 0; reason < REASON_COUNT; reason++) {
		sums[reason] = 0;
		for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
			sums[reason] += counts_get(&each[cpu], (enum reason)reason);
	}
}

/* The one reason that was counted; REASON_COUNT: none; REASON_COUNT + 1: more than one. */
static int reason_between(const uint64_t before[REASON_COUNT], const uint64_t after[REASON_COUNT])
{
	int found = REASON_COUNT;

	for (int reason = 0; reason < REASON_COUNT; reason++) {
		if (after[reason] == before[reason])
			continue;
		if (found != REASON_COUNT || after[reason] != before[reason] + 1)
			return REASON_COUNT + 1;
		found = reason;
	}
	return found;
}

static struct ref_outcome of_xdp(const struct outcome *out)
{
	struct ref_outcome r = {out->verdict == XDP_PASS ? REF_PASS : REF_DROP, 0, REASON_COUNT};
	struct rx_meta meta;

	if (out->verdict != XDP_REDIRECT)
		return r;
	memcpy(&meta, out->data, sizeof(meta));
	r.verdict = REF_TO_WORKER;
	r.slot = meta.slot == SLOT_NONE ? REF_NO_SLOT : meta.slot;
	return r;
}

static struct ref_outcome of_tc(const struct outcome *out)
{
	struct ref_outcome r = {out->verdict == (uint32_t)TC_ACT_UNSPEC ? REF_PASS : REF_DROP, 0, REASON_COUNT};
	struct tx_tag tag;

	if (out->verdict != TC_ACT_REDIRECT)
		return r;
	memcpy(&tag, out->data + 6, sizeof(tag));
	r.verdict = REF_TO_WORKER;
	r.slot = tx_tag_slot(&tag);
	return r;
}

/* ---- the same of both ---- */

enum hook { AT_XDP, AT_INGRESS, AT_EGRESS };

static struct ref_outcome run_there(struct fixture *fx, const struct frame *f, enum hook hook)
{
	uint64_t before[REASON_COUNT], after[REASON_COUNT];
	struct ref_outcome r;
	struct outcome out;

	read_counts(fx, before);
	if (hook == AT_XDP) {
		out = run_xdp(fx, f);
		r = of_xdp(&out);
	} else {
		out = hook == AT_INGRESS ? run_nic_ingress(fx, f, 0) : run_egress(fx, f);
		r = of_tc(&out);
	}
	read_counts(fx, after);
	r.reason = (enum reason)reason_between(before, after);
	return r;
}

static struct ref_outcome run_here(struct ref_host *h, const struct frame *f, enum hook hook)
{
	if (hook == AT_XDP)
		return ref_ingress(h, f->data, f->len);
	return hook == AT_INGRESS ? ref_ingress_generic(h, f->data, f->len) : ref_egress(h, f->data, f->len);
}

static const char *reason_name(int reason)
{
	static const char *const names[] = {
#define REASON_NAME(NAME, name, kind, text, hint) #name,
		FOR_EACH_REASON(REASON_NAME)
#undef REASON_NAME
	};

	return reason < REASON_COUNT ? names[reason] : reason == REASON_COUNT ? "nothing" : "several";
}

static void tell(const char *who, const struct ref_outcome *r)
{
	static const char *const verdicts[] = {"passes", "is dropped", "goes to the worker"};

	fprintf(stderr, "%s: it %s, slot %d, counted as %s\n", who, verdicts[r->verdict], (int)r->slot,
		reason_name((int)r->reason));
}

static void differ(const struct ref_host *h, const struct frame *f, enum hook hook, const struct ref_outcome *here,
		   const struct ref_outcome *there, uint64_t seed)
{
	static const char *const hooks[] = {"XDP", "NIC's ingress", "egress"};

	fprintf(stderr, "seed %llu, %s, %s, frame of %zu:", (unsigned long long)seed, hooks[hook],
		h->generic ? "generic" : "native", f->len);
	for (size_t i = 0; i < f->len; i++)
		fprintf(stderr, "%s%02x", i % 4 == 2 ? " " : "", f->data[i]);
	fprintf(stderr, "\n");
	tell("the reference", here);
	tell("the programs", there);
	for (unsigned i = 0; i < h->policy_count; i++) {
		const struct ref_policy *p = &h->policies[i];

		fprintf(stderr, "policy %08x/%u local %08x proto %u local %u-%u remote %u-%u action %d connection %d\n",
			p->remote, p->length, p->local, p->sel.proto, p->sel.local.min, p->sel.local.max,
			p->sel.remote.min, p->sel.remote.max, p->action, p->connection);
	}
	for (unsigned i = 0; i < h->sa_count; i++) {
		const struct ref_sa *sa = &h->sas[i];

		fprintf(stderr,
			"SA %s spi %x %08x -> %08x slot %u there %d esn %d window %u seq %llx other NIC %d worn out %d "
			"proto %u local %u-%u remote %u-%u\n",
			sa->inbound ? "in" : "out", sa->spi, sa->src, sa->dst, sa->slot, sa->there, sa->esn, sa->window,
			(unsigned long long)sa->seq, sa->other_nic, sa->worn_out, sa->sel.proto, sa->sel.local.min,
			sa->sel.local.max, sa->sel.remote.min, sa->sel.remote.max);
	}
	fail();
}

/* Of what begins the same datagram, or another with its ID, and what follows of them. */
static void compare(struct fixture *fx, struct ref_host *h, enum hook hook, uint64_t *dice, uint64_t seed)
{
	const uint64_t begun = boot_ns();
	struct frame f;

	world_reset(fx, h);
	frame_random(&f, h, hook == AT_EGRESS, dice);
	if (hook != AT_XDP && f.len < TC_LEN_MIN)
		f.len = TC_LEN_MIN;
	for (uint64_t n = random_below(dice, 2) ? 1 : 6; n; n--) {
		const struct ref_outcome here = run_here(h, &f, hook), there = run_there(fx, &f, hook);

		/* Whoever was stopped meanwhile has forgotten a fragment. */
		if (boot_ns() - begun > TOO_LATE_NS) {
			skipped++;
			return;
		}
		if (here.verdict != there.verdict || here.slot != there.slot || here.reason != there.reason)
			differ(h, &f, hook, &here, &there, seed);
		frames++;
		by_reason[here.reason]++;
		frame_another_fragment(&f, dice);
	}
}

static void play(struct fixture *fx, struct ref_host *h, uint64_t seed)
{
	uint64_t dice = seed;

	world_random(h, &dice);
	world_put(fx, h);
	for (unsigned i = 0; i < SEQUENCES; i++) {
		const uint64_t which = random_below(&dice, 3);

		compare(fx, h, which == 0 ? AT_EGRESS : which == 1 && h->generic ? AT_INGRESS : AT_XDP, &dice, seed);
	}
	take_events(fx);
}

/* ---- tests ---- */

static uint64_t first_seed = SEED;
static unsigned seconds;

static void play_all(void **state, struct ref_host *h)
{
	const uint64_t end = boot_ns() + seconds * 1000000000ULL / 4;

	for (unsigned i = 0; seconds ? boot_ns() < end : i < HOSTS; i++)
		play(*state, h, first_seed * 1000003 + i);
}

static int load_auto(void **state)
{
	return fixture_native(state);
}

static int load_drop(void **state)
{
	return fixture_with(state, UNKNOWN_SPI_DROP, MARK);
}

static int load_pass(void **state)
{
	return fixture_with(state, UNKNOWN_SPI_PASS, MARK);
}

static void native(void **state)
{
	play_all(state, &(struct ref_host){0});
}

static void native_drops_unknown_spis(void **state)
{
	play_all(state, &(struct ref_host){.unknown_spi = REF_UNKNOWN_DROP});
}

static void native_passes_unknown_spis(void **state)
{
	play_all(state, &(struct ref_host){.unknown_spi = REF_UNKNOWN_PASS});
}

static void generic(void **state)
{
	play_all(state, &(struct ref_host){.generic = true});
}

/* What chance has not come by has not been compared. */
static void all_that_can_be_counted_was(void **state)
{
	static const enum reason reasons[] = {
		REASON_BYPASS,
		REASON_IKE,
		REASON_ESP_PASSED,
		REASON_PATH_MTU,
		REASON_ICMP_IGNORED,
		REASON_NO_SA,
		REASON_CLEARTEXT_PROTECTED,
		REASON_ICMP_FORGED,
		REASON_VLAN_STACK,
		REASON_DISCARD,
		REASON_REPLAY,
		REASON_MALFORMED,
		REASON_SELECTOR_MISMATCH,
		REASON_SEQ_OVERFLOW,
		REASON_LIFETIME_EXPIRED,
		REASON_NO_WORKER,
		REASON_FRAG_OVERLAP,
		REASON_FRAG_INVALID,
		REASON_NESTED_ESP,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!by_reason[reasons[i]])
			fail_msg("no frame was counted as %s", reason_name(reasons[i]));
	assert_true(skipped < frames / 10);
	printf("%llu frames; ", (unsigned long long)frames);
	for (int reason = 0; reason <= REASON_COUNT; reason++)
		if (by_reason[reason])
			printf("%s %llu, ", reason_name(reason), (unsigned long long)by_reason[reason]);
	printf("skipped %llu\n", (unsigned long long)skipped);
}

static void read_options(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seconds") == 0) {
			seconds = (unsigned)atoi(argv[i + 1]);
			first_seed = (uint64_t)time(NULL);
		} else if (strcmp(argv[i], "--seed") == 0) {
			first_seed = strtoull(argv[i + 1], NULL, 0);
		}
	}
	printf("seed %llu\n", (unsigned long long)first_seed);
}

/* In a namespace of its own, whose routes lead nowhere: what is for another host is another test's. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(native, load_auto, fixture_free),
		cmocka_unit_test_setup_teardown(native_drops_unknown_spis, load_drop, fixture_free),
		cmocka_unit_test_setup_teardown(native_passes_unknown_spis, load_pass, fixture_free),
		cmocka_unit_test_setup_teardown(generic, fixture_generic, fixture_free),
		cmocka_unit_test(all_that_can_be_counted_was),
	};

	read_options(argc, argv);
	if (unshare(CLONE_NEWNET) < 0) {
		perror("unshare");
		return EXIT_FAILURE;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
