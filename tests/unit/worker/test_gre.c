/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/packet/gre.h: what may be in GRE, and the frame that it becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "packet/gre.h"

#define L2	ETH_LEN
#define OUTER	IP_LEN_MIN
#define PAYLOAD 30

static const struct tx_tag tag = {.generation = {4, 3, 2}, .slot = {0xff, 0x1f, 2}};

static struct {
	uint8_t data[256];
	size_t len; /* of GRE */
	struct gre_packet packet;
} f;

static uint8_t *gre(void)
{
	return f.data + L2 + OUTER;
}

static uint8_t *inner(void)
{
	return gre() + GRE_LEN;
}

static void set_l2(size_t l2)
{
	memmove(f.data + l2, f.data + f.packet.l2, sizeof(f.data) - ETH_LEN_MAX);
	f.packet.l2 = l2;
	f.packet.ip.ip = f.data + l2;
}

/* Eth, IP, GRE, IP, 30 bytes. */
static void make(void)
{
	memset(&f, 0, sizeof(f));
	for (size_t i = 0; i < sizeof(f.data); i++)
		f.data[i] = (uint8_t)i;
	store_be16(f.data + ETH_TYPE, 0x0800);
	store_be16(gre(), 0);
	store_be16(gre() + 2, 0x0800);
	inner()[0] = 0x45;
	inner()[IP_TOS] = 0;
	ip_finish(inner(), IP_LEN_MIN, IP_LEN_MIN + PAYLOAD, PROTO_UDP);
	f.len = GRE_LEN + IP_LEN_MIN + PAYLOAD;
	f.data[L2 + IP_TOS] = 0;
	f.packet = (struct gre_packet){f.data, L2, {f.data + L2, OUTER, OUTER + f.len}};
}

static bool take_out(void)
{
	return gre_take_out(&f.packet, f.packet.ip.ip + OUTER, f.len, &tag);
}

static void refused(void)
{
	uint8_t before[sizeof(f.data)];

	memcpy(before, f.data, sizeof(before));
	assert_false(take_out());
	assert_memory_equal(before, f.data, sizeof(before));
}

static void a_frame_of_its_own(void **state)
{
	(void)state;
	for (size_t l2 = ETH_LEN; l2 <= ETH_LEN + VLAN_LEN; l2 += VLAN_LEN) {
		uint8_t packet[IP_LEN_MIN + PAYLOAD], source[6];

		make();
		memcpy(packet, inner(), sizeof(packet));
		memcpy(source, f.data + ETH_SRC, sizeof(source));
		set_l2(l2);
		memcpy(f.data + ETH_SRC, source, sizeof(source));
		if (l2 > ETH_LEN)
			f.data[l2 - 3] = 0x64; /* the last byte of the tag */
		assert_true(take_out());
		assert_ptr_equal(f.packet.frame + l2, f.packet.ip.ip);
		assert_int_equal(f.packet.ip.total, sizeof(packet));
		assert_memory_equal(f.packet.ip.ip, packet, sizeof(packet));
		assert_memory_equal(f.packet.frame, &tag, sizeof(tag));
		assert_memory_equal(f.packet.frame + ETH_SRC, source, sizeof(source));
		assert_int_equal(load_be16(f.packet.frame + l2 - 2), GRE_TAG_ETHERTYPE);
		if (l2 > ETH_LEN)
			assert_int_equal(f.packet.frame[l2 - 3], 0x64);
	}
	make();
	set_l2(ETH_LEN_MAX);
	refused();
}

static void every_bit_of_the_header_counts(void **state)
{
	(void)state;
	for (int bit = 0; bit < 8 * GRE_LEN; bit++) {
		make();
		gre()[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		refused();
	}
}

static void every_bit_of_the_inner_header_counts(void **state)
{
	(void)state;
	for (int bit = 0; bit < 8 * IP_LEN_MIN; bit++) {
		make();
		inner()[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		refused();
	}
}

static void every_length(void **state)
{
	size_t whole;

	(void)state;
	make();
	whole = f.len;
	for (size_t len = 0; len < whole; len++) {
		make();
		f.len = len;
		refused();
	}
	/* Padding behind it (RFC 4303 section 2.7) is left behind. */
	make();
	f.len += 8;
	assert_true(take_out());
	assert_int_equal(f.packet.ip.total, IP_LEN_MIN + PAYLOAD);
}

static void congestion_is_told(void **state)
{
	/* RFC 6040 figure 4, the last column: CE outside. */
	static const struct {
		uint8_t inner;
		int result;
	} rows[] = {{0, -1}, {1, 3}, {2, 3}, {3, 3}};

	(void)state;
	for (uint8_t outer = 0; outer < 4; outer++)
		for (size_t i = 0; i < 4; i++) {
			const int wanted = outer == 3 ? rows[i].result : rows[i].inner;

			make();
			f.data[L2 + IP_TOS] = 0xb8 | outer;
			inner()[IP_TOS] = 0x28 | rows[i].inner;
			ip_finish(inner(), IP_LEN_MIN, IP_LEN_MIN + PAYLOAD, PROTO_UDP);
			assert_int_equal(take_out(), wanted >= 0);
			if (wanted < 0)
				continue;
			assert_int_equal(f.packet.ip.ip[IP_TOS], 0x28 | wanted);
			assert_int_equal(csum_ipv4_header(f.packet.ip.ip, IP_LEN_MIN), 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_of_its_own),
		cmocka_unit_test(every_bit_of_the_header_counts),
		cmocka_unit_test(every_bit_of_the_inner_header_counts),
		cmocka_unit_test(every_length),
		cmocka_unit_test(congestion_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
