/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "lane/mss.h"
#include "packets.h"

static uint8_t frame[256];

/* A SYN with those options; its TCP header. */
static uint8_t *syn(const uint8_t *options, size_t len, size_t *l4_len)
{
	const struct tcp_spec t = {.sport = 1, .dport = 179, .flags = TCP_SYN, .options = (uint8_t)len};
	uint8_t *tcp = frame + ETH_LEN + IP_LEN_MIN;

	make_tcp(frame, &t, 0, 0, 1);
	if (len)
		memcpy(tcp + TCP_LEN_MIN, options, len);
	*l4_len = TCP_LEN_MIN + len;
	finish_l4(frame, TCP_CHECK, *l4_len);
	return tcp;
}

static void it_is_lowered_and_the_checksum_right(void **state)
{
	(void)state;
	/* At either alignment, alone and among others. */
	const uint8_t options[][12] = {
		{2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4},
		{1, 2, 4, 0x05, 0xb4, 1, 1, 1, 3, 3, 7, 0},
		{1, 1, 2, 4, 0x23, 0x28, 0, 0, 0, 0, 0, 0},
		{4, 2, 1, 3, 3, 7, 1, 2, 4, 0xff, 0xff, 0},
	};
	const size_t at[] = {2, 3, 4, 9};

	for (size_t i = 0; i < 4; i++) {
		for (size_t most = 536; most < 1460; most += 11) {
			size_t len;
			uint8_t *tcp = syn(options[i], 12, &len);

			mss_lower(tcp, len, most);
			assert_int_equal(load_be16(tcp + TCP_LEN_MIN + at[i]), most);
			assert_true(checksums_right(frame));
		}
	}
}

static void a_wrong_checksum_stays_wrong(void **state)
{
	(void)state;
	const uint8_t options[] = {2, 4, 0x05, 0xb4};
	size_t len;
	uint8_t *tcp = syn(options, 4, &len);

	tcp[TCP_CHECK] ^= 0x40;
	mss_lower(tcp, len, 1000);
	assert_false(checksums_right(frame));
	tcp[TCP_CHECK] ^= 0x40;
}

static void assert_left_alone(const uint8_t *options, size_t n, uint8_t flags, size_t most)
{
	uint8_t before[sizeof(frame)];
	size_t len;
	uint8_t *tcp = syn(options, n, &len);

	tcp[TCP_FLAGS] = flags;
	memcpy(before, frame, sizeof(frame));
	mss_lower(tcp, len, most);
	assert_memory_equal(frame, before, sizeof(frame));
}

static void what_is_left_alone(void **state)
{
	(void)state;
	const uint8_t mss[] = {2, 4, 0x05, 0xb4}, none[] = {1, 1, 1, 0}, ended[] = {0, 0, 0, 0, 2, 4, 0x05, 0xb4},
		      odd[] = {2, 3, 0x05, 0xb4}, loop[] = {3, 0, 2, 4, 0x05, 0xb4, 0, 0},
		      one[] = {3, 1, 2, 4, 5, 6, 0, 0}, beyond[] = {3, 200, 2, 4}, cut[] = {1, 1, 2, 4};

	assert_left_alone(mss, 4, TCP_ACK_FLAG, 1000);
	assert_left_alone(mss, 4, TCP_SYN, 1460);
	assert_left_alone(mss, 4, TCP_SYN, 1461);
	assert_left_alone(none, 4, TCP_SYN, 1000);
	assert_left_alone(ended, 8, TCP_SYN, 1000);
	assert_left_alone(odd, 4, TCP_SYN, 1000);
	assert_left_alone(loop, 8, TCP_SYN, 1000);
	assert_left_alone(one, 8, TCP_SYN, 1000);
	assert_left_alone(beyond, 4, TCP_SYN, 1000);
	assert_left_alone(cut, 4, TCP_SYN, 1000);
	assert_left_alone(NULL, 0, TCP_SYN, 1000);
}

/* A header that is longer than the packet, or too short to be one. */
static void lengths_that_lie(void **state)
{
	(void)state;
	const uint8_t mss[] = {2, 4, 0x05, 0xb4};
	size_t len;
	uint8_t *tcp = syn(mss, 4, &len);

	for (size_t n = 0; n < len; n++) {
		mss_lower(tcp, n, 1000);
		assert_int_equal(load_be16(tcp + TCP_LEN_MIN + 2), 1460);
	}
	tcp[TCP_DATA_OFFSET] = 0x10;
	mss_lower(tcp, len, 1000);
	assert_int_equal(load_be16(tcp + TCP_LEN_MIN + 2), 1460);
}

static void what_fits(void **state)
{
	(void)state;
	assert_int_equal(mss_that_fits(1500), 1426);
	for (size_t mtu = PATH_MTU_MIN; mtu <= PORT_MTU_MAX; mtu++) {
		const size_t mss = mss_that_fits(mtu);

		assert_true(IP_LEN_MIN + esp_sealed_size(TCP_LEN_MIN + mss) <= mtu);
		assert_true(IP_LEN_MIN + esp_sealed_size(TCP_LEN_MIN + mss + 1) > mtu);
	}
	assert_int_equal(mss_that_fits(0), 0);
	assert_int_equal(mss_that_fits(57), 0);
}

static void the_port_says_how_low(void **state)
{
	(void)state;
	const uint8_t options[] = {2, 4, 0x05, 0xb4};
	struct port port = {.mss_clamp = MSS_CLAMP_FIT};
	struct ip_view ip = {.header = IP_LEN_MIN};
	size_t len;
	uint8_t *tcp = syn(options, 4, &len);

	ip.ip = tcp - IP_LEN_MIN;
	ip.total = IP_LEN_MIN + len;
	mss_clamp(&port, &ip, PROTO_UDP, 1500);
	assert_int_equal(load_be16(tcp + TCP_LEN_MIN + 2), 1460);
	mss_clamp(&port, &ip, PROTO_TCP, 1500);
	assert_int_equal(load_be16(tcp + TCP_LEN_MIN + 2), 1426);
	port.mss_clamp = 1300;
	mss_clamp(&port, &ip, PROTO_TCP, 1500);
	assert_int_equal(load_be16(tcp + TCP_LEN_MIN + 2), 1300);
	mss_clamp(&port, &ip, PROTO_TCP, 1000);
	assert_int_equal(load_be16(tcp + TCP_LEN_MIN + 2), mss_that_fits(1000));
	/* Where nothing fits there is nothing to offer. */
	mss_clamp(&port, &ip, PROTO_TCP, 40);
	assert_int_equal(load_be16(tcp + TCP_LEN_MIN + 2), mss_that_fits(1000));
	assert_true(checksums_right(frame));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_lowered_and_the_checksum_right),
		cmocka_unit_test(a_wrong_checksum_stays_wrong),
		cmocka_unit_test(what_is_left_alone),
		cmocka_unit_test(lengths_that_lie),
		cmocka_unit_test(what_fits),
		cmocka_unit_test(the_port_says_how_low),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
