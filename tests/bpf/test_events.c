/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/events.h: what packets can cause, and how often. */
#include "fixture.h"

/* A gate that is shut opens after a second, so on a machine that stalls as many more may come. */
static void assert_told(struct fixture *fx, int n, uint64_t since)
{
	assert_in_range(take_events(fx), n, n * (1 + (boot_ns() - since) / 1000000000));
}

static void lose(struct fixture *fx, uint32_t spi)
{
	struct frame f = FRAME(.proto = IPPROTO_ESP, .spi = spi, .seq = 1);

	assert_int_equal(run_xdp(fx, &f).verdict, XDP_DROP);
}

static void ask(struct fixture *fx, struct frame f)
{
	assert_int_equal(run_egress(fx, &f).verdict, TC_ACT_SHOT);
}

static void acquire_names_the_packet(void **state)
{
	const uint8_t src[4] = {192, 0, 2, 1}, dst[4] = {192, 0, 2, 2};
	struct fixture *fx = *state;

	protect_all(fx);
	ask(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 40000, .dport = 179));
	assert_int_equal(take_events(fx), 1);
	assert_int_equal(fx->events[0].type, EVENT_ACQUIRE);
	assert_int_equal(fx->events[0].ifindex, NIC);
	assert_int_equal(fx->events[0].proto, IPPROTO_TCP);
	assert_int_equal(fx->events[0].sport, 40000);
	assert_int_equal(fx->events[0].dport, 179);
	assert_memory_equal(fx->events[0].src, src, 4);
	assert_memory_equal(fx->events[0].dst, dst, 4);
	assert_int_equal(fx->events[0].spi, 0);
}

/* One rule wants one SA, whatever the packets that ask for it. */
static void acquire_is_told_once_for_a_rule(void **state)
{
	struct fixture *fx = *state;
	uint64_t began = boot_ns();

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_TCP, 179, SPD_PROTECT),
		  {.proto = IPPROTO_TCP,
		   .local_port_min = 22,
		   .local_port_max = 22,
		   ANY_REMOTE_PORT,
		   .action = SPD_PROTECT},
		  {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_PROTECT}, {ANY_PORT, .action = SPD_PROTECT});
	for (uint16_t i = 0; i < 10; i++) {
		ask(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 40000 + i, .dport = 179));
		ask(fx, FRAME_OUT(.proto = IPPROTO_TCP, .sport = 22, .dport = 40000 + i));
		ask(fx, FRAME_OUT(.proto = IPPROTO_UDP, .sport = 40000 + i, .dport = i));
		ask(fx, FRAME_OUT(.proto = IPPROTO_ICMP, .sport = i));
		ask(fx, FRAME_OUT(.proto = IPPROTO_GRE, .sport = i));
	}
	assert_int_equal(counted(fx, REASON_NO_SA), 50);
	assert_told(fx, 4, began);
}

static void the_gate_opens_after_a_second(void **state)
{
	struct fixture *fx = *state;
	uint64_t began = boot_ns();

	protect_all(fx);
	put_local(fx, LOCAL);
	for (int i = 0; i < 10; i++) {
		ask(fx, FRAME_OUT(.dport = 7));
		lose(fx, 0x1000);
	}
	assert_told(fx, 2, began);
	age_gates(fx);
	ask(fx, FRAME_OUT(.dport = 7));
	lose(fx, 0x1000);
	assert_int_equal(take_events(fx), 2);
}

static void each_peer_has_its_gate(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, "0.0.0.0/0", {ANY_PORT, .action = SPD_PROTECT});
	ask(fx, FRAME(.src = LOCAL, .dst = REMOTE));
	ask(fx, FRAME(.src = LOCAL, .dst = STRANGER));
	ask(fx, FRAME(.src = "192.0.2.9", .dst = REMOTE));
	assert_int_equal(take_events(fx), 3);
	lose(fx, 0x1000);
	lose(fx, 0x1001);
	assert_int_equal(take_events(fx), 2);
}

/* Spoofed SPIs all differ, cost nothing, and must neither fill the ring nor hold up acquires. */
static void unknown_spis_have_a_rate_in_all(void **state)
{
	struct fixture *fx = *state;
	uint64_t began = boot_ns(), most;

	protect_all(fx);
	for (uint32_t spi = 1; spi <= 10000; spi++)
		lose(fx, spi);
	assert_int_equal(counted(fx, REASON_NO_SA), 10000);
	/* The burst, and 100 for each second that the loop took. */
	most = 101 + (boot_ns() - began) / 10000000;
	assert_in_range(take_events(fx), 100, most);
	ask(fx, FRAME_OUT(.dport = 7));
	assert_int_equal(take_events(fx), 1);
	assert_int_equal(fx->events[0].type, EVENT_ACQUIRE);
}

/* The same SPI over and over does not use up what others may tell. */
static void one_peer_does_not_silence_the_others(void **state)
{
	struct fixture *fx = *state;
	uint64_t began = boot_ns();

	protect_all(fx);
	for (int i = 0; i < 1000; i++)
		lose(fx, 0x1000);
	assert_told(fx, 1, began);
	lose(fx, 0x1001);
	assert_int_equal(take_events(fx), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(acquire_names_the_packet),	      TEST_NATIVE(acquire_is_told_once_for_a_rule),
		TEST_NATIVE(the_gate_opens_after_a_second),   TEST_NATIVE(each_peer_has_its_gate),
		TEST_NATIVE(unknown_spis_have_a_rate_in_all), TEST_NATIVE(one_peer_does_not_silence_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
