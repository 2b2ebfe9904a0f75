/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/egress.h: what leaves and is protected, from the policy to the TAP. */
#include <string.h>

#include "fixture.h"

static void assert_sent_by(const struct outcome *out, const struct frame *f, const struct fixture *fx, uint32_t slot)
{
	struct tx_tag tag;

	assert_int_equal(out->verdict, TC_ACT_REDIRECT);
	assert_int_equal(out->len, f->len);
	memcpy(&tag, out->data + 6, sizeof(tag));
	assert_int_equal(tx_tag_slot(&tag), slot);
	assert_true(tx_tag_is_of(&tag, fx->sa[slot].generation));
	/* The rest of the frame is as it was. */
	assert_memory_equal(out->data, f->data, 6);
	assert_memory_equal(out->data + 12, f->data + 12, f->len - 12);
}

static void assert_refused(struct fixture *fx, struct frame f, enum reason reason)
{
	assert_int_equal(run_egress(fx, &f).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, reason);
}

static void protected_traffic_goes_to_the_tap(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	put_outbound(fx, 600, 0, 0);
	for (int tags = 0; tags <= 2; tags++) {
		struct frame f = FRAME_OUT(.tags = tags, .proto = IPPROTO_TCP, .dport = 179, .payload = 500);
		struct outcome out = run_egress(fx, &f);

		assert_sent_by(&out, &f, fx, 600);
		out = run_egress_gso(fx, &f);
		assert_sent_by(&out, &f, fx, 600);
	}
	assert_nothing_counted(fx);
	assert_int_equal(take_events(fx), 0);
}

/* A bridge passes on what is for another station, or for a group, with this host's address as its source. */
static void what_this_host_has_not_sent_has_no_sa(void **state)
{
	static const uint8_t to[][6] = {
		{2, 0, 0, 0, 0, 1}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {1, 0, 0x5e, 0, 0, 5}};
	struct frame f = FRAME_OUT(.proto = IPPROTO_TCP, .dport = 179), later = FRAME_OUT(.frag_off = 5, .id = 7);
	struct frame first = FRAME_OUT(.frag_off = MORE_FRAGMENTS, .id = 7);
	struct fixture *fx = *state;

	for (size_t i = 0; i < 3; i++) {
		memcpy(f.data, to[i], 6);
		assert_int_equal((int)run_egress(fx, &f).verdict, TC_ACT_UNSPEC);
	}
	protect_all(fx);
	put_outbound(fx, 600, 0, 0);
	/* Of a NIC that is no bridge's port: in a tunnel that is one. */
	put_queues(fx, 1, 1);
	for (size_t i = 0; i < 3; i++) {
		memcpy(f.data, to[i], 6);
		assert_int_equal(run_egress(fx, &f).verdict, TC_ACT_REDIRECT);
	}
	put_port(fx, 1500, 0);
	for (size_t i = 0; i < 3; i++) {
		memcpy(f.data, to[i], 6);
		assert_refused(fx, f, REASON_CLEARTEXT_PROTECTED);
	}
	/* Nor does it take the place of what this host sends in fragments. */
	assert_int_equal(run_egress(fx, &first).verdict, TC_ACT_REDIRECT);
	memcpy(first.data, to[0], 6);
	assert_refused(fx, first, REASON_CLEARTEXT_PROTECTED);
	assert_int_equal(run_egress(fx, &later).verdict, TC_ACT_REDIRECT);
	memcpy(later.data, to[0], 6);
	assert_refused(fx, later, REASON_CLEARTEXT_PROTECTED);
}

static void what_is_not_protected_is_left_alone(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME_OUT(.proto = IPPROTO_TCP, .dport = 80);
	struct outcome out;

	out = run_egress(fx, &f);
	assert_int_equal((int)out.verdict, TC_ACT_UNSPEC);
	assert_memory_equal(out.data, f.data, f.len);
	assert_nothing_counted(fx);
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_BYPASS});
	out = run_egress(fx, &f);
	assert_int_equal((int)out.verdict, TC_ACT_UNSPEC);
	assert_memory_equal(out.data, f.data, f.len);
	assert_counted_only(fx, REASON_BYPASS);
}

/* Every packet that a rule is for takes the narrowest SA that carries all of the rule. */
static void assert_carried(struct fixture *fx, struct frame f, uint32_t slot)
{
	struct outcome out = run_egress(fx, &f);

	assert_sent_by(&out, &f, fx, slot);
}

#define TCP(...)       SEL(.proto = IPPROTO_TCP, __VA_ARGS__)
#define FROM(min, max) .local_port_min = (min), .local_port_max = (max)
#define TO(min, max)   .remote_port_min = (min), .remote_port_max = (max)

static void the_rules_own_sa_goes_first(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_TCP, FROM(22, 22), TO(179, 179), .action = SPD_PROTECT},
		  {.proto = IPPROTO_TCP, ANY_LOCAL_PORT, TO(179, 200), .action = SPD_PROTECT},
		  {.proto = IPPROTO_TCP, FROM(22, 22), ANY_REMOTE_PORT, .action = SPD_PROTECT},
		  {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_PROTECT}, {ANY_PORT, .action = SPD_PROTECT});
	put_outbound(fx, 10, 0, 0);
	put_outbound(fx, 11, IPPROTO_TCP, 0);
	put_outbound_for(fx, 12, TCP(FROM(22, 22), ANY_REMOTE_PORT));
	put_outbound(fx, 13, IPPROTO_TCP, 179);
	put_outbound(fx, 14, IPPROTO_UDP, 0);
	put_outbound_for(fx, 15, TCP(FROM(22, 22), TO(179, 179)));
	put_outbound_for(fx, 16, TCP(ANY_LOCAL_PORT, TO(179, 200)));
	put_outbound(fx, 17, IPPROTO_UDP, 53);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 22, .dport = 179), 15);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 40000, .dport = 179), 16);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 40000, .dport = 200), 16);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 22, .dport = 40000), 12);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 40000, .dport = 22), 10);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_UDP, .dport = 53), 14);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_ICMP), 10);
}

/* One after the other is taken away: the narrowest that is left and has the packet in it. */
static void without_its_own_the_narrowest_sa(void **state)
{
	struct fixture *fx = *state;
	const struct frame both = FRAME_OUT(.proto = IPPROTO_TCP, .sport = 22, .dport = 179);

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_TCP, FROM(22, 22), TO(170, 180), .action = SPD_PROTECT},
		  {ANY_PORT, .action = SPD_PROTECT});
	put_outbound(fx, 10, 0, 0);
	put_outbound(fx, 11, IPPROTO_TCP, 0);
	put_outbound_for(fx, 12, TCP(FROM(22, 22), ANY_REMOTE_PORT));
	put_outbound(fx, 13, IPPROTO_TCP, 179);
	put_outbound_for(fx, 14, TCP(FROM(22, 22), TO(170, 180)));
	assert_carried(fx, both, 14);
	remove_outbound_for(fx, TCP(FROM(22, 22), TO(170, 180)));
	assert_carried(fx, both, 13);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 22, .dport = 178), 12);
	remove_outbound(fx, IPPROTO_TCP, 179);
	assert_carried(fx, both, 12);
	remove_outbound_for(fx, TCP(FROM(22, 22), ANY_REMOTE_PORT));
	assert_carried(fx, both, 11);
	remove_outbound(fx, IPPROTO_TCP, 0);
	assert_carried(fx, both, 10);
	remove_outbound(fx, 0, 0);
	assert_refused(fx, both, REASON_NO_SA);
	/* What is narrower than the rule, too: a child that the peer narrowed. */
	put_outbound(fx, 13, IPPROTO_TCP, 80);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 40000, .dport = 80), 13);
	assert_refused(fx, FRAME_OUT(.proto = IPPROTO_UDP, .sport = 40000, .dport = 80), REASON_NO_SA);
}

/* A strict peer drops what comes by a child that is not for it, though it would fit. */
static void a_connections_rule_takes_nothing_wider(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32",
		  {.proto = IPPROTO_TCP, ANY_LOCAL_PORT, TO(179, 179), .action = SPD_PROTECT, .owner = OWNER_IKE},
		  {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE},
		  {ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE});
	put_outbound(fx, 10, 0, 0);
	put_outbound(fx, 11, IPPROTO_TCP, 0);
	assert_refused(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 40000, .dport = 179), REASON_NO_SA);
	assert_refused(fx, FRAME_OUT(.proto = IPPROTO_UDP, .dport = 53), REASON_NO_SA);
	assert_int_equal(take_events(fx), 2);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_ICMP), 10);
	put_outbound(fx, 12, IPPROTO_TCP, 179);
	put_outbound(fx, 13, IPPROTO_UDP, 53);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 40000, .dport = 179), 12);
	/* Narrower is what its peer left of it. */
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_UDP, .dport = 53), 13);
	remove_outbound(fx, 0, 0);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 40000, .dport = 22), 11);
	assert_refused(fx, FRAME_OUT(.proto = IPPROTO_ICMP), REASON_NO_SA);
}

/* Type and code, in the place of both ports. */
static void icmp_by_type(void **state)
{
	struct fixture *fx = *state;
	const struct selector echo = SEL(.proto = IPPROTO_ICMP, FROM(0x0800, 0x08ff), TO(0x0800, 0x08ff));

	PUT_RULES(fx, REMOTE "/32",
		  {.proto = IPPROTO_ICMP, FROM(0x0800, 0x08ff), TO(0x0800, 0x08ff), .action = SPD_PROTECT},
		  {.proto = IPPROTO_ICMP, ANY_PORT, .action = SPD_DISCARD});
	put_outbound_for(fx, 10, echo);
	assert_carried(fx, FRAME_OUT(.proto = IPPROTO_ICMP, .sport = 0x0800, .dport = 77), 10);
	assert_refused(fx, FRAME_OUT(.proto = IPPROTO_ICMP, .sport = 0x0000, .dport = 0x0800), REASON_DISCARD);
}

static void no_sa_is_dropped_never_sent_in_clear(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	assert_refused(fx, FRAME_OUT(.dport = 7), REASON_NO_SA);
	assert_int_equal(take_events(fx), 1);
	assert_int_equal(fx->events[0].type, EVENT_ACQUIRE);
}

static void another_generation_is_no_sa(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_outbound(fx, 6, 0, 0);

	protect_all(fx);
	sa->generation++;
	assert_refused(fx, FRAME_OUT(.dport = 7), REASON_NO_SA);
	assert_int_equal(take_events(fx), 1);
	sa->generation++;
	assert_refused(fx, FRAME_OUT(.dport = 7), REASON_NO_SA);
	assert_int_equal(counts_get(&sa->drops, REASON_NO_SA), 0);
}

static void an_sa_bound_to_a_nic_sends_there_only(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_outbound(fx, 6, 0, 0);

	protect_all(fx);
	sa->ifindex = NIC + 1;
	assert_refused(fx, FRAME_OUT(.dport = 7), REASON_NO_SA);
	assert_int_equal(counts_get(&sa->drops, REASON_NO_SA), 1);
	/* Another SA would not help. */
	assert_int_equal(take_events(fx), 0);
	sa->ifindex = NIC;
	assert_carried(fx, FRAME_OUT(.dport = 7), 6);
}

static void without_a_worker_it_is_dropped(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_outbound(fx, 6, 0, 0);

	protect_all(fx);
	worker_leaves(fx);
	assert_refused(fx, FRAME_OUT(.dport = 7), REASON_NO_WORKER);
	assert_int_equal(counts_get(&sa->drops, REASON_NO_WORKER), 1);
	/* Queue 0 stands for the worker. */
	worker_serves(fx, 1);
	assert_refused(fx, FRAME_OUT(.dport = 7), REASON_NO_WORKER);
	worker_serves(fx, 0);
	assert_carried(fx, FRAME_OUT(.dport = 7), 6);
}

static void esp_is_not_put_into_esp(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME_OUT(.proto = IPPROTO_ESP, .spi = 1);

	assert_int_equal((int)run_egress(fx, &f).verdict, TC_ACT_UNSPEC);
	protect_all(fx);
	put_outbound(fx, 6, 0, 0);
	assert_refused(fx, f, REASON_NESTED_ESP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(protected_traffic_goes_to_the_tap),
		TEST_NATIVE(what_this_host_has_not_sent_has_no_sa),
		TEST_NATIVE(what_is_not_protected_is_left_alone),
		TEST_NATIVE(the_rules_own_sa_goes_first),
		TEST_NATIVE(without_its_own_the_narrowest_sa),
		TEST_NATIVE(a_connections_rule_takes_nothing_wider),
		TEST_NATIVE(icmp_by_type),
		TEST_NATIVE(no_sa_is_dropped_never_sent_in_clear),
		TEST_NATIVE(another_generation_is_no_sa),
		TEST_NATIVE(an_sa_bound_to_a_nic_sends_there_only),
		TEST_NATIVE(without_a_worker_it_is_dropped),
		TEST_NATIVE(esp_is_not_put_into_esp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
