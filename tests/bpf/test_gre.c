/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/gre.h: what is put into GRE and what is not, and who may say what when it comes out. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fixture.h"

#include "datapath.skel.h"

#define GROUP	  "224.0.0.5"
#define BROADCAST "192.0.2.255"
#define THIRD	  "192.0.2.3"
#define PEERS	  2

static const uint8_t group_mac[ETH_ALEN] = {1, 0, 0x5e, 0, 0, 5};
static const uint8_t all_ones[ETH_ALEN] = {255, 255, 255, 255, 255, 255};

static void addr(uint8_t out[4], const char *text)
{
	assert_int_equal(inet_pton(AF_INET, text, out), 1);
}

/* LOCAL is on the NIC, in 192.0.2.0/24; gre = yes with REMOTE, and THIRD of no policy. */
static void put_gre(struct fixture *fx, uint32_t peers)
{
	struct gre_port g = {.peer_count = peers, .source_count = 1, .address_count = 1};
	uint32_t port = PORT;

	addr(g.peers[0].local, LOCAL);
	addr(g.peers[0].remote, REMOTE);
	addr(g.peers[1].local, LOCAL);
	addr(g.peers[1].remote, THIRD);
	addr(g.sources[0].prefix, REMOTE);
	memset(g.sources[0].mask, 255, 4);
	addr(g.addresses[0].addr, LOCAL);
	addr(g.addresses[0].broadcast, BROADCAST);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx->skel->maps.gre), &port, &g, BPF_ANY), 0);
}

static struct frame to(struct frame f, const uint8_t mac[ETH_ALEN])
{
	memcpy(f.data, mac, ETH_ALEN);
	return f;
}

#define GROUP_OUT(...) to(FRAME(.src = LOCAL, .dst = GROUP, .proto = 89, __VA_ARGS__), group_mac)

static void dropped_as(struct fixture *fx, struct frame f, enum reason reason)
{
	assert_int_equal(run_egress(fx, &f).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, reason);
}

static void left_alone(struct fixture *fx, struct frame f)
{
	struct outcome out = run_egress(fx, &f);

	assert_int_equal((int)out.verdict, TC_ACT_UNSPEC);
	assert_memory_equal(out.data, f.data, f.len);
	assert_nothing_counted(fx);
}

/* What is left of the original, whose copies have gone: the headers of the last one. */
static void headers_of_a_copy(void **state)
{
	struct fixture *fx = *state;
	struct frame f = GROUP_OUT(.payload = 44);
	struct outcome out;
	struct iphdr ip;

	put_gre(fx, PEERS);
	f.data[15] = 0xbb; /* TOS: a DSCP, and CE */
	out = run_egress(fx, &f);
	/* To the last peer goes the packet itself. */
	assert_int_equal(out.verdict, TC_ACT_REDIRECT);
	assert_int_equal(out.len, f.len + 24);
	assert_memory_equal(out.data + 38, f.data + 14, f.len - 14);
	assert_memory_equal(out.data, ((uint8_t[14]){[12] = 8}), 14);
	memcpy(&ip, out.data + 14, sizeof(ip));
	assert_int_equal(ip.tos, 0xb8);
	assert_int_equal(ip.ttl, 64);
	assert_int_equal(ntohs(ip.tot_len), 20 + 4 + 20 + 44);
	assert_int_equal(ip.frag_off, 0);
	assert_int_equal(ip.protocol, IPPROTO_GRE);
	assert_int_equal(ip.saddr, inet_addr(LOCAL));
	assert_int_equal(ip.daddr, inet_addr(THIRD));
	assert_memory_equal(out.data + 34, ((uint8_t[4]){0, 0, 8, 0}), 4);
	assert_nothing_counted(fx);
}

static void only_groups_of_a_nic_with_gre(void **state)
{
	struct fixture *fx = *state;
	struct frame f = GROUP_OUT();

	left_alone(fx, f);
	put_gre(fx, 0);
	dropped_as(fx, f, REASON_NO_SA);
	/* However it is addressed. */
	dropped_as(fx, FRAME(.src = LOCAL, .dst = GROUP), REASON_NO_SA);
	dropped_as(fx, to(FRAME(.src = LOCAL, .dst = "255.255.255.255"), all_ones), REASON_NO_SA);
	dropped_as(fx, to(FRAME(.src = LOCAL, .dst = BROADCAST), all_ones), REASON_NO_SA);
	dropped_as(fx, to(FRAME(.src = STRANGER, .dst = GROUP), group_mac), REASON_NO_SA);
	/* A host that is reached by a group's Ethernet address; another network's broadcast; a VLAN's groups. */
	left_alone(fx, to(FRAME(.src = LOCAL, .dst = THIRD), group_mac));
	left_alone(fx, FRAME(.src = LOCAL, .dst = "198.51.100.255"));
	left_alone(fx, GROUP_OUT(.tags = 1));
}

static void policies_go_first(void **state)
{
	struct fixture *fx = *state;
	struct frame f;

	put_gre(fx, PEERS);
	PUT_RULES(fx, GROUP "/32", {ANY_PORT, .action = SPD_DISCARD});
	dropped_as(fx, GROUP_OUT(), REASON_DISCARD);
	PUT_RULES(fx, GROUP "/32", {ANY_PORT, .action = SPD_BYPASS});
	f = GROUP_OUT();
	assert_int_equal((int)run_egress(fx, &f).verdict, TC_ACT_UNSPEC);
	assert_counted_only(fx, REASON_BYPASS);
	/* A mesh's own prefix has its broadcast in it. */
	put_gre(fx, 0);
	PUT_RULES(fx, "192.0.2.0/24", {ANY_PORT, .action = SPD_PROTECT});
	dropped_as(fx, to(FRAME(.src = LOCAL, .dst = BROADCAST), all_ones), REASON_NO_SA);
	assert_int_equal(take_events(fx), 0);
}

static struct outcome run_egress_with(struct fixture *fx, struct frame f, uint32_t mark, uint32_t came_in_by)
{
	struct __sk_buff ctx = {.mark = mark, .ingress_ifindex = came_in_by};
	struct outcome out = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.data, .data_size_in = f.len, .data_out = out.data,
		    .data_size_out = sizeof(out.data), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(fx->skel->progs.tc_egress), &opts), 0);
	out.verdict = opts.retval;
	return out;
}

static void nothing_goes_round(void **state)
{
	struct fixture *fx = *state;

	put_gre(fx, PEERS);
	assert_int_equal(run_egress_with(fx, GROUP_OUT(), MARK, 0).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_GRE_LOOP);
	assert_int_equal(run_egress_with(fx, GROUP_OUT(), 0, NIC).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_GRE_LOOP);
	/* Forwarded from elsewhere. */
	assert_int_equal(run_egress_with(fx, GROUP_OUT(), 1, NIC + 1).verdict, TC_ACT_REDIRECT);
	assert_nothing_counted(fx);
}

static void what_cannot_be_carried(void **state)
{
	struct fixture *fx = *state;
	struct frame f = GROUP_OUT(.payload = 100);

	put_gre(fx, PEERS);
	dropped_as(fx, to(FRAME(.src = LOCAL, .dst = GROUP, .proto = IPPROTO_ESP), group_mac), REASON_NESTED_ESP);
	f.data[f.l3] = 0x44;
	dropped_as(fx, f, REASON_MALFORMED);
}

static struct frame unrouted(const char *dst)
{
	struct frame f = FRAME(.src = LOCAL, .dst = dst, .proto = IPPROTO_GRE);

	memset(f.data, 0, 2 * ETH_ALEN);
	return f;
}

static void a_copy_is_routed_if_its_way_is_protected(void **state)
{
	struct fixture *fx = *state;
	struct frame f = unrouted(REMOTE);

	put_gre(fx, PEERS);
	dropped_as(fx, unrouted(REMOTE), REASON_GRE_REFUSED);
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_BYPASS});
	dropped_as(fx, unrouted(REMOTE), REASON_GRE_REFUSED);
	protect_all(fx);
	assert_int_equal(run_egress(fx, &f).verdict, TC_ACT_REDIRECT);
	assert_counted_only(fx, REASON_GRE_SENT);
	/* With its addresses it is a packet as any other. */
	dropped_as(fx, FRAME_OUT(.proto = IPPROTO_GRE), REASON_NO_SA);
}

/* ---- in clear ---- */

static void clear(struct fixture *fx, struct frame f, uint32_t verdict)
{
	assert_int_equal(run_xdp(fx, &f).verdict, verdict);
	if (verdict == XDP_DROP)
		assert_counted_only(fx, REASON_CLEARTEXT_PROTECTED);
	else
		assert_nothing_counted(fx);
}

static void groups_of_a_peer_come_in_gre(void **state)
{
	struct fixture *fx = *state;

	clear(fx, to(FRAME(.dst = GROUP), group_mac), XDP_PASS);
	put_gre(fx, 0);
	clear(fx, to(FRAME(.dst = GROUP), group_mac), XDP_DROP);
	clear(fx, FRAME(.dst = GROUP), XDP_DROP);
	clear(fx, FRAME(.dst = BROADCAST), XDP_DROP);
	clear(fx, to(FRAME(.dst = "255.255.255.255"), all_ones), XDP_DROP);
	clear(fx, to(FRAME(.src = THIRD, .dst = GROUP), group_mac), XDP_PASS);
	clear(fx, FRAME(), XDP_PASS);
	PUT_RULES(fx, GROUP "/32", {ANY_PORT, .action = SPD_BYPASS, .origin = 32});
	clear(fx, to(FRAME(.dst = GROUP), group_mac), XDP_PASS);
	/* What is for everything is for no group. */
	PUT_RULES(fx, GROUP "/32", {ANY_PORT, .action = SPD_BYPASS, .origin = 0});
	clear(fx, to(FRAME(.dst = GROUP), group_mac), XDP_DROP);
}

/* Of a connection, whatever it says of GRE: its remote's groups are no other address of ours than one (policy.h). */
static void groups_of_a_connections_peer(void **state)
{
	static const char *const groups[] = {GROUP, "239.1.2.3", "255.255.255.255", BROADCAST};
	struct fixture *fx = *state;
	struct frame f;

	PUT_RULES(fx, REMOTE "/32",
		  {.local = {192, 0, 2, 1}, ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE, .origin = 32});
	for (int gre = 0; gre < 2; gre++) {
		for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
			clear(fx, FRAME(.dst = groups[i]), XDP_DROP);
			clear(fx, to(FRAME(.dst = groups[i]), group_mac), XDP_DROP);
			clear(fx, to(FRAME(.src = THIRD, .dst = groups[i]), group_mac), XDP_PASS);
		}
		put_gre(fx, 0);
	}
	PUT_RULES(fx, "0.0.0.0/0", {ANY_PORT, .action = SPD_BYPASS});
	clear(fx, to(FRAME(.dst = GROUP), group_mac), XDP_DROP);
	PUT_RULES(fx, "224.0.0.0/4", {ANY_PORT, .action = SPD_BYPASS, .origin = 4});
	f = to(FRAME(.dst = GROUP), group_mac);
	assert_int_equal(run_xdp(fx, &f).verdict, XDP_PASS);
	assert_counted_only(fx, REASON_BYPASS);
	/* What protects the group by itself, it does not undo. */
	protect_all(fx);
	clear(fx, f, XDP_DROP);
	/* And nobody gets to a host by it. */
	PUT_RULES(fx, REMOTE "/32",
		  {.local = {192, 0, 2, 1}, ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE, .origin = 32});
	PUT_RULES(fx, "192.0.2.9/32", {ANY_PORT, .action = SPD_BYPASS, .origin = 32});
	clear(fx, to(FRAME(.dst = "192.0.2.9"), group_mac), XDP_DROP);
}

/* ---- out of GRE ---- */

/* As the worker hands it over: the SA in the destination address, a type of its own. */
static struct frame taken_out(struct frame f, uint32_t slot, uint32_t generation)
{
	const struct tx_tag tag = tx_tag_of(slot, generation);
	const uint16_t type = htons(GRE_TAG_ETHERTYPE);

	memcpy(f.data, &tag, sizeof(tag));
	memcpy(f.data + 12, &type, sizeof(type));
	return f;
}

static void admitted(struct fixture *fx, struct frame f, const uint8_t mac[ETH_ALEN])
{
	struct frame tagged = taken_out(f, 9, 19);
	struct outcome out = run_tap_ingress(fx, &tagged);

	assert_int_equal(out.verdict, TC_ACT_REDIRECT);
	assert_int_equal(out.mark, MARK);
	assert_memory_equal(out.data, mac, ETH_ALEN);
	assert_memory_equal(out.data + ETH_ALEN, f.data + ETH_ALEN, f.len - ETH_ALEN);
	assert_counted_only(fx, REASON_GRE_RECEIVED);
}

static void refused(struct fixture *fx, struct frame f, enum reason reason)
{
	struct frame tagged = taken_out(f, 9, 19);

	assert_int_equal(run_tap_ingress(fx, &tagged).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, reason);
	assert_int_equal(counts_get(&fx->sa[9].drops, reason), 1);
	fx->sa[9].drops = (struct counts){0};
}

static void gets_the_address_of_its_group(void **state)
{
	struct fixture *fx = *state;

	put_inbound(fx, 9, 0x1009);
	put_gre(fx, 0);
	admitted(fx, FRAME(.dst = GROUP, .proto = 89), group_mac);
	admitted(fx, FRAME(.dst = "239.129.2.3"), (uint8_t[]){1, 0, 0x5e, 1, 2, 3});
	admitted(fx, FRAME(.dst = "255.255.255.255"), all_ones);
	admitted(fx, FRAME(.dst = BROADCAST, .options = 4), all_ones);
	admitted(fx, FRAME(.src = STRANGER, .dst = GROUP, .frag_off = MORE_FRAGMENTS), group_mac);
}

static void says_nothing_for_others(void **state)
{
	struct fixture *fx = *state;

	put_inbound(fx, 9, 0x1009);
	put_gre(fx, 0);
	put_local(fx, "192.0.2.99");
	protect_all(fx);
	PUT_RULES(fx, THIRD "/32", {ANY_PORT, .action = SPD_PROTECT});
	admitted(fx, FRAME(.dst = GROUP), group_mac);
	refused(fx, FRAME(.src = THIRD, .dst = GROUP), REASON_GRE_REFUSED);
	refused(fx, FRAME(.src = LOCAL, .dst = GROUP), REASON_GRE_REFUSED);
	refused(fx, FRAME(.src = "192.0.2.99", .dst = GROUP), REASON_GRE_REFUSED);
	refused(fx, FRAME(.src = BROADCAST, .dst = GROUP), REASON_GRE_REFUSED);
	refused(fx, FRAME(.src = "224.0.0.1", .dst = GROUP), REASON_GRE_REFUSED);
	refused(fx, FRAME(.src = "255.255.255.255", .dst = GROUP), REASON_GRE_REFUSED);
	PUT_RULES(fx, STRANGER "/32", {ANY_PORT, .action = SPD_DISCARD});
	refused(fx, FRAME(.src = STRANGER, .dst = GROUP), REASON_DISCARD);
}

/* Of the packet around it nothing is left but its SA. */
static void policies_are_for_the_gre_around_it(void **state)
{
	struct fixture *fx = *state;

	put_inbound(fx, 9, 0x1009);
	put_gre(fx, 0);
	admitted(fx, FRAME(.src = STRANGER, .dst = GROUP), group_mac);
	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_GRE, ANY_PORT, .action = SPD_DISCARD},
		  {ANY_PORT, .action = SPD_PROTECT});
	refused(fx, FRAME(.src = STRANGER, .dst = GROUP), REASON_POLICY_MISMATCH);
	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_GRE, ANY_PORT, .action = SPD_BYPASS},
		  {ANY_PORT, .action = SPD_PROTECT});
	refused(fx, FRAME(.src = STRANGER, .dst = GROUP), REASON_POLICY_MISMATCH);
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_PROTECT});
	admitted(fx, FRAME(.src = STRANGER, .dst = GROUP), group_mac);
}

static void unicast_is_not_for_gre(void **state)
{
	struct fixture *fx = *state;

	put_inbound(fx, 9, 0x1009);
	put_gre(fx, 0);
	refused(fx, FRAME(), REASON_GRE_REFUSED);
	refused(fx, FRAME(.dst = THIRD), REASON_GRE_REFUSED);
	refused(fx, FRAME(.dst = "198.51.100.255"), REASON_GRE_REFUSED);
	refused(fx, FRAME(.dst = GROUP, .proto = IPPROTO_ESP), REASON_NESTED_ESP);
}

static void an_sa_that_is_gone_says_nothing(void **state)
{
	struct fixture *fx = *state;
	struct frame f = taken_out(FRAME(.dst = GROUP), 9, 17);

	put_inbound(fx, 9, 0x1009);
	put_gre(fx, 0);
	assert_int_equal(run_tap_ingress(fx, &f).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_NO_SA);
}

static void every_peer_gets_a_copy(void **state)
{
	struct fixture *fx = *state;
	struct frame f = GROUP_OUT();
	struct gre_port g = {.peer_count = GRE_PEERS_MAX, .source_count = 1};
	const uint32_t port = PORT;
	uint16_t first, last;
	struct outcome out;

	for (uint32_t i = 0; i < GRE_PEERS_MAX; i++)
		memcpy(g.peers[i].remote, ((uint8_t[4]){10, 0, 0, i}), 4);
	put_gre(fx, 1);
	out = run_egress(fx, &f);
	memcpy(&first, out.data + 18, sizeof(first));
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx->skel->maps.gre), &port, &g, BPF_ANY), 0);
	out = run_egress(fx, &f);
	/* The last one is what is left, and has the last ID. */
	assert_memory_equal(out.data + 30, ((uint8_t[4]){10, 0, 0, GRE_PEERS_MAX - 1}), 4);
	memcpy(&last, out.data + 18, sizeof(last));
	assert_int_equal(ntohs(last), ntohs(first) + GRE_PEERS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(headers_of_a_copy),
		TEST_NATIVE(every_peer_gets_a_copy),
		TEST_NATIVE(only_groups_of_a_nic_with_gre),
		TEST_NATIVE(policies_go_first),
		TEST_NATIVE(nothing_goes_round),
		TEST_NATIVE(what_cannot_be_carried),
		TEST_NATIVE(a_copy_is_routed_if_its_way_is_protected),
		TEST_NATIVE(groups_of_a_peer_come_in_gre),
		TEST_NATIVE(groups_of_a_connections_peer),
		TEST_NATIVE(gets_the_address_of_its_group),
		TEST_NATIVE(says_nothing_for_others),
		TEST_NATIVE(policies_are_for_the_gre_around_it),
		TEST_NATIVE(unicast_is_not_for_gre),
		TEST_NATIVE(an_sa_that_is_gone_says_nothing),
	};

	/* Copies leave by the NIC, if there is one of that number: not here. */
	if (unshare(CLONE_NEWNET) < 0)
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
