/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/icmp_forged.h: who quotes what a policy protects. */
#include <arpa/inet.h>
#include <linux/ip.h>
#include <string.h>

#include "fixture.h"

#define ROUTER "198.51.100.1"

/* An ICMP message that quotes a packet, by default one that LOCAL has sent to REMOTE. What is 0 takes the default. */
struct message {
	const char *from; /* [ROUTER] */
	const char *to;	  /* [LOCAL] */
	int tags;
	int options;
	uint16_t frag_off;
	uint8_t type;	 /* [unreachable] */
	const char *src; /* of the quoted packet [LOCAL] */
	const char *dst; /* [REMOTE] */
	int ihl;	 /* [5] */
	uint16_t quoted_frag;
	uint8_t proto; /* [TCP] */
	uint16_t sport;
	uint16_t dport;
	int len; /* of ICMP, with its header [all] */
};

static struct frame message_of(const struct message *m)
{
	const size_t header = (m->ihl ? m->ihl : 5) * 4u, len = m->len ? (size_t)m->len : 8 + header + 12;
	struct frame f = FRAME(.src = m->from ? m->from : ROUTER, .dst = m->to ? m->to : LOCAL, .tags = m->tags,
			       .options = m->options, .frag_off = m->frag_off, .proto = IPPROTO_ICMP, .payload = len);
	const struct iphdr quoted = {.version = 4,
				     .ihl = header / 4,
				     .tot_len = htons(1500),
				     .frag_off = htons(m->quoted_frag),
				     .protocol = m->proto ? m->proto : IPPROTO_TCP,
				     .saddr = inet_addr(m->src ? m->src : LOCAL),
				     .daddr = inet_addr(m->dst ? m->dst : REMOTE)};
	const uint16_t ports[2] = {htons(m->sport), htons(m->dport)};
	uint8_t *icmp = f.data + f.l4;

	memset(icmp, 0, 8);
	icmp[0] = m->type ? m->type : 3;
	memset(icmp + 8, 1, 60);
	memcpy(icmp + 8, &quoted, sizeof(quoted));
	if (header >= sizeof(quoted))
		memcpy(icmp + 8 + header, ports, sizeof(ports));
	return f;
}

/* Both programs that look at the clear. reason: -1 if it goes by, uncounted. */
static void assert_message(struct fixture *fx, const struct message *m, int reason)
{
	struct frame f = message_of(m);
	const bool passes = reason < 0 || reason == REASON_BYPASS;

	assert_int_equal(run_xdp(fx, &f).verdict, passes ? XDP_PASS : XDP_DROP);
	if (reason < 0)
		assert_nothing_counted(fx);
	else
		assert_counted_only(fx, reason);
	assert_int_equal((int)run_nic_ingress(fx, &f, 0).verdict, passes ? TC_ACT_UNSPEC : TC_ACT_SHOT);
	if (reason < 0)
		assert_nothing_counted(fx);
	else
		assert_counted_only(fx, reason);
}

#define MESSAGE(reason, ...) assert_message(fx, &(struct message){__VA_ARGS__}, reason)
#define GOES_BY		     -1

static const uint8_t errors[] = {3, 4, 5, 11, 12};

static void whoever_says_it(void **state)
{
	struct fixture *fx = *state;

	for (size_t i = 0; i < sizeof(errors); i++)
		MESSAGE(GOES_BY, .type = errors[i]);
	protect_all(fx);
	for (size_t i = 0; i < sizeof(errors); i++) {
		MESSAGE(REASON_ICMP_FORGED, .type = errors[i]);
		MESSAGE(REASON_ICMP_FORGED, .type = errors[i], .from = "192.0.2.77");
		MESSAGE(REASON_ICMP_FORGED, .type = errors[i], .from = REMOTE);
		MESSAGE(REASON_ICMP_FORGED, .type = errors[i], .src = "192.0.2.9");
		MESSAGE(GOES_BY, .type = errors[i], .dst = "192.0.2.77");
		/* Of what we would have got: nobody believes that anyway. */
		MESSAGE(GOES_BY, .type = errors[i], .src = REMOTE, .dst = LOCAL);
	}
	MESSAGE(GOES_BY, .type = 8);
	MESSAGE(GOES_BY, .type = 13);
}

/* A policy that lets ICMP by does not say that it is believed. */
static void whatever_policies_say_of_icmp(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_ICMP, ANY_PORT, .action = SPD_BYPASS},
		  {.proto = IPPROTO_TCP, ANY_PORT, .action = SPD_PROTECT});
	MESSAGE(REASON_ICMP_FORGED, .from = REMOTE);
	MESSAGE(REASON_BYPASS, .from = REMOTE, .proto = IPPROTO_UDP);
	MESSAGE(REASON_BYPASS, .from = REMOTE, .proto = IPPROTO_ICMP);
}

static void ports_are_the_quoted_packets(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_TCP, 179, SPD_PROTECT));
	for (int tags = 0; tags <= 2; tags++) {
		for (int options = 0; options <= 40; options += 20) {
			const int ihl = 5 + options / 4;

			MESSAGE(REASON_ICMP_FORGED, .tags = tags, .options = options, .ihl = ihl, .dport = 179);
			MESSAGE(GOES_BY, .tags = tags, .options = options, .ihl = ihl, .sport = 179);
			MESSAGE(GOES_BY, .tags = tags, .options = options, .ihl = ihl, .dport = 180);
		}
	}
	MESSAGE(GOES_BY, .proto = IPPROTO_UDP, .dport = 179);
}

/* The worst it could be; with no whole IPv4 header it is nothing to the kernel. */
static void quotes_that_are_cut(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_TCP, 179, SPD_PROTECT));
	for (int ihl = 5; ihl <= 15; ihl += 5)
		for (int len = 4; len < 8 + ihl * 4 + 4; len++)
			MESSAGE(len < 28 ? GOES_BY : REASON_ICMP_FORGED, .ihl = ihl, .dport = 80, .len = len);
	MESSAGE(GOES_BY, .dport = 80, .len = 32);
	MESSAGE(GOES_BY, .dport = 80, .dst = STRANGER, .len = 30);
	MESSAGE(GOES_BY, .proto = IPPROTO_UDP, .dport = 80, .len = 30);
	/* No header is that short, and its ports are nowhere. */
	MESSAGE(REASON_ICMP_FORGED, .ihl = 4, .dport = 80);
	/* The kernel takes what stands behind a later fragment's header for ports. */
	MESSAGE(REASON_ICMP_FORGED, .quoted_frag = 5, .dport = 80);
	MESSAGE(GOES_BY, .quoted_frag = MORE_FRAGMENTS, .dport = 80);
}

/* What is quoted may be in a later one: it cannot be put together without this. */
static void messages_in_fragments(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	MESSAGE(REASON_ICMP_FORGED, .frag_off = MORE_FRAGMENTS, .dst = STRANGER, .len = 8);
	MESSAGE(REASON_ICMP_FORGED, .frag_off = MORE_FRAGMENTS, .dst = STRANGER, .len = 24);
	MESSAGE(GOES_BY, .frag_off = MORE_FRAGMENTS, .dst = STRANGER, .len = 32);
	MESSAGE(REASON_ICMP_FORGED, .frag_off = MORE_FRAGMENTS, .len = 32);
	MESSAGE(GOES_BY, .frag_off = 5);
	MESSAGE(GOES_BY, .frag_off = MORE_FRAGMENTS, .type = 8, .len = 8);
}

/* These the wire has seen. What is said of IKE may be true, and would change a route, or its MTU, for all else. */
static void esp_and_ike(void **state)
{
	static const uint16_t ike[] = {500, 4500};
	struct fixture *fx = *state;

	protect_all(fx);
	MESSAGE(GOES_BY, .proto = IPPROTO_ESP, .type = 11);
	for (size_t i = 0; i < 2; i++) {
		protect_all(fx);
		MESSAGE(REASON_ICMP_FORGED, .proto = IPPROTO_UDP, .sport = ike[i], .dport = ike[i]);
		PUT_RULES(fx, REMOTE "/32",
			  {.local = {192, 0, 2, 1}, ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE, .origin = 32});
		for (size_t j = 0; j < sizeof(errors); j++)
			MESSAGE(REASON_ICMP_IGNORED, .type = errors[j], .proto = IPPROTO_UDP, .sport = ike[i],
				.dport = 1);
		MESSAGE(REASON_ICMP_FORGED, .proto = IPPROTO_UDP, .sport = 1, .dport = ike[i]);
		MESSAGE(REASON_ICMP_FORGED, .proto = IPPROTO_UDP, .sport = ike[i], .dport = 1, .len = 30);
		MESSAGE(REASON_ICMP_FORGED, .src = "192.0.2.9", .proto = IPPROTO_UDP, .sport = ike[i]);
		/* Also where UDP is in clear. */
		PUT_RULES(fx, REMOTE "/32",
			  {.local = {192, 0, 2, 1},
			   .proto = IPPROTO_TCP,
			   ANY_PORT,
			   .action = SPD_PROTECT,
			   .owner = OWNER_IKE,
			   .origin = 32});
		MESSAGE(REASON_ICMP_IGNORED, .proto = IPPROTO_UDP, .sport = ike[i], .dport = ike[i]);
		MESSAGE(GOES_BY, .proto = IPPROTO_UDP, .sport = 7, .dport = ike[i]);
	}
}

/* Generic XDP sees it again, and tc by its mark. */
static void out_of_an_sa_it_is_a_peers_word(void **state)
{
	struct fixture *fx = *state;
	struct frame f = message_of(&(struct message){.from = REMOTE});

	protect_all(fx);
	assert_int_equal(run_tap_ingress(fx, &f).verdict, TC_ACT_REDIRECT);
	assert_int_equal(run_xdp(fx, &f).verdict, XDP_PASS);
	assert_int_equal((int)run_nic_ingress(fx, &f, MARK_ON_ITS_WAY).verdict, TC_ACT_UNSPEC);
	assert_nothing_counted(fx);
	assert_int_equal(run_nic_ingress(fx, &f, 0).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_ICMP_FORGED);
}

#define OTHER "192.0.2.77"

static void assert_opened(struct fixture *fx, struct message m, bool admitted)
{
	struct frame f;

	m.from = REMOTE;
	f = message_of(&m);
	assert_int_equal(run_tap_ingress(fx, &f).verdict, admitted ? TC_ACT_REDIRECT : TC_ACT_SHOT);
	if (admitted)
		assert_nothing_counted(fx);
	else
		assert_counted_only(fx, REASON_ICMP_FORGED);
}

#define OPENED(admitted, ...) assert_opened(fx, (struct message){__VA_ARGS__}, admitted)

/* A peer has seen what was for it. As a router it also has a say on what is in clear. */
static void a_peers_word_is_of_its_own(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	PUT_RULES(fx, OTHER "/32", TO_PORT(IPPROTO_TCP, 179, SPD_PROTECT));
	for (size_t i = 0; i < sizeof(errors); i++) {
		for (int tags = 0; tags <= 2; tags++) {
			OPENED(true, .tags = tags, .type = errors[i]);
			OPENED(false, .tags = tags, .type = errors[i], .dst = OTHER, .dport = 179);
			OPENED(true, .tags = tags, .type = errors[i], .dst = OTHER, .dport = 180);
			OPENED(true, .tags = tags, .type = errors[i], .dst = OTHER, .proto = IPPROTO_ESP);
			OPENED(true, .tags = tags, .type = errors[i], .dst = STRANGER);
		}
	}
	OPENED(false, .dst = OTHER, .dport = 180, .len = 30);
	OPENED(true, .dst = OTHER, .dport = 179, .type = 8);
}

/* What this host says of a packet that has come from REMOTE, to whom if nobody else. reason: -1 if it leaves,
 * uncounted. */
static void assert_leaves(struct fixture *fx, struct message m, int reason)
{
	const bool leaves = reason < 0 || reason == REASON_BYPASS;
	struct frame f;

	m.from = LOCAL;
	m.to = m.to ? m.to : REMOTE;
	m.src = REMOTE;
	m.dst = m.dst ? m.dst : LOCAL;
	f = message_of(&m);
	assert_int_equal((int)run_egress(fx, &f).verdict, leaves ? TC_ACT_UNSPEC : TC_ACT_SHOT);
	if (reason < 0)
		assert_nothing_counted(fx);
	else
		assert_counted_only(fx, reason);
}

#define LEAVES(reason, ...) assert_leaves(fx, (struct message){__VA_ARGS__}, reason)

/* A closed port, an option that is not known: the kernel answers with as much of the packet as fits. */
static void what_was_opened_is_not_quoted_in_clear(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_UDP, 6081, SPD_PROTECT));
	for (size_t i = 0; i < sizeof(errors); i++) {
		for (int tags = 0; tags <= 2; tags++) {
			LEAVES(REASON_ICMP_FORGED, .tags = tags, .type = errors[i], .proto = IPPROTO_UDP,
			       .sport = 6081);
			LEAVES(GOES_BY, .tags = tags, .type = errors[i], .proto = IPPROTO_UDP, .dport = 6081);
			LEAVES(GOES_BY, .tags = tags, .type = errors[i], .proto = IPPROTO_TCP, .sport = 6081);
			LEAVES(GOES_BY, .tags = tags, .type = errors[i], .proto = IPPROTO_ESP);
		}
	}
	LEAVES(REASON_ICMP_FORGED, .to = STRANGER, .proto = IPPROTO_UDP, .sport = 6081);
	LEAVES(REASON_ICMP_FORGED, .proto = IPPROTO_UDP, .sport = 6081, .ihl = 15);
	LEAVES(REASON_ICMP_FORGED, .proto = IPPROTO_UDP, .sport = 7, .len = 30);
	LEAVES(GOES_BY, .proto = IPPROTO_UDP, .sport = 6081, .type = 8);
	/* Nor by a policy that lets ICMP by. */
	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_ICMP, ANY_PORT, .action = SPD_BYPASS},
		  TO_PORT(IPPROTO_UDP, 6081, SPD_PROTECT));
	LEAVES(REASON_ICMP_FORGED, .proto = IPPROTO_UDP, .sport = 6081);
	LEAVES(REASON_BYPASS, .proto = IPPROTO_UDP, .sport = 6082);
}

/* All of a datagram that tells shares its first fragment's lot. */
static void nor_in_fragments(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_UDP, 6081, SPD_PROTECT));
	LEAVES(REASON_ICMP_FORGED, .frag_off = MORE_FRAGMENTS, .proto = IPPROTO_UDP, .sport = 6081);
	LEAVES(REASON_DISCARD, .frag_off = 5);
	LEAVES(REASON_ICMP_FORGED, .frag_off = MORE_FRAGMENTS, .len = 8);
}

/* What a connection covers besides has no SA, and came in clear: this host may be its router. */
static void what_came_in_clear_may_be_quoted(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32",
		  {.local = {192, 0, 2, 1},
		   .proto = IPPROTO_UDP,
		   ANY_PORT,
		   .action = SPD_PROTECT,
		   .owner = OWNER_IKE,
		   .origin = 32});
	LEAVES(REASON_ICMP_FORGED, .proto = IPPROTO_UDP, .sport = 6081);
	LEAVES(GOES_BY, .proto = IPPROTO_UDP, .sport = 6081, .dst = STRANGER);
	LEAVES(GOES_BY, .proto = IPPROTO_UDP, .sport = 500, .dport = 500);
	LEAVES(REASON_ICMP_FORGED, .proto = IPPROTO_UDP, .sport = 500, .dport = 501);
}

/* To whom it is protected, the way in is the SA. */
static void in_an_sa_it_may_be_said(void **state)
{
	struct fixture *fx = *state;
	struct frame f = message_of(&(struct message){.from = LOCAL, .to = REMOTE, .src = REMOTE, .dst = LOCAL});

	protect_all(fx);
	put_outbound(fx, 10, 0, 0);
	assert_int_equal(run_egress(fx, &f).verdict, TC_ACT_REDIRECT);
	assert_nothing_counted(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(whoever_says_it),
		TEST_NATIVE(whatever_policies_say_of_icmp),
		TEST_NATIVE(ports_are_the_quoted_packets),
		TEST_NATIVE(quotes_that_are_cut),
		TEST_NATIVE(messages_in_fragments),
		TEST_NATIVE(esp_and_ike),
		TEST_GENERIC(out_of_an_sa_it_is_a_peers_word),
		TEST_NATIVE(a_peers_word_is_of_its_own),
		TEST_NATIVE(what_was_opened_is_not_quoted_in_clear),
		TEST_NATIVE(nor_in_fragments),
		TEST_NATIVE(what_came_in_clear_may_be_quoted),
		TEST_NATIVE(in_an_sa_it_may_be_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
