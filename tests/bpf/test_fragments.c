/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/fragments.h with egress.h and esp.h: fragments of protected traffic on their way to the worker. */
#include <string.h>

#include "fixture.h"

#define SPI	   0x12345678
#define SLOT	   5
#define ESP(...)   FRAME(.proto = IPPROTO_ESP, .spi = SPI, .seq = 1, __VA_ARGS__)
#define LATER(...) FRAME(.proto = IPPROTO_ESP, .spi = 0xdddddddd, __VA_ARGS__)

static void assert_sent_by(struct fixture *fx, struct frame f, uint32_t slot)
{
	struct outcome out = run_egress(fx, &f);
	struct tx_tag tag;

	assert_int_equal(out.verdict, TC_ACT_REDIRECT);
	memcpy(&tag, out.data + 6, sizeof(tag));
	assert_int_equal(tx_tag_slot(&tag), slot);
	assert_true(tx_tag_is_of(&tag, fx->sa[slot].generation));
}

static void assert_shot(struct fixture *fx, struct frame f, enum reason reason)
{
	assert_int_equal(run_egress(fx, &f).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, reason);
}

static void assert_in_clear(struct fixture *fx, struct frame f)
{
	assert_int_equal((int)run_egress(fx, &f).verdict, TC_ACT_UNSPEC);
}

static void assert_to_worker(struct fixture *fx, struct frame f, uint32_t slot)
{
	struct outcome out = run_xdp(fx, &f);
	struct rx_meta meta;

	assert_int_equal(out.verdict, XDP_REDIRECT);
	assert_int_equal(out.meta_len, sizeof(meta));
	memcpy(&meta, out.data, sizeof(meta));
	assert_int_equal(meta.slot, slot);
	assert_int_equal(meta.generation, slot == SLOT_NONE ? 0 : 2 * slot + 1);
	assert_int_equal(meta.l3_offset, f.l3);
	assert_memory_equal(out.data + sizeof(meta), f.data, f.len);
	assert_nothing_counted(fx);
}

static void assert_dropped(struct fixture *fx, struct frame f, enum reason reason)
{
	assert_int_equal(run_xdp(fx, &f).verdict, XDP_DROP);
	assert_counted_only(fx, reason);
}

static void assert_passed(struct fixture *fx, struct frame f)
{
	assert_int_equal(run_xdp(fx, &f).verdict, XDP_PASS);
	assert_counted_only(fx, REASON_ESP_PASSED);
}

static void out_all_by_the_first_ones_sa(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_UDP, 6081, SPD_PROTECT), {ANY_PORT, .action = SPD_PROTECT});
	put_outbound(fx, 6, 0, 0);
	sa = put_outbound(fx, 7, IPPROTO_UDP, 6081);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .dport = 6081, .frag_off = MORE_FRAGMENTS), 7);
	assert_sent_by(fx, FRAME_OUT(.id = 2, .dport = 9, .frag_off = MORE_FRAGMENTS), 6);
	assert_sent_by(fx, FRAME_OUT(.id = 2, .frag_off = 5 | MORE_FRAGMENTS), 6);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .frag_off = 5 | MORE_FRAGMENTS, .tags = 1), 7);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .frag_off = 10), 7);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .proto = IPPROTO_ICMP, .frag_off = 5), 6);
	/* "Don't fragment" is none. */
	assert_sent_by(fx, FRAME_OUT(.id = 2, .dport = 6081, .frag_off = 0x4000), 7);
	assert_nothing_counted(fx);
	/* A rekey in between: the old SA is still there, and then it is not. */
	put_outbound(fx, 8, IPPROTO_UDP, 6081);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .frag_off = 10), 7);
	sa->ifindex = NIC + 1;
	assert_shot(fx, FRAME_OUT(.id = 1, .frag_off = 10), REASON_NO_SA);
	sa->ifindex = 0;
	sa->generation++;
	assert_shot(fx, FRAME_OUT(.id = 1, .frag_off = 10), REASON_NO_SA);
	worker_leaves(fx);
	assert_shot(fx, FRAME_OUT(.id = 2, .frag_off = 10), REASON_NO_WORKER);
}

/* Not known: it goes to the worker, who waits for the first in vain; in clear it never goes. */
static void out_unknown_is_protected(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_UDP, 6081, SPD_PROTECT));
	put_outbound(fx, 7, IPPROTO_UDP, 6081);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .frag_off = 5), 7);
	assert_in_clear(fx, FRAME_OUT(.id = 1, .dport = 80, .frag_off = MORE_FRAGMENTS));
	assert_in_clear(fx, FRAME_OUT(.id = 1, .frag_off = 5));
	assert_nothing_counted(fx);
}

/* IDs are not unique: a connected socket has its own, which begin anywhere. */
static void out_in_clear_takes_no_place_of_what_is_kept_back(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_UDP, 6081, SPD_PROTECT), TO_PORT(IPPROTO_UDP, 54, SPD_DISCARD),
		  TO_PORT(IPPROTO_UDP, 53, SPD_BYPASS));
	put_outbound(fx, 7, IPPROTO_UDP, 6081);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .dport = 6081, .frag_off = MORE_FRAGMENTS), 7);
	assert_in_clear(fx, FRAME_OUT(.id = 1, .dport = 80, .frag_off = MORE_FRAGMENTS));
	assert_shot(fx, FRAME_OUT(.id = 1, .frag_off = 5), REASON_FRAG_OVERLAP);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .dport = 6081, .frag_off = MORE_FRAGMENTS), 7);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .frag_off = 5), 7);

	assert_shot(fx, FRAME_OUT(.id = 2, .dport = 54, .frag_off = MORE_FRAGMENTS), REASON_DISCARD);
	assert_in_clear(fx, FRAME_OUT(.id = 2, .dport = 53, .frag_off = MORE_FRAGMENTS));
	assert_counted_only(fx, REASON_BYPASS);
	assert_shot(fx, FRAME_OUT(.id = 2, .frag_off = 5), REASON_DISCARD);

	/* Without an SA, too. */
	remove_outbound(fx, IPPROTO_UDP, 6081);
	assert_shot(fx, FRAME_OUT(.id = 3, .dport = 6081, .frag_off = MORE_FRAGMENTS), REASON_NO_SA);
	assert_in_clear(fx, FRAME_OUT(.id = 3, .dport = 80, .frag_off = MORE_FRAGMENTS));
	assert_shot(fx, FRAME_OUT(.id = 3, .frag_off = 5), REASON_FRAG_OVERLAP);
}

static void out_in_clear_again_when_the_id_is_free(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_UDP, 6081, SPD_PROTECT));
	put_outbound(fx, 7, IPPROTO_UDP, 6081);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .dport = 6081, .frag_off = MORE_FRAGMENTS), 7);
	age_fragments(fx, 900000000);
	assert_in_clear(fx, FRAME_OUT(.id = 1, .dport = 80, .frag_off = MORE_FRAGMENTS));
	age_fragments(fx, 100000000);
	assert_in_clear(fx, FRAME_OUT(.id = 1, .frag_off = 5));
	/* The other order: what is protected has the ID at once. */
	assert_sent_by(fx, FRAME_OUT(.id = 1, .dport = 6081, .frag_off = MORE_FRAGMENTS), 7);
	assert_sent_by(fx, FRAME_OUT(.id = 1, .frag_off = 5), 7);
	assert_nothing_counted(fx);
}

static void out_never_esp(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	put_outbound(fx, 6, 0, 0);
	assert_shot(fx, FRAME_OUT(.proto = IPPROTO_ESP, .spi = 1, .frag_off = MORE_FRAGMENTS), REASON_NESTED_ESP);
	assert_shot(fx, FRAME_OUT(.id = 1, .proto = IPPROTO_ESP, .spi = 1, .frag_off = 5), REASON_NESTED_ESP);
}

static void in_later_ones_follow_the_first(void **state)
{
	struct fixture *fx = *state;

	put_inbound(fx, SLOT, SPI);
	assert_passed(fx, LATER(.id = 1, .frag_off = 5));
	put_local(fx, LOCAL);
	assert_dropped(fx, LATER(.id = 1, .frag_off = 5), REASON_NO_SA);
	assert_to_worker(fx, ESP(.id = 1, .frag_off = MORE_FRAGMENTS), SLOT);
	assert_to_worker(fx, LATER(.id = 1, .frag_off = 5 | MORE_FRAGMENTS), SLOT_NONE);
	assert_to_worker(fx, LATER(.id = 1, .frag_off = 5, .tags = 1), SLOT_NONE);
	assert_dropped(fx, LATER(.id = 2, .frag_off = 5), REASON_NO_SA);
	assert_dropped(fx, LATER(.id = 1, .src = STRANGER, .frag_off = 5), REASON_NO_SA);
	age_fragments(fx, 1000000000);
	assert_dropped(fx, LATER(.id = 1, .frag_off = 5), REASON_NO_SA);
}

/* Before the first, as on another queue: it is a peer's by the policy. */
static void in_later_ones_of_a_peer_may_come_first(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	assert_to_worker(fx, LATER(.id = 1, .frag_off = 5), SLOT_NONE);
	put_local(fx, LOCAL);
	assert_dropped(fx, LATER(.id = 1, .src = STRANGER, .frag_off = 5), REASON_NO_SA);
	worker_leaves(fx);
	assert_dropped(fx, LATER(.id = 1, .frag_off = 5), REASON_NO_WORKER);
}

static void in_first_ones_are_the_peers_and_show_all_headers(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, SLOT, SPI);

	assert_dropped(fx, ESP(.src = STRANGER, .frag_off = MORE_FRAGMENTS), REASON_SELECTOR_MISMATCH);
	assert_dropped(fx, ESP(.payload = 32, .frag_off = MORE_FRAGMENTS), REASON_FRAG_INVALID);
	assert_dropped(fx, ESP(.payload = 8, .frag_off = MORE_FRAGMENTS), REASON_FRAG_INVALID);
	assert_int_equal(counts_get(&sa->drops, REASON_FRAG_INVALID), 2);
	sa->seen = 1000;
	assert_dropped(fx, ESP(.frag_off = MORE_FRAGMENTS), REASON_REPLAY);
	/* None of them was remembered. */
	put_local(fx, LOCAL);
	assert_dropped(fx, LATER(.frag_off = 5), REASON_NO_SA);
	assert_dropped(fx, FRAME(.proto = IPPROTO_ESP, .spi = 1, .frag_off = MORE_FRAGMENTS), REASON_NO_SA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(out_all_by_the_first_ones_sa),
		TEST_NATIVE(out_unknown_is_protected),
		TEST_NATIVE(out_in_clear_takes_no_place_of_what_is_kept_back),
		TEST_NATIVE(out_in_clear_again_when_the_id_is_free),
		TEST_NATIVE(out_never_esp),
		TEST_NATIVE(in_later_ones_follow_the_first),
		TEST_GENERIC(in_later_ones_follow_the_first),
		TEST_NATIVE(in_later_ones_of_a_peer_may_come_first),
		TEST_NATIVE(in_first_ones_are_the_peers_and_show_all_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
