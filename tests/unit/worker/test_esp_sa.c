/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/esp/esp.h: the SA as it is loaded and wiped, and what its selector takes. */
#include "esp_ends.h"

#include <errno.h>

/* ---- loading ---- */

static void assert_unloaded(const struct end *e)
{
	static const struct esp_sa empty;

	assert_memory_equal(&e->sa, &empty, sizeof(empty));
	for (size_t i = 0; i < backend->ctx_size; i++)
		assert_int_equal(((const uint8_t *)e->ctx)[i], 0);
}

static int try_load(struct end *e, uint32_t generation, uint8_t direction, uint16_t window)
{
	clear_end(e);
	e->state.generation = generation;
	e->state.direction = direction;
	e->state.replay_window = window;
	return esp_sa_load(&e->sa, backend, &e->state, window, e->ring, &key, e->ctx);
}

static void loads_one_generation_only(void **unused)
{
	(void)unused;
	assert_int_equal(try_load(&receiver, key.generation, SA_INBOUND, 64), 0);
	assert_int_equal(receiver.sa.generation, key.generation);
	assert_int_equal(try_load(&receiver, key.generation + 2, SA_INBOUND, 64), -ESTALE);
	assert_unloaded(&receiver);
	assert_int_equal(try_load(&receiver, key.generation + 1, SA_INBOUND, 64), -ESTALE);
	assert_unloaded(&receiver);
}

static void inbound_window_must_be_in_range(void **unused)
{
	(void)unused;
	assert_int_equal(try_load(&receiver, key.generation, SA_INBOUND, 63), -EINVAL);
	assert_unloaded(&receiver);
	assert_int_equal(try_load(&receiver, key.generation, SA_INBOUND, 8193), -EINVAL);
	assert_int_equal(try_load(&receiver, key.generation, SA_INBOUND, 8192), 0);
	assert_int_equal(try_load(&receiver, key.generation, SA_OUTBOUND, 0), 0);
}

/* Who may write the state cannot have a ring taken for a larger one. */
static void window_is_the_one_that_its_ring_is_for(void **unused)
{
	(void)unused;
	clear_end(&receiver);
	receiver.state = (struct sa_state){
		.generation = key.generation, .direction = SA_INBOUND, .replay_window = REPLAY_WINDOW_MAX};
	assert_int_equal(esp_sa_load(&receiver.sa, backend, &receiver.state, 64, receiver.ring, &key, receiver.ctx), 0);
	assert_int_equal(receiver.sa.replay_window, 64);
}

/* Whose window means nothing, and has no ring. The packet is behind the top, which the ring would have to tell. */
static void of_an_outbound_one_nothing_is_taken_in(void **unused)
{
	uint8_t esp[ESP_MIN] = {0};
	enum reason why;
	uint64_t seq;

	(void)unused;
	clear_end(&receiver);
	receiver.state = (struct sa_state){
		.generation = key.generation,
		.spi = 0x12345678,
		.direction = SA_OUTBOUND,
		.replay_window = 2000,
		.seq = 5000,
	};
	assert_int_equal(esp_sa_load(&receiver.sa, backend, &receiver.state, 2000, NULL, &key, receiver.ctx), 0);
	store_be32(esp, receiver.sa.spi);
	store_be32(esp + 4, 4990);
	assert_false(esp_precheck(&receiver.sa, esp, sizeof(esp), &seq, &why));
	assert_int_equal(why, REASON_NO_SA);
}

static void wipe_leaves_nothing(void **unused)
{
	(void)unused;
	connect_ends(SA_ESN, 0);
	esp_sa_wipe(&receiver.sa, backend);
	assert_unloaded(&receiver);
	esp_sa_wipe(&receiver.sa, backend);
	assert_unloaded(&receiver);
}

/* ---- selectors ---- */

static const uint8_t a[] = {192, 0, 2, 1}, b[] = {192, 0, 2, 2}, c[] = {192, 0, 2, 3};
/* Ports 40000 and 179. */
static const uint8_t ports[] = {0x9c, 0x40, 0x00, 0xb3};

static struct esp_sa sa_for(uint8_t proto, uint16_t dst_min, uint16_t dst_max)
{
	return (struct esp_sa){
		.sel_proto = proto,
		.src_port_max = UINT16_MAX,
		.dst_port_min = dst_min,
		.dst_port_max = dst_max,
		.src = {192, 0, 2, 1},
		.dst = {192, 0, 2, 2},
	};
}

static bool takes(const struct esp_sa *sa, uint8_t proto, size_t l4_len)
{
	return esp_selector_matches(sa, a, b, proto, ports, l4_len);
}

static bool takes_dst(uint8_t sel_proto, uint16_t min, uint16_t max, uint8_t proto)
{
	const struct esp_sa sa = sa_for(sel_proto, min, max);

	return takes(&sa, proto, 4);
}

static void addresses_must_be_the_sas(void **unused)
{
	const struct esp_sa sa = sa_for(0, 0, UINT16_MAX);

	(void)unused;
	assert_true(esp_selector_matches(&sa, a, b, 1, ports, 0));
	assert_false(esp_selector_matches(&sa, b, a, 1, ports, 0));
	assert_false(esp_selector_matches(&sa, c, b, 1, ports, 0));
	assert_false(esp_selector_matches(&sa, a, c, 1, ports, 0));
}

static void protocol_must_be_the_sas(void **unused)
{
	const struct esp_sa all = sa_for(0, 0, UINT16_MAX), tcp = sa_for(6, 0, UINT16_MAX);

	(void)unused;
	assert_true(takes(&all, 47, 0));
	assert_true(takes(&tcp, 6, 0));
	assert_false(takes(&tcp, 17, 4));
}

/* Each end's port has its own range, and both ends of a range belong to it. */
static void ports_must_be_within_their_ranges(void **unused)
{
	static const uint8_t with_ports[] = {6, 17, 33, 132, 136};
	struct esp_sa sa;

	(void)unused;
	for (size_t i = 0; i < sizeof(with_ports); i++) {
		assert_true(takes_dst(with_ports[i], 179, 179, with_ports[i]));
		assert_true(takes_dst(with_ports[i], 100, 179, with_ports[i]));
		assert_true(takes_dst(with_ports[i], 179, 200, with_ports[i]));
		assert_false(takes_dst(with_ports[i], 180, 200, with_ports[i]));
		assert_false(takes_dst(with_ports[i], 100, 178, with_ports[i]));
		assert_false(takes_dst(with_ports[i], 40000, 40000, with_ports[i]));
	}
	assert_false(takes_dst(6, 179, 179, 17));
	sa = sa_for(6, 179, 179);
	sa.src_port_min = sa.src_port_max = 40000;
	assert_true(takes(&sa, 6, 4));
	sa.src_port_min = sa.src_port_max = 40001;
	assert_false(takes(&sa, 6, 4));
}

static void either_end_may_have_the_port(void **unused)
{
	struct esp_sa sa = sa_for(6, 40000, 40000);

	(void)unused;
	assert_false(takes(&sa, 6, 4));
	sa.either_end = true;
	assert_true(takes(&sa, 6, 4));
	sa.dst_port_min = sa.dst_port_max = 179;
	assert_true(takes(&sa, 6, 4));
	sa.dst_port_min = sa.dst_port_max = 180;
	assert_false(takes(&sa, 6, 4));
}

/* The SA has this host's view, a packet a source and a destination. */
static void ranges_are_turned_by_direction(void **unused)
{
	(void)unused;
	connect_ends(SA_ESN | SA_EITHER_END, 0);
	esp_sa_wipe(&sender.sa, backend);
	esp_sa_wipe(&receiver.sa, backend);
	receiver.state.sel = sender.state.sel = (struct selector){1, 2, 3, 4, 6};
	load(&sender, SA_OUTBOUND);
	load(&receiver, SA_INBOUND);
	assert_int_equal(sender.sa.src_port_min, 1);
	assert_int_equal(sender.sa.src_port_max, 2);
	assert_int_equal(sender.sa.dst_port_min, 3);
	assert_int_equal(sender.sa.dst_port_max, 4);
	assert_int_equal(receiver.sa.src_port_min, 3);
	assert_int_equal(receiver.sa.src_port_max, 4);
	assert_int_equal(receiver.sa.dst_port_min, 1);
	assert_int_equal(receiver.sa.dst_port_max, 2);
	assert_int_equal(receiver.sa.sel_proto, 6);
	assert_true(receiver.sa.either_end && receiver.sa.esn);
}

/* Type 8, code 0, and what follows is no port. */
static void icmp_is_told_by_type_and_code(void **unused)
{
	static const uint8_t echo[] = {8, 0, 0x12, 0x34}, unreachable[] = {3, 4, 0, 0};
	struct esp_sa sa = sa_for(1, 0x0800, 0x08ff);

	(void)unused;
	sa.src_port_min = 0x0800;
	sa.src_port_max = 0x08ff;
	assert_true(esp_selector_matches(&sa, a, b, 1, echo, 4));
	assert_false(esp_selector_matches(&sa, a, b, 1, unreachable, 4));
}

static void port_that_cannot_be_read(void **unused)
{
	const struct esp_sa sa = sa_for(6, 179, 179), gre = sa_for(47, 179, 179);

	(void)unused;
	for (size_t len = 0; len < 4; len++)
		assert_false(takes(&sa, 6, len));
	assert_false(takes(&gre, 47, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_one_generation_only),
		cmocka_unit_test(inbound_window_must_be_in_range),
		cmocka_unit_test(window_is_the_one_that_its_ring_is_for),
		cmocka_unit_test(of_an_outbound_one_nothing_is_taken_in),
		cmocka_unit_test(wipe_leaves_nothing),
		cmocka_unit_test(addresses_must_be_the_sas),
		cmocka_unit_test(protocol_must_be_the_sas),
		cmocka_unit_test(ports_must_be_within_their_ranges),
		cmocka_unit_test(either_end_may_have_the_port),
		cmocka_unit_test(ranges_are_turned_by_direction),
		cmocka_unit_test(icmp_is_told_by_type_and_code),
		cmocka_unit_test(port_that_cannot_be_read),
	};

	return RUN_WITH_EACH_AEAD("esp, the SA", tests);
}
