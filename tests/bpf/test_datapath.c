/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/datapath.bpf.c: which program checks what in which mode. */
#include "fixture.h"

static void native_xdp_stops_cleartext(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME(.sport = 7), other = FRAME(.src = STRANGER, .sport = 7);
	struct outcome out;

	protect_all(fx);
	assert_int_equal(run_xdp(fx, &f).verdict, XDP_DROP);
	assert_counted_only(fx, REASON_CLEARTEXT_PROTECTED);
	out = run_xdp(fx, &other);
	assert_int_equal(out.verdict, XDP_PASS);
	assert_int_equal(out.len, other.len);
	assert_memory_equal(out.data, other.data, other.len);
	assert_nothing_counted(fx);
}

/* It has been moved to another network namespace, with the programs on it. */
static void a_nic_that_is_not_known_stays_closed(void **state)
{
	struct fixture *fx = *state;
	struct frame in = FRAME(.sport = 7), esp = FRAME(.proto = IPPROTO_ESP, .spi = 0x1001, .seq = 1);
	struct frame out = FRAME_OUT(.sport = 7);

	protect_all(fx);
	put_inbound(fx, 1, 0x1001);
	put_outbound(fx, 2, 0, 0);
	remove_gate(fx, NIC);
	assert_int_equal(run_xdp(fx, &in).verdict, XDP_DROP);
	assert_counted_only(fx, REASON_CLEARTEXT_PROTECTED);
	assert_int_equal(run_egress(fx, &out).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_NO_WORKER);
	assert_int_equal(run_xdp(fx, &esp).verdict, XDP_DROP);
	assert_counted_only(fx, REASON_NO_WORKER);
}

/* What came out of an SA meets generic XDP again, without a mark that XDP could see. */
static void generic_xdp_leaves_cleartext_to_tc(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME(.sport = 7), malformed = FRAME(.sport = 7);
	struct outcome out;

	malformed.data[malformed.l3] = 0x44;
	protect_all(fx);
	out = run_xdp(fx, &f);
	assert_int_equal(out.verdict, XDP_PASS);
	assert_int_equal(out.len, f.len);
	assert_memory_equal(out.data, f.data, f.len);
	assert_int_equal(run_xdp(fx, &malformed).verdict, XDP_PASS);
	assert_nothing_counted(fx);
	assert_int_equal(run_nic_ingress(fx, &f, 0).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_CLEARTEXT_PROTECTED);
	assert_int_equal(run_nic_ingress(fx, &malformed, 0).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_MALFORMED);
}

static void the_mark_tells_what_came_out_of_an_sa(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME(.sport = 7);
	struct outcome out;

	protect_all(fx);
	out = run_tap_ingress(fx, &f);
	assert_int_equal(out.verdict, TC_ACT_REDIRECT);
	/* On the way to this NIC alone it is another one. */
	assert_int_equal(out.mark, MARK_ON_ITS_WAY);
	assert_memory_equal(out.data, f.data, f.len);
	out = run_nic_ingress(fx, &f, out.mark);
	assert_int_equal((int)out.verdict, TC_ACT_UNSPEC);
	assert_int_equal(out.mark, MARK);
	assert_nothing_counted(fx);
	assert_int_equal(run_nic_ingress(fx, &f, MARK + 1).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_CLEARTEXT_PROTECTED);
	assert_int_equal(run_nic_ingress(fx, &f, MARK).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_CLEARTEXT_PROTECTED);
}

static int awkward_mark(void **state)
{
	return fixture_generic_with(state, ~(uint32_t)PORT);
}

/* What has no mark is never taken for handed over, whatever people choose. */
static void no_mark_is_nobodys(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME(.sport = 7);
	uint32_t mark;

	protect_all(fx);
	assert_int_equal(run_nic_ingress(fx, &f, 0).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_CLEARTEXT_PROTECTED);
	mark = run_tap_ingress(fx, &f).mark;
	assert_int_not_equal(mark, 0);
	assert_int_equal((int)run_nic_ingress(fx, &f, mark).verdict, TC_ACT_UNSPEC);
}

static int no_mark(void **state)
{
	return fixture_with(state, UNKNOWN_SPI_AUTO, 0);
}

static void without_a_mark_nothing_gets_by(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME(.sport = 7);

	protect_all(fx);
	assert_int_equal(run_nic_ingress(fx, &f, 0).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_CLEARTEXT_PROTECTED);
}

static void nic_ingress_decides_as_xdp_does(void **state)
{
	struct fixture *fx = *state;
	struct frame tcp = FRAME(.proto = IPPROTO_TCP), ike = FRAME(.dport = 500), icmp = FRAME(.proto = IPPROTO_ICMP);

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_TCP, ANY_PORT, .action = SPD_DISCARD},
		  {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE},
		  {ANY_PORT, .action = SPD_BYPASS});
	assert_int_equal(run_nic_ingress(fx, &tcp, 0).verdict, TC_ACT_SHOT);
	assert_counted_only(fx, REASON_DISCARD);
	assert_int_equal((int)run_nic_ingress(fx, &ike, 0).verdict, TC_ACT_UNSPEC);
	assert_counted_only(fx, REASON_IKE);
	assert_int_equal((int)run_nic_ingress(fx, &icmp, 0).verdict, TC_ACT_UNSPEC);
	assert_counted_only(fx, REASON_BYPASS);
}

/* ESP that XDP let by, to the kernel, is not cleartext. */
static void nic_ingress_leaves_esp_to_xdp(void **state)
{
	struct fixture *fx = *state;
	struct frame f = FRAME(.proto = IPPROTO_ESP, .spi = 0x1000, .seq = 1);

	protect_all(fx);
	assert_int_equal((int)run_nic_ingress(fx, &f, 0).verdict, TC_ACT_UNSPEC);
	assert_nothing_counted(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(native_xdp_stops_cleartext),
		TEST_NATIVE(a_nic_that_is_not_known_stays_closed),
		TEST_GENERIC(generic_xdp_leaves_cleartext_to_tc),
		TEST_GENERIC(the_mark_tells_what_came_out_of_an_sa),
		cmocka_unit_test_setup_teardown(no_mark_is_nobodys, awkward_mark, fixture_free),
		cmocka_unit_test_setup_teardown(without_a_mark_nothing_gets_by, no_mark, fixture_free),
		TEST_GENERIC(nic_ingress_decides_as_xdp_does),
		TEST_GENERIC(nic_ingress_leaves_esp_to_xdp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
