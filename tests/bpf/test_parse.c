/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/parse.h and skb.h: tags, options, and headers that end too early or contradict themselves. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <string.h>

#include "fixture.h"

#define ESP_FRAME(...) FRAME(.proto = IPPROTO_ESP, .spi = 0x1000, .seq = 1, __VA_ARGS__)

static void assert_meta(const struct outcome *out, uint8_t l3_offset)
{
	struct rx_meta meta;

	assert_int_equal(out->verdict, XDP_REDIRECT);
	assert_int_equal(out->meta_len, sizeof(meta));
	memcpy(&meta, out->data, sizeof(meta));
	assert_int_equal(meta.l3_offset, l3_offset);
}

static void tags_and_options_lead_to_the_same_sa(void **state)
{
	struct fixture *fx = *state;

	put_inbound(fx, 5, 0x1000);
	for (int tags = 0; tags <= 2; tags++)
		for (int options = 0; options <= 40; options += 4) {
			struct frame f = ESP_FRAME(.tags = tags, .options = options);
			struct outcome out = run_xdp(fx, &f);

			assert_meta(&out, 14 + 4 * tags);
		}
	assert_nothing_counted(fx);
}

static void tags_and_options_lead_to_the_same_policy(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_TCP, 179, SPD_PROTECT));
	put_outbound(fx, 6, 0, 0);
	for (int tags = 0; tags <= 2; tags++)
		for (int options = 0; options <= 40; options += 4) {
			struct frame in = FRAME(.tags = tags, .options = options, .proto = IPPROTO_TCP, .sport = 179);
			struct frame out =
				FRAME_OUT(.tags = tags, .options = options, .proto = IPPROTO_TCP, .dport = 179);

			assert_int_equal(run_xdp(fx, &in).verdict, XDP_DROP);
			assert_int_equal(run_egress(fx, &out).verdict, TC_ACT_REDIRECT);
		}
	assert_int_equal(counted(fx, REASON_CLEARTEXT_PROTECTED), 33);
	assert_int_equal(counted_in_all(fx), 33);
}

/* Puts that many tags more in front of what is there, of both kinds by the bits of kinds. */
static struct frame tag_more(const struct frame *f, int tags, unsigned kinds)
{
	struct frame out = *f;

	for (int i = 0; i < tags; i++) {
		const uint16_t tag[] = {htons(kinds >> i & 1 ? ETH_P_8021AD : ETH_P_8021Q), htons(kinds >> i & 1)};

		memmove(out.data + 16, out.data + 12, out.len - 12);
		memcpy(out.data + 12, tag, sizeof(tag));
		out.len += sizeof(tag);
	}
	return out;
}

static void dropped_both_ways(struct fixture *fx, const struct frame *f)
{
	assert_int_equal(run_xdp(fx, f).verdict, XDP_DROP);
	assert_counted_only(fx, REASON_VLAN_STACK);
	assert_int_equal(run_nic_ingress(fx, f, 0).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_VLAN_STACK);
	assert_int_equal(run_egress(fx, f).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_VLAN_STACK);
}

/* Whatever they are of, and whatever is in there. */
static void what_is_tagged_more_than_twice_is_dropped(void **state)
{
	struct fixture *fx = *state;

	for (int tags = 3; tags <= 5; tags++) {
		for (unsigned kinds = 0; kinds < 1U << tags; kinds++) {
			struct frame plain = FRAME(), f = tag_more(&plain, tags, kinds);

			dropped_both_ways(fx, &f);
			/* One that ends behind its third tag, and one of ARP. */
			f.len = 14 + 3 * 4;
			dropped_both_ways(fx, &f);
			plain.data[13] = ETH_P_ARP & 0xff;
			f = tag_more(&plain, tags, kinds);
			dropped_both_ways(fx, &f);
		}
	}
}

/* Also where XDP leaves what is in clear to tc, and has no mark to look at. */
static void generic_xdp_drops_them_too(void **state)
{
	struct frame plain = FRAME(), f = tag_more(&plain, 3, 0);

	dropped_both_ways(*state, &f);
}

static void two_tags_of_any_kind_are_looked_behind(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	for (int tags = 0; tags <= 2; tags++) {
		for (unsigned kinds = 0; kinds < 1U << tags; kinds++) {
			struct frame plain = FRAME(), f = tag_more(&plain, tags, kinds);

			assert_int_equal(run_xdp(fx, &f).verdict, XDP_DROP);
			assert_counted_only(fx, REASON_CLEARTEXT_PROTECTED);
		}
	}
}

static void other_protocols_pass_untouched(void **state)
{
	static const uint16_t others[] = {ETH_P_ARP, ETH_P_IPV6, ETH_P_LLDP, 0x0100};
	struct fixture *fx = *state;

	protect_all(fx);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct frame f = FRAME(.payload = 40);
		struct outcome out;

		f.data[12] = others[i] >> 8;
		f.data[13] = others[i] & 0xff;
		out = run_xdp(fx, &f);
		assert_int_equal(out.verdict, XDP_PASS);
		assert_int_equal(out.len, f.len);
		assert_memory_equal(out.data, f.data, f.len);
		out = run_egress(fx, &f);
		assert_int_equal((int)out.verdict, TC_ACT_UNSPEC);
		assert_memory_equal(out.data, f.data, f.len);
		assert_int_equal((int)run_nic_ingress(fx, &f, 0).verdict, TC_ACT_UNSPEC);
	}
	assert_nothing_counted(fx);
}

/*
 * The least frame that the kernel runs a program on. An skb must have something behind its Ethernet header, and a whole
 * IPv4 header if that is what it says there.
 */
#define XDP_LEAST	14
#define SKB_LEAST(tags) ((tags) ? 15 : 34)

static void cleartext_cut_anywhere_never_gets_in(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_TCP, 179, SPD_PROTECT), {ANY_PORT, .action = SPD_BYPASS});
	for (int tags = 0; tags <= 2; tags++) {
		struct frame f = FRAME(.tags = tags, .options = 8, .proto = IPPROTO_TCP, .sport = 179);

		for (size_t whole = f.len; f.len >= XDP_LEAST; f.len--) {
			/* Below 20 bytes of IPv4 header nobody can read the addresses: not the stack either. */
			bool readable = f.len >= f.l3 + 20;

			assert_int_equal(run_xdp(fx, &f).verdict, readable ? XDP_DROP : XDP_PASS);
			if (readable)
				assert_counted_only(fx, f.len == whole ? REASON_CLEARTEXT_PROTECTED : REASON_MALFORMED);
			assert_nothing_counted(fx);
		}
	}
}

static void skb_cut_anywhere_never_gets_through(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	put_outbound(fx, 6, 0, 0);
	for (int tags = 0; tags <= 2; tags++) {
		struct frame in = FRAME(.tags = tags, .options = 8, .proto = IPPROTO_TCP, .sport = 179);
		struct frame out = FRAME_OUT(.tags = tags, .options = 8, .proto = IPPROTO_TCP, .dport = 179);

		while (in.len > (size_t)SKB_LEAST(tags)) {
			in.len = --out.len;
			assert_int_equal(run_nic_ingress(fx, &in, 0).verdict, TC_ACT_SHOT);
			assert_counted_only(fx, REASON_MALFORMED);
			assert_int_equal(run_egress(fx, &out).verdict, TC_ACT_SHOT);
			assert_counted_only(fx, REASON_MALFORMED);
		}
	}
}

static void esp_cut_anywhere_is_malformed(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, 5, 0x1000);

	put_local(fx, LOCAL);
	for (int tags = 0; tags <= 2; tags++) {
		struct frame f = ESP_FRAME(.tags = tags, .options = 4);

		while (f.len > XDP_LEAST) {
			f.len--;
			assert_int_equal(run_xdp(fx, &f).verdict, f.len >= f.l3 + 20 ? XDP_DROP : XDP_PASS);
			if (f.len >= f.l3 + 20)
				assert_counted_only(fx, REASON_MALFORMED);
			assert_nothing_counted(fx);
		}
	}
	assert_int_equal(counts_get(&sa->drops, REASON_MALFORMED), 0);
}

/* The header's own length ends here and there, in a frame that is long enough. */
static void ports_beyond_the_total_length_are_not_there(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_TCP, 179, SPD_BYPASS), TO_PORT(IPPROTO_TCP, 80, SPD_PROTECT));
	for (size_t payload = 1; payload <= 8; payload++) {
		struct frame f = FRAME(.proto = IPPROTO_TCP, .sport = 179, .payload = payload);

		frame_pad(&f);
		assert_int_equal(run_xdp(fx, &f).verdict, payload < 4 ? XDP_DROP : XDP_PASS);
		assert_counted_only(fx, payload < 4 ? REASON_CLEARTEXT_PROTECTED : REASON_BYPASS);
	}
}

/* What is wrong with a header: a byte of it, and the value. */
static const struct wrong {
	size_t at;
	uint8_t value;
} wrong[] = {
	{0, 0x44}, {0, 0x40}, {0, 0x65}, {0, 0x4f}, {2, 0xff}, {3, 19}, {3, 0},
};
#define WRONGS (sizeof(wrong) / sizeof(wrong[0]))

static struct frame wrong_frame(const struct frame *f, size_t i)
{
	struct frame bad = *f;

	bad.data[f->l3 + wrong[i].at] = wrong[i].value;
	return bad;
}

static void malformed_headers_are_dropped_where_policy_protects(void **state)
{
	struct fixture *fx = *state;
	struct frame in = FRAME(.payload = 20), out = FRAME_OUT(.payload = 20);

	/* Only a part of the traffic, which these packets do not seem to belong to. */
	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_TCP, ANY_PORT, .action = SPD_PROTECT});
	for (size_t i = 0; i < WRONGS; i++) {
		struct frame bad_in = wrong_frame(&in, i), bad_out = wrong_frame(&out, i);

		assert_int_equal(run_xdp(fx, &bad_in).verdict, XDP_DROP);
		assert_counted_only(fx, REASON_MALFORMED);
		assert_int_equal(run_nic_ingress(fx, &bad_in, 0).verdict, TC_ACT_SHOT);
		assert_counted_only(fx, REASON_MALFORMED);
		assert_int_equal(run_egress(fx, &bad_out).verdict, TC_ACT_SHOT);
		assert_counted_only(fx, REASON_MALFORMED);
	}
}

static void malformed_headers_of_others_are_the_stacks(void **state)
{
	struct fixture *fx = *state;
	struct frame in = FRAME(.src = STRANGER, .payload = 20),
		     out = FRAME(.src = LOCAL, .dst = STRANGER, .payload = 20);

	protect_all(fx);
	PUT_RULES(fx, STRANGER "/32", {ANY_PORT, .action = SPD_BYPASS}, {ANY_PORT, .action = SPD_PROTECT});
	for (size_t i = 0; i < WRONGS; i++) {
		struct frame bad_in = wrong_frame(&in, i), bad_out = wrong_frame(&out, i);

		assert_int_equal(run_xdp(fx, &bad_in).verdict, XDP_PASS);
		assert_int_equal((int)run_nic_ingress(fx, &bad_in, 0).verdict, TC_ACT_UNSPEC);
		assert_int_equal((int)run_egress(fx, &bad_out).verdict, TC_ACT_UNSPEC);
	}
	assert_nothing_counted(fx);
}

/* BIG TCP leaves the total length of a super-packet 0. */
static void a_super_packet_may_have_no_total_length(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME_OUT(.proto = IPPROTO_TCP, .dport = 179, .payload = 300);

	protect_all(fx);
	put_outbound(fx, 6, 0, 0);
	f.data[f.l3 + 2] = f.data[f.l3 + 3] = 0;
	assert_int_equal(run_egress_gso(fx, &f).verdict, TC_ACT_REDIRECT);
	assert_nothing_counted(fx);
	assert_int_equal(run_egress(fx, &f).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(tags_and_options_lead_to_the_same_sa),
		TEST_NATIVE(tags_and_options_lead_to_the_same_policy),
		TEST_NATIVE(what_is_tagged_more_than_twice_is_dropped),
		TEST_GENERIC(generic_xdp_drops_them_too),
		TEST_NATIVE(two_tags_of_any_kind_are_looked_behind),
		TEST_NATIVE(other_protocols_pass_untouched),
		TEST_NATIVE(cleartext_cut_anywhere_never_gets_in),
		TEST_NATIVE(skb_cut_anywhere_never_gets_through),
		TEST_NATIVE(esp_cut_anywhere_is_malformed),
		TEST_NATIVE(ports_beyond_the_total_length_are_not_there),
		TEST_NATIVE(malformed_headers_are_dropped_where_policy_protects),
		TEST_NATIVE(malformed_headers_of_others_are_the_stacks),
		TEST_NATIVE(a_super_packet_may_have_no_total_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
