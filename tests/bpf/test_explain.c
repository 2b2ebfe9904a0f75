/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loader/explain/datapath.h: the programs, run here, decide as they do in the kernel. Policies and SAs at random,
 * packets at random; each packet goes through both.
 */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "datapath.skel.h"
#include "loader/explain/datapath.h"
#include "maps/selector_shared.h"

#define ROUNDS	300
#define PACKETS 30
#define SLOTS	12

static struct maps maps_of(struct fixture *fx)
{
	return (struct maps){
		.sad = bpf_map__fd(fx->skel->maps.sad),
		.sad_out = bpf_map__fd(fx->skel->maps.sad_out),
		.sad_sent = bpf_map__fd(fx->skel->maps.sad_sent),
		.spd = bpf_map__fd(fx->skel->maps.spd),
		.locals = bpf_map__fd(fx->skel->maps.locals),
		.ike_sockets = bpf_map__fd(fx->skel->maps.ike_sockets),
		.gates = bpf_map__fd(fx->skel->maps.gates),
		.gre = bpf_map__fd(fx->skel->maps.gre),
		.slots = SLOTS_DEFAULT,
		.sa = fx->sa,
	};
}

/* ---- at random: few values, so that much of it meets ---- */

static unsigned below(unsigned n)
{
	return (unsigned)rand() % n;
}

static uint8_t some_proto(void)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE};

	return protos[below(4)];
}

static uint16_t some_port(void)
{
	static const uint16_t ports[] = {22, 179, 500, 1000, 4500, 40000};

	return ports[below(6)];
}

static void some_range(uint16_t *min, uint16_t *max)
{
	const uint16_t a = some_port(), b = some_port();

	*min = below(2) ? 0 : a < b ? a : b;
	*max = *min == 0 ? 0xffff : below(2) ? *min : a < b ? b : a;
}

static struct selector some_selector(void)
{
	struct selector sel = {SELECTOR_ANY_PORT, .proto = below(3) ? some_proto() : 0};

	if (!sel.proto || !selector_has_ports((uint8_t)sel.proto))
		return sel;
	some_range(&sel.local_port_min, &sel.local_port_max);
	some_range(&sel.remote_port_min, &sel.remote_port_max);
	if (sel.proto == IPPROTO_ICMP) {
		sel.local_port_min = sel.remote_port_min;
		sel.local_port_max = sel.remote_port_max;
	}
	return sel;
}

static struct spd_rule some_rule(uint8_t origin)
{
	static const uint8_t locals[][4] = {{0}, {192, 0, 2, 1}, {192, 0, 2, 9}};
	const struct selector sel = some_selector();
	struct spd_rule rule = {.action = (uint8_t)below(3), .owner = (uint8_t)below(3), .origin = origin};

	rule_set_selector(&rule, &sel);
	memcpy(rule.local, locals[below(3)], sizeof(rule.local));
	return rule;
}

/* Some of the rules are inherited from a shorter prefix. */
static void some_policies(struct fixture *fx)
{
	struct spd_rule rules[8];
	const unsigned n = below(8);

	for (unsigned i = 0; i < n; i++)
		rules[i] = some_rule(i < n / 2 ? 32 : 24);
	put_rules(fx, REMOTE "/32", rules, n);
}

static void some_sas(struct fixture *fx, struct selector *sels)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		struct sa_state *sa;

		sels[slot] = some_selector();
		sa = put_outbound_for(fx, slot, sels[slot]);
		sa->worn = (below(4) ? 0 : SA_WORN_HARD) | (below(8) ? 0 : SA_WORN_SEQUENCE);
		sa->ifindex = below(8) ? 0 : NIC + 7;
	}
}

static void no_sas(struct fixture *fx, const struct selector *sels)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		struct sad_out_key key = {.src = {192, 0, 2, 1}, .dst = {192, 0, 2, 2}, .sel = sels[slot]};

		bpf_map_delete_elem(bpf_map__fd(fx->skel->maps.sad_out), &key);
	}
}

static struct datapath_packet some_packet(bool out)
{
	static const uint8_t local[4] = {192, 0, 2, 1}, remote[4] = {192, 0, 2, 2};
	struct datapath_packet p = {.proto = some_proto()};

	memcpy(p.src, out ? local : remote, sizeof(p.src));
	memcpy(p.dst, out ? remote : local, sizeof(p.dst));
	if (p.proto != IPPROTO_GRE) {
		p.sport = some_port();
		p.dport = p.proto == IPPROTO_ICMP ? p.sport : some_port();
	}
	return p;
}

/* ---- the same to both ---- */

static struct frame frame_for(const struct datapath_packet *p, bool out)
{
	return frame_of(&(struct spec){
		.src = out ? LOCAL : REMOTE,
		.dst = out ? REMOTE : LOCAL,
		.proto = p->proto,
		.sport = p->sport,
		.dport = p->dport,
	});
}

/* The reason that was counted since the last time. */
static enum reason reason_counted(struct fixture *fx)
{
	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (counted(fx, (enum reason)reason)) {
			assert_counted_only(fx, (enum reason)reason);
			return (enum reason)reason;
		}
	return REASON_COUNT;
}

static void assert_alike_out(struct fixture *fx, const struct datapath_world *world)
{
	const struct datapath_packet p = some_packet(true);
	const struct frame f = frame_for(&p, true);
	const struct outcome kernel = run_egress(fx, &f);
	const struct datapath_outcome here = datapath_egress(world, &p);
	struct tx_tag tag;

	assert_int_equal(here.reason, reason_counted(fx));
	if (kernel.verdict == TC_ACT_REDIRECT) {
		memcpy(&tag, kernel.data + 6, sizeof(tag));
		assert_int_equal(here.verdict, DATAPATH_TO_WORKER);
		assert_int_equal(here.sa.slot, tx_tag_slot(&tag));
		assert_true(tx_tag_is_of(&tag, here.sa.generation));
	} else {
		assert_int_equal(here.verdict, kernel.verdict == TC_ACT_SHOT ? DATAPATH_DROPS : DATAPATH_PASSES);
	}
}

/* What a cover decides on is left out: there the kernel asks the routes of the machine that the test is on. */
static void assert_alike_in(struct fixture *fx, const struct datapath_world *world)
{
	const struct datapath_packet p = some_packet(false);
	const struct frame f = frame_for(&p, false);
	const struct datapath_outcome here = datapath_ingress(world, &p);
	uint32_t verdict;

	if (datapath_rule(world->maps, &p, false).cover)
		return;
	verdict = run_xdp(fx, &f).verdict;
	assert_int_equal(here.reason, reason_counted(fx));
	assert_int_equal(here.verdict, verdict == XDP_PASS ? DATAPATH_PASSES : DATAPATH_DROPS);
}

static void assert_alike_opened(struct fixture *fx, const struct datapath_world *world)
{
	const struct datapath_packet p = some_packet(false);
	const struct frame f = frame_for(&p, false);
	const struct datapath_outcome here = datapath_opened(world, &p);
	const uint32_t verdict = run_tap_ingress(fx, &f).verdict;

	assert_int_equal(here.reason, reason_counted(fx));
	assert_int_equal(here.verdict, verdict == TC_ACT_REDIRECT ? DATAPATH_TO_HOST : DATAPATH_DROPS);
}

static void clear_traffic_is_decided_on_alike(void **state)
{
	struct fixture *fx = *state;
	const struct maps maps = maps_of(fx);
	const struct datapath_world world = {
		.maps = &maps,
		.config = {.mark = MARK},
		.worker = true,
		.ike = true,
		.ifindex = NIC,
	};
	struct selector sels[SLOTS];

	srand(17);
	for (unsigned round = 0; round < ROUNDS; round++) {
		some_policies(fx);
		some_sas(fx, sels);
		for (unsigned i = 0; i < PACKETS; i++) {
			assert_alike_out(fx, &world);
			assert_alike_in(fx, &world);
			assert_alike_opened(fx, &world);
		}
		no_sas(fx, sels);
	}
}

static void assert_esp_alike(struct fixture *fx, const struct datapath_world *world, uint32_t spi, uint32_t seq)
{
	const struct datapath_packet p = {
		.src = {192, 0, 2, 2}, .dst = {192, 0, 2, 1}, .proto = IPPROTO_ESP, .spi = spi, .seq = seq};
	const struct frame f = FRAME(.proto = IPPROTO_ESP, .spi = spi, .seq = seq, .payload = 64);
	const struct datapath_outcome here = datapath_ingress(world, &p);
	const uint32_t verdict = run_xdp(fx, &f).verdict;

	assert_int_equal(here.reason, reason_counted(fx));
	assert_int_equal(here.verdict, verdict == XDP_REDIRECT ? DATAPATH_TO_WORKER
				       : verdict == XDP_PASS   ? DATAPATH_PASSES
							       : DATAPATH_DROPS);
}

static void esp_is_decided_on_alike(void **state)
{
	struct fixture *fx = *state;
	const struct maps maps = maps_of(fx);
	struct datapath_world world = {.maps = &maps, .worker = true, .ifindex = NIC};
	struct sa_state *sa = put_inbound(fx, 20, 0x1000);

	sa->seen = 1000;
	put_inbound(fx, 21, 0x1001)->ifindex = NIC;
	bind_inbound(fx, 21, NIC + 7);
	put_inbound(fx, 22, 0x1002)->worn = SA_WORN_HARD;
	for (uint32_t spi = 0xfff; spi <= 0x1003; spi++)
		for (uint32_t seq = 0; seq < 2000; seq += 250)
			assert_esp_alike(fx, &world, spi, seq);
	protect_all(fx);
	assert_esp_alike(fx, &world, 0x1003, 1);
	assert_esp_alike(fx, &world, 0, 1);
	worker_leaves(fx);
	world.worker = false;
	assert_esp_alike(fx, &world, 0x1000, 1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(clear_traffic_is_decided_on_alike),
		TEST_NATIVE(esp_is_decided_on_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
