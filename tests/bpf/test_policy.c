/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/policy.h: which rule decides, in both directions. */
#include "fixture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "datapath.skel.h"

#define PORT_IS(side, n) .side##_port_min = (n), .side##_port_max = (n)

/* Every rule action shows as another verdict: PROTECT drops in clear, DISCARD drops, BYPASS is counted, none is not. */
static void assert_in(struct fixture *fx, struct frame f, int reason)
{
	bool passes = reason < 0 || reason == REASON_BYPASS || reason == REASON_IKE;

	assert_int_equal(run_xdp(fx, &f).verdict, passes ? XDP_PASS : XDP_DROP);
	if (reason < 0)
		assert_nothing_counted(fx);
	else
		assert_counted_only(fx, reason);
}

/* Outbound a protected packet finds no SA here. */
static void assert_out(struct fixture *fx, struct frame f, int reason)
{
	bool passes = reason < 0 || reason == REASON_BYPASS || reason == REASON_IKE;

	assert_int_equal((int)run_egress(fx, &f).verdict, passes ? TC_ACT_UNSPEC : TC_ACT_SHOT);
	if (reason < 0)
		assert_nothing_counted(fx);
	else
		assert_counted_only(fx, reason);
}

#define IN(reason, ...)	 assert_in(fx, FRAME(__VA_ARGS__), reason)
#define OUT(reason, ...) assert_out(fx, FRAME_OUT(__VA_ARGS__), reason)
#define NOT_DECIDED	 -1

static void first_match_wins(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_BYPASS},
		  {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_DISCARD},
		  {.proto = IPPROTO_TCP, ANY_PORT, .action = SPD_DISCARD}, {ANY_PORT, .action = SPD_PROTECT});
	IN(REASON_BYPASS, .proto = IPPROTO_UDP);
	IN(REASON_DISCARD, .proto = IPPROTO_TCP);
	IN(REASON_CLEARTEXT_PROTECTED, .proto = IPPROTO_ICMP);
	OUT(REASON_BYPASS, .proto = IPPROTO_UDP);
	OUT(REASON_DISCARD, .proto = IPPROTO_TCP);
	OUT(REASON_NO_SA, .proto = IPPROTO_ICMP);
}

static void put_empty(struct fixture *fx, const struct spd_empty *empty)
{
	const uint32_t only = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx->skel->maps.spd_empty), &only, empty, BPF_ANY), 0);
}

/* Of an address of which either bit is set no rule is looked for; that others are set is nothing to it. */
static void what_is_known_to_have_no_prefix_goes_by(void **state)
{
	struct spd_empty *empty = malloc(sizeof(*empty));
	const uint32_t remote = 0xc0000202, wide = spd_empty_wide(remote), narrow = spd_empty_narrow(remote);
	struct fixture *fx = *state;

	protect_all(fx);
	memset(empty, 0xff, sizeof(*empty));
	empty->wide[wide / 64] &= ~(1ULL << wide % 64);
	put_empty(fx, empty);
	OUT(NOT_DECIDED, .proto = IPPROTO_UDP);
	empty->narrow[narrow / 64] &= ~(1ULL << narrow % 64);
	put_empty(fx, empty);
	OUT(REASON_NO_SA, .proto = IPPROTO_UDP);
	IN(REASON_CLEARTEXT_PROTECTED, .proto = IPPROTO_UDP);
	empty->wide[wide / 64] |= 1ULL << wide % 64;
	put_empty(fx, empty);
	OUT(NOT_DECIDED, .proto = IPPROTO_UDP);
	IN(NOT_DECIDED, .proto = IPPROTO_UDP);
	free(empty);
}

static void longest_prefix_wins_and_no_match_goes_by(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, "192.0.2.0/24", {ANY_PORT, .action = SPD_PROTECT});
	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_TCP, ANY_PORT, .action = SPD_BYPASS});
	IN(REASON_BYPASS, .proto = IPPROTO_TCP);
	IN(NOT_DECIDED, .proto = IPPROTO_UDP);
	IN(REASON_CLEARTEXT_PROTECTED, .src = "192.0.2.77");
	IN(NOT_DECIDED, .src = "192.0.3.1");
	IN(NOT_DECIDED, .src = STRANGER);
	PUT_RULES(fx, "0.0.0.0/0", {ANY_PORT, .action = SPD_DISCARD});
	IN(REASON_DISCARD, .src = STRANGER);
}

static void local_address_is_compared(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {.local = {192, 0, 2, 1}, ANY_PORT, .action = SPD_PROTECT},
		  {.local = {192, 0, 2, 9}, ANY_PORT, .action = SPD_DISCARD});
	IN(REASON_CLEARTEXT_PROTECTED, .dst = LOCAL);
	IN(REASON_DISCARD, .dst = "192.0.2.9");
	IN(NOT_DECIDED, .dst = "192.0.2.8");
	assert_out(fx, FRAME(.src = LOCAL, .dst = REMOTE), REASON_NO_SA);
	assert_out(fx, FRAME(.src = "192.0.2.9", .dst = REMOTE), REASON_DISCARD);
	assert_out(fx, FRAME(.src = "192.0.2.8", .dst = REMOTE), NOT_DECIDED);
}

/* The remote's port is the source inbound and the destination outbound. */
static void ports_are_mirrored(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_TCP, ANY_LOCAL_PORT, PORT_IS(remote, 179), .action = SPD_PROTECT},
		  {.proto = IPPROTO_TCP, PORT_IS(local, 22), ANY_REMOTE_PORT, .action = SPD_DISCARD});
	IN(REASON_CLEARTEXT_PROTECTED, .proto = IPPROTO_TCP, .sport = 179, .dport = 40000);
	IN(NOT_DECIDED, .proto = IPPROTO_TCP, .sport = 40000, .dport = 179);
	IN(NOT_DECIDED, .proto = IPPROTO_UDP, .sport = 179, .dport = 40000);
	IN(REASON_DISCARD, .proto = IPPROTO_TCP, .sport = 40000, .dport = 22);
	IN(NOT_DECIDED, .proto = IPPROTO_TCP, .sport = 22, .dport = 40000);
	OUT(REASON_NO_SA, .proto = IPPROTO_TCP, .sport = 40000, .dport = 179);
	OUT(NOT_DECIDED, .proto = IPPROTO_TCP, .sport = 179, .dport = 40000);
	OUT(REASON_DISCARD, .proto = IPPROTO_TCP, .sport = 22, .dport = 40000);
	OUT(NOT_DECIDED, .proto = IPPROTO_TCP, .sport = 40000, .dport = 22);
}

static void ranges_include_both_ends(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE};
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32",
		  {.local_port_min = 1000,
		   .local_port_max = 2000,
		   .remote_port_min = 3000,
		   .remote_port_max = 65535,
		   .action = SPD_DISCARD});
	for (size_t i = 0; i < sizeof(protos); i++) {
		IN(REASON_DISCARD, .proto = protos[i], .dport = 1000, .sport = 3000);
		IN(REASON_DISCARD, .proto = protos[i], .dport = 2000, .sport = 65535);
		IN(NOT_DECIDED, .proto = protos[i], .dport = 999, .sport = 3000);
		IN(NOT_DECIDED, .proto = protos[i], .dport = 2001, .sport = 3000);
		IN(NOT_DECIDED, .proto = protos[i], .dport = 1000, .sport = 2999);
	}
}

/* ICMP's type and code are one selector, for both ends (RFC 4301 section 4.4.1.1). */
static void icmp_types_are_compared_both_ways(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32",
		  {.proto = IPPROTO_ICMP,
		   .local_port_min = 0x0300,
		   .local_port_max = 0x08ff,
		   .remote_port_min = 0x0300,
		   .remote_port_max = 0x08ff,
		   .action = SPD_PROTECT});
	for (int second = 0; second < 2; second++) {
		const uint16_t rest = second ? 0x0800 : 1;

		IN(REASON_CLEARTEXT_PROTECTED, .proto = IPPROTO_ICMP, .sport = 0x0300, .dport = rest);
		IN(REASON_CLEARTEXT_PROTECTED, .proto = IPPROTO_ICMP, .sport = 0x08ff, .dport = rest);
		IN(NOT_DECIDED, .proto = IPPROTO_ICMP, .sport = 0x02ff, .dport = rest);
		IN(NOT_DECIDED, .proto = IPPROTO_ICMP, .sport = 0x0900, .dport = rest);
		OUT(REASON_NO_SA, .proto = IPPROTO_ICMP, .sport = 0x0800, .dport = rest);
		OUT(NOT_DECIDED, .proto = IPPROTO_ICMP, .sport = 0, .dport = rest);
	}
	/* Which type it is, a later fragment does not tell. */
	IN(REASON_CLEARTEXT_PROTECTED, .proto = IPPROTO_ICMP, .sport = 0, .frag_off = 5);
}

/* GRE, AH: bytes where ports would be are none. */
static void protocols_without_ports_match_rules_for_any(void **state)
{
	static const uint8_t protos[] = {IPPROTO_GRE, IPPROTO_AH, 89};
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {PORT_IS(local, 0x0303), ANY_REMOTE_PORT, .action = SPD_PROTECT},
		  {.remote_port_max = 65534, ANY_LOCAL_PORT, .action = SPD_PROTECT}, {ANY_PORT, .action = SPD_BYPASS});
	for (size_t i = 0; i < sizeof(protos); i++) {
		IN(REASON_BYPASS, .proto = protos[i], .sport = 1, .dport = 0x0303);
		OUT(REASON_BYPASS, .proto = protos[i], .sport = 0x0303, .dport = 1);
	}
}

/* The first one of their datagram did not come here. */
static void later_fragments_are_taken_for_the_worst(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_UDP, ANY_LOCAL_PORT, PORT_IS(remote, 53), .action = SPD_BYPASS},
		  {.proto = IPPROTO_UDP, ANY_LOCAL_PORT, PORT_IS(remote, 54), .action = SPD_DISCARD},
		  {.proto = IPPROTO_UDP, ANY_LOCAL_PORT, PORT_IS(remote, 6081), .action = SPD_PROTECT},
		  {.proto = IPPROTO_TCP, ANY_LOCAL_PORT, PORT_IS(remote, 54), .action = SPD_DISCARD},
		  {ANY_PORT, .action = SPD_BYPASS},
		  {.proto = IPPROTO_TCP, ANY_LOCAL_PORT, PORT_IS(remote, 54), .action = SPD_PROTECT});
	IN(REASON_BYPASS, .sport = 53);
	IN(REASON_CLEARTEXT_PROTECTED, .sport = 53, .frag_off = 5);
	IN(REASON_CLEARTEXT_PROTECTED, .sport = 53, .frag_off = 5 | MORE_FRAGMENTS);
	IN(REASON_BYPASS, .sport = 53, .frag_off = MORE_FRAGMENTS);
	IN(REASON_CLEARTEXT_PROTECTED, .sport = 6081, .frag_off = MORE_FRAGMENTS);
	IN(REASON_BYPASS, .proto = IPPROTO_TCP, .sport = 54, .frag_off = 5);
	IN(REASON_BYPASS, .proto = IPPROTO_ICMP, .frag_off = 5);
	OUT(REASON_NO_SA, .dport = 53, .frag_off = 5);
	OUT(REASON_BYPASS, .dport = 53, .frag_off = MORE_FRAGMENTS);
	OUT(REASON_NO_SA, .dport = 6081, .frag_off = MORE_FRAGMENTS);
	OUT(REASON_BYPASS, .proto = IPPROTO_ICMP, .frag_off = 5);
}

/* RFC 4301 section 7.3: what was decided on the first fragment is for all of its datagram, and for no other. */
static void later_fragments_go_the_way_of_their_first(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_UDP, ANY_LOCAL_PORT, PORT_IS(remote, 53), .action = SPD_BYPASS},
		  {.proto = IPPROTO_UDP, ANY_LOCAL_PORT, PORT_IS(remote, 54), .action = SPD_DISCARD},
		  {.proto = IPPROTO_UDP, ANY_LOCAL_PORT, PORT_IS(remote, 6081), .action = SPD_PROTECT});
	IN(REASON_BYPASS, .id = 1, .sport = 53, .frag_off = MORE_FRAGMENTS);
	IN(NOT_DECIDED, .id = 2, .sport = 80, .frag_off = MORE_FRAGMENTS);
	IN(REASON_DISCARD, .id = 3, .sport = 54, .frag_off = MORE_FRAGMENTS);
	IN(REASON_CLEARTEXT_PROTECTED, .id = 4, .sport = 6081, .frag_off = MORE_FRAGMENTS);
	for (uint16_t more = 0; more < 2; more++) {
		IN(REASON_BYPASS, .id = 1, .frag_off = 5 | more * MORE_FRAGMENTS);
		IN(NOT_DECIDED, .id = 2, .frag_off = 5 | more * MORE_FRAGMENTS);
		IN(REASON_CLEARTEXT_PROTECTED, .id = 3, .frag_off = 5 | more * MORE_FRAGMENTS);
		IN(REASON_CLEARTEXT_PROTECTED, .id = 4, .frag_off = 5 | more * MORE_FRAGMENTS);
	}
	IN(REASON_CLEARTEXT_PROTECTED, .id = 5, .frag_off = 5);
	IN(NOT_DECIDED, .id = 1, .src = STRANGER, .frag_off = 5);
	IN(REASON_CLEARTEXT_PROTECTED, .id = 1, .dst = "192.0.2.9", .frag_off = 5);
	/* What came in is nothing to what goes out. */
	OUT(REASON_NO_SA, .id = 1, .frag_off = 5);

	OUT(REASON_BYPASS, .id = 1, .dport = 53, .frag_off = MORE_FRAGMENTS);
	OUT(NOT_DECIDED, .id = 2, .dport = 80, .frag_off = MORE_FRAGMENTS);
	OUT(REASON_DISCARD, .id = 3, .dport = 54, .frag_off = MORE_FRAGMENTS);
	OUT(REASON_NO_SA, .id = 4, .dport = 6081, .frag_off = MORE_FRAGMENTS);
	OUT(REASON_BYPASS, .id = 1, .frag_off = 5);
	OUT(NOT_DECIDED, .id = 2, .frag_off = 5);
	OUT(REASON_DISCARD, .id = 3, .frag_off = 5);
	OUT(REASON_NO_SA, .id = 4, .frag_off = 5);
	/* The ID has come round, to a datagram that must not go in clear. */
	OUT(REASON_NO_SA, .id = 1, .dport = 6081, .frag_off = MORE_FRAGMENTS);
	OUT(REASON_NO_SA, .id = 1, .frag_off = 5);

	age_fragments(fx, 900000000);
	OUT(NOT_DECIDED, .id = 2, .frag_off = 5);
	IN(REASON_BYPASS, .id = 1, .frag_off = 5);
	age_fragments(fx, 100000000);
	OUT(REASON_NO_SA, .id = 2, .frag_off = 5);
	IN(REASON_CLEARTEXT_PROTECTED, .id = 1, .frag_off = 5);
}

static void the_last_of_all_rules_is_reached(void **state)
{
	struct spd_rule rules[SPD_RULES_MAX];
	struct fixture *fx = *state;

	for (uint16_t i = 0; i < SPD_RULES_MAX; i++)
		rules[i] = (struct spd_rule){.proto = IPPROTO_TCP,
					     ANY_LOCAL_PORT,
					     .remote_port_min = i,
					     .remote_port_max = i,
					     .action = i == SPD_RULES_MAX - 1 ? SPD_DISCARD : SPD_BYPASS};
	put_rules(fx, REMOTE "/32", rules, SPD_RULES_MAX);
	IN(REASON_DISCARD, .proto = IPPROTO_TCP, .sport = SPD_RULES_MAX - 1);
	IN(REASON_BYPASS, .proto = IPPROTO_TCP, .sport = SPD_RULES_MAX - 2);
	/* Rules beyond the count are not there. */
	put_rules(fx, REMOTE "/32", rules, SPD_RULES_MAX - 1);
	IN(NOT_DECIDED, .proto = IPPROTO_TCP, .sport = SPD_RULES_MAX - 1);
	put_rules(fx, REMOTE "/32", rules, 0);
	IN(NOT_DECIDED, .proto = IPPROTO_TCP, .sport = 0);
}

#define OUR_ADDRESS \
	{ \
		192, 0, 2, 1 \
	}
#define CONNECTION .local = OUR_ADDRESS, .owner = OWNER_IKE, .action = SPD_PROTECT

/* What the daemon sends is in test_ike.c; here nobody has its sockets. */
static void ike_comes_in_where_a_connection_is(void **state)
{
	static const uint16_t ike[] = {500, 4500};
	struct fixture *fx = *state;

	for (size_t i = 0; i < 2; i++) {
		IN(NOT_DECIDED, .src = STRANGER, .dport = ike[i]);
		PUT_RULES(fx, REMOTE "/32", {CONNECTION, ANY_PORT, .origin = 32});
		IN(REASON_IKE, .sport = 1234, .dport = ike[i]);
		IN(REASON_IKE, .sport = 1234, .dport = ike[i], .frag_off = MORE_FRAGMENTS);
		IN(REASON_CLEARTEXT_PROTECTED, .sport = ike[i], .dport = 1234);
		IN(REASON_IKE, .sport = 1234, .dport = ike[i], .frag_off = 5);
		IN(REASON_CLEARTEXT_PROTECTED, .sport = 1234, .dport = ike[i], .frag_off = 5, .id = 1);
		IN(REASON_CLEARTEXT_PROTECTED, .proto = IPPROTO_TCP, .sport = 1234, .dport = ike[i]);
		/* Another of our addresses: no connection is for that. */
		IN(REASON_CLEARTEXT_PROTECTED, .dst = "192.0.2.9", .sport = ike[i], .dport = ike[i]);
		OUT(REASON_NO_SA, .sport = ike[i], .dport = 1234);
		OUT(REASON_NO_SA, .sport = 1234, .dport = ike[i]);
		OUT(REASON_NO_SA, .sport = ike[i], .frag_off = 5);
		age_fragments(fx, 1000000000);
	}
}

/* Its ports are anybody's then. */
static void without_a_daemon_nothing_that_comes_is_ike(void **state)
{
	static const uint16_t ike[] = {500, 4500};
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {CONNECTION, ANY_PORT, .origin = 32});
	ike_dies(fx);
	for (size_t i = 0; i < 2; i++)
		IN(REASON_CLEARTEXT_PROTECTED, .sport = ike[i], .dport = ike[i]);
	ike_listens(fx);
	for (size_t i = 0; i < 2; i++)
		IN(REASON_IKE, .sport = ike[i], .dport = ike[i]);
}

static void ike_without_a_connection_is_udp(void **state)
{
	static const uint16_t ike[] = {500, 4500};
	struct fixture *fx = *state;

	for (size_t i = 0; i < 2; i++) {
		for (enum owner owner = OWNER_MANUAL; owner <= OWNER_FILE; owner++) {
			if (owner == OWNER_IKE)
				continue;
			PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_PROTECT, .owner = owner});
			IN(REASON_CLEARTEXT_PROTECTED, .sport = ike[i], .dport = ike[i]);
			OUT(REASON_NO_SA, .sport = ike[i], .dport = ike[i]);
			PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_DISCARD, .owner = owner});
			IN(REASON_DISCARD, .sport = ike[i], .dport = ike[i]);
			OUT(REASON_DISCARD, .sport = ike[i], .dport = ike[i]);
		}
		PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_BYPASS});
		IN(REASON_BYPASS, .sport = ike[i], .dport = ike[i]);
		OUT(REASON_BYPASS, .sport = ike[i], .dport = ike[i]);
	}
}

/* A file may discard all but BGP, and the connection for that has to come up; a bypass is one whoever asks. */
static void what_else_is_said_of_ike(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32",
		  {CONNECTION, .proto = IPPROTO_TCP, ANY_LOCAL_PORT, PORT_IS(remote, 179), .origin = 32},
		  {ANY_PORT, .action = SPD_DISCARD, .origin = 32});
	IN(REASON_IKE, .sport = 500, .dport = 500);
	IN(REASON_DISCARD, .sport = 500, .dport = 501);
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_DISCARD, .origin = 32},
		  {CONNECTION, ANY_PORT, .origin = 24});
	IN(REASON_IKE, .sport = 500, .dport = 500);
	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_BYPASS, .origin = 32},
		  {CONNECTION, ANY_PORT, .origin = 24});
	IN(REASON_BYPASS, .sport = 500, .dport = 500);
	/* Nothing that decides: nothing to make an exception from. */
	PUT_RULES(fx, REMOTE "/32", {CONNECTION, .proto = IPPROTO_TCP, ANY_PORT, .origin = 32});
	IN(NOT_DECIDED, .sport = 500, .dport = 500);
}

#define OTHER "192.0.2.9"

static void out_from_another(struct fixture *fx, int reason)
{
	assert_out(fx, FRAME(.src = OTHER, .dst = REMOTE, .proto = IPPROTO_TCP, .dport = 179), reason);
}

static void a_connection_covers_its_peer_at_every_address(void **state)
{
	struct fixture *fx = *state;

	put_outbound(fx, 6, 0, 0);
	PUT_RULES(fx, REMOTE "/32",
		  {CONNECTION, .proto = IPPROTO_TCP, ANY_LOCAL_PORT, PORT_IS(remote, 179), .origin = 32});
	IN(REASON_CLEARTEXT_PROTECTED, .dst = OTHER, .proto = IPPROTO_TCP, .sport = 179);
	out_from_another(fx, REASON_NO_SA);
	/* It is told to nobody: no connection is for that address. */
	assert_int_equal(take_events(fx), 0);
	/* Not what it does not protect. */
	IN(NOT_DECIDED, .dst = OTHER, .proto = IPPROTO_TCP, .sport = 180);
	IN(NOT_DECIDED, .dst = OTHER, .proto = IPPROTO_UDP, .sport = 179);
	IN(REASON_CLEARTEXT_PROTECTED, .dst = OTHER, .proto = IPPROTO_TCP, .sport = 1, .frag_off = 5);
	/* Nor what other owners say of one address. */
	PUT_RULES(fx, REMOTE "/32",
		  {.local = OUR_ADDRESS, ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_FILE, .origin = 32});
	IN(NOT_DECIDED, .dst = OTHER, .proto = IPPROTO_TCP, .sport = 179);
	out_from_another(fx, NOT_DECIDED);
}

/* Below what is said of the address itself, or of all: for the same prefix or a longer one. */
static void what_goes_before_a_cover(void **state)
{
	static const uint8_t origins[] = {32, 24};
	struct fixture *fx = *state;

	for (size_t i = 0; i < 2; i++) {
		PUT_RULES(fx, REMOTE "/32", {CONNECTION, ANY_PORT, .origin = origins[i]},
			  {ANY_PORT, .action = SPD_BYPASS, .origin = origins[i]});
		IN(REASON_BYPASS, .dst = OTHER);
		out_from_another(fx, REASON_BYPASS);
		IN(REASON_CLEARTEXT_PROTECTED, .dst = LOCAL);
		PUT_RULES(fx, REMOTE "/32", {CONNECTION, ANY_PORT, .origin = origins[i]},
			  {ANY_PORT, .action = SPD_DISCARD, .origin = origins[i]});
		IN(REASON_DISCARD, .dst = OTHER);
		out_from_another(fx, REASON_DISCARD);
	}
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_BYPASS, .origin = 32},
		  {CONNECTION, ANY_PORT, .origin = 24});
	IN(REASON_BYPASS, .dst = OTHER);
	out_from_another(fx, REASON_BYPASS);
}

/* What is said of a shorter prefix opens nothing. What protects there has an SA perhaps. */
static void what_a_cover_goes_before(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME(.src = OTHER, .dst = REMOTE);
	struct sad_out_key key = {.sel = SEL(ANY_PORT), .src = {192, 0, 2, 9}, .dst = {192, 0, 2, 2}};
	const struct sa_state *sa = put_outbound(fx, 6, 0, 0);
	const struct sad_out_value value = {.slot = 6, .generation = sa->generation};

	PUT_RULES(fx, REMOTE "/32", {CONNECTION, ANY_PORT, .origin = 32},
		  {ANY_PORT, .action = SPD_BYPASS, .origin = 24});
	IN(REASON_CLEARTEXT_PROTECTED, .dst = OTHER);
	out_from_another(fx, REASON_NO_SA);
	assert_int_equal(take_events(fx), 0);
	PUT_RULES(fx, REMOTE "/32", {CONNECTION, ANY_PORT, .origin = 32},
		  {ANY_PORT, .action = SPD_BYPASS, .origin = 0});
	IN(REASON_CLEARTEXT_PROTECTED, .dst = OTHER);
	PUT_RULES(fx, REMOTE "/32", {CONNECTION, ANY_PORT, .origin = 24},
		  {ANY_PORT, .action = SPD_PROTECT, .origin = 0});
	IN(REASON_CLEARTEXT_PROTECTED, .dst = OTHER);
	out_from_another(fx, REASON_NO_SA);
	assert_int_equal(take_events(fx), 1);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx->skel->maps.sad_out), &key, &value, BPF_ANY), 0);
	assert_int_equal(run_egress(fx, &f).verdict, TC_ACT_REDIRECT);
	/* But not where the cover decides. */
	PUT_RULES(fx, REMOTE "/32", {CONNECTION, ANY_PORT, .origin = 32});
	out_from_another(fx, REASON_NO_SA);
}

/* What cannot be read, and ESP that nobody knows, go by whether there may be anything to protect. */
static void a_cover_may_protect(void **state)
{
	struct fixture *fx = *state;
	struct frame bad = FRAME(.dst = OTHER), esp = FRAME(.dst = OTHER, .proto = IPPROTO_ESP, .spi = 7);

	bad.data[bad.l3] = 0x44;
	PUT_RULES(fx, REMOTE "/32", {CONNECTION, .proto = IPPROTO_TCP, ANY_PORT, .origin = 32});
	assert_in(fx, bad, REASON_MALFORMED);
	/* ESP is none of what it covers: another address's, or on its way to another host. */
	assert_int_equal(run_xdp(fx, &esp).verdict, XDP_PASS);
	assert_counted_only(fx, REASON_ESP_PASSED);
	PUT_RULES(fx, REMOTE "/32", {CONNECTION, ANY_PORT, .origin = 32},
		  {ANY_PORT, .action = SPD_BYPASS, .origin = 24});
	assert_in(fx, bad, REASON_MALFORMED);
	PUT_RULES(fx, REMOTE "/32", {CONNECTION, ANY_PORT, .origin = 32},
		  {ANY_PORT, .action = SPD_BYPASS, .origin = 32});
	assert_in(fx, bad, NOT_DECIDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(first_match_wins),
		TEST_NATIVE(what_is_known_to_have_no_prefix_goes_by),
		TEST_NATIVE(longest_prefix_wins_and_no_match_goes_by),
		TEST_NATIVE(local_address_is_compared),
		TEST_NATIVE(ports_are_mirrored),
		TEST_NATIVE(ranges_include_both_ends),
		TEST_NATIVE(icmp_types_are_compared_both_ways),
		TEST_NATIVE(protocols_without_ports_match_rules_for_any),
		TEST_NATIVE(later_fragments_are_taken_for_the_worst),
		TEST_NATIVE(later_fragments_go_the_way_of_their_first),
		TEST_NATIVE(the_last_of_all_rules_is_reached),
		TEST_NATIVE(ike_comes_in_where_a_connection_is),
		TEST_NATIVE(without_a_daemon_nothing_that_comes_is_ike),
		TEST_NATIVE(ike_without_a_connection_is_udp),
		TEST_NATIVE(what_else_is_said_of_ike),
		TEST_NATIVE(a_connection_covers_its_peer_at_every_address),
		TEST_NATIVE(what_goes_before_a_cover),
		TEST_NATIVE(what_a_cover_goes_before),
		TEST_NATIVE(a_cover_may_protect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
