/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/icmp_forged.h: who speaks in clear of what nobody has seen in clear. */
#include <arpa/inet.h>
#include <linux/ip.h>
#include <string.h>

#include "fixture.h"

#define ROUTER "198.51.100.1"

/* An ICMP message that quotes a packet, by default one that LOCAL has sent to REMOTE. What is 0 takes the default. */
struct message {
	const char *from; /* [ROUTER] */
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
	struct frame f = FRAME(.src = m->from ? m->from : ROUTER, .tags = m->tags, .options = m->options,
			       .frag_off = m->frag_off, .proto = IPPROTO_ICMP, .payload = len);
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

/* These the wire has seen. */
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
		MESSAGE(GOES_BY, .proto = IPPROTO_UDP, .sport = ike[i], .dport = 1);
		MESSAGE(REASON_ICMP_FORGED, .proto = IPPROTO_UDP, .sport = 1, .dport = ike[i]);
		MESSAGE(REASON_ICMP_FORGED, .proto = IPPROTO_UDP, .sport = ike[i], .dport = 1, .len = 30);
		MESSAGE(REASON_ICMP_FORGED, .src = "192.0.2.9", .proto = IPPROTO_UDP, .sport = ike[i]);
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
	assert_int_equal((int)run_nic_ingress(fx, &f, MARK).verdict, TC_ACT_UNSPEC);
	assert_nothing_counted(fx);
	assert_int_equal(run_nic_ingress(fx, &f, 0).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_ICMP_FORGED);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
