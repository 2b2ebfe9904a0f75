/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/opened.h: what comes out of an SA is what policies protect. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <string.h>

#include "fixture.h"

static void goes_on(struct fixture *fx, struct frame f)
{
	struct outcome out = run_tap_ingress(fx, &f);

	assert_int_equal(out.verdict, TC_ACT_REDIRECT);
	assert_int_equal(out.mark, MARK);
	assert_memory_equal(out.data, f.data, f.len);
	assert_nothing_counted(fx);
}

static void dropped_as(struct fixture *fx, struct frame f, enum reason reason)
{
	assert_int_equal(run_tap_ingress(fx, &f).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, reason);
}

static void sas_need_no_policy(void **state)
{
	for (int tags = 0; tags <= 2; tags++)
		for (int options = 0; options <= 40; options += 40)
			goes_on(*state, FRAME(.tags = tags, .options = options));
}

/* By the rule that decides, whatever the SA is for. */
static void what_is_protected_goes_on(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_TCP, 22, SPD_BYPASS),
		  {.proto = IPPROTO_TCP, ANY_PORT, .action = SPD_PROTECT},
		  {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_DISCARD});
	for (int tags = 0; tags <= 2; tags++) {
		goes_on(fx, FRAME(.tags = tags, .proto = IPPROTO_TCP, .sport = 23));
		dropped_as(fx, FRAME(.tags = tags, .proto = IPPROTO_TCP, .sport = 22), REASON_POLICY_MISMATCH);
		dropped_as(fx, FRAME(.tags = tags, .proto = IPPROTO_UDP, .sport = 23), REASON_POLICY_MISMATCH);
		goes_on(fx, FRAME(.tags = tags, .proto = IPPROTO_ICMP));
	}
	goes_on(fx, FRAME(.src = STRANGER));
}

/* Nobody speaks IKE inside. */
static void ike_is_no_exception(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_DISCARD, .owner = OWNER_IKE});
	dropped_as(fx, FRAME(.sport = 500, .dport = 500), REASON_POLICY_MISMATCH);
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE});
	goes_on(fx, FRAME(.sport = 500, .dport = 500));
}

/* An SA of another address than the connection's, by hand. */
static void what_is_covered_goes_on(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32",
		  {.local = {192, 0, 2, 1}, ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE, .origin = 32},
		  {ANY_PORT, .action = SPD_BYPASS, .origin = 24});
	goes_on(fx, FRAME(.dst = "192.0.2.9"));
}

/* The worker writes nothing of the kind. */
static void what_cannot_be_read_goes_nowhere(void **state)
{
	struct fixture *fx = *state;
	struct frame whole = FRAME(.proto = IPPROTO_TCP), longer = whole, short_header = whole, arp = whole,
		     stack = FRAME(.tags = 3);

	longer.data[longer.l3 + 2] = 0x20;
	short_header.data[short_header.l3] = 0x44;
	arp.data[13] = ETH_P_ARP & 0xff;
	dropped_as(fx, longer, REASON_MALFORMED);
	dropped_as(fx, short_header, REASON_MALFORMED);
	dropped_as(fx, arp, REASON_MALFORMED);
	dropped_as(fx, stack, REASON_MALFORMED);
}

/* The Ethernet type of what the worker says itself, behind the tags. */
static struct frame by_the_worker(struct frame f)
{
	const uint16_t type = htons(HOST_TAG_ETHERTYPE);

	memcpy(f.data + f.l3 - 2, &type, sizeof(type));
	return f;
}

static void policies_are_not_for_the_workers_own(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_DISCARD});
	for (int tags = 0; tags <= 2; tags++) {
		struct frame plain = FRAME(.tags = tags, .proto = IPPROTO_ICMP, .sport = 0x0304),
			     f = by_the_worker(plain);
		struct outcome out = run_tap_ingress(fx, &f);

		assert_int_equal(out.verdict, TC_ACT_REDIRECT);
		assert_int_equal(out.mark, MARK);
		assert_memory_equal(out.data, plain.data, plain.len);
		assert_nothing_counted(fx);
		dropped_as(fx, plain, REASON_POLICY_MISMATCH);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(sas_need_no_policy),
		TEST_NATIVE(what_is_protected_goes_on),
		TEST_NATIVE(ike_is_no_exception),
		TEST_NATIVE(what_is_covered_goes_on),
		TEST_NATIVE(what_cannot_be_read_goes_nowhere),
		TEST_NATIVE(policies_are_not_for_the_workers_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
