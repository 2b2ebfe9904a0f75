/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "packets.h"
#include "out/path_mtu.h"

#define SECOND UINT64_C(1000000000)

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};

/* A worker's port whose host is the other end of a socket pair. */
struct bench {
	struct port shared;
	struct port_queue port;
	int host;
	uint8_t said[600];
	size_t len; /* of the frame in said, without virtio's header; 0: nothing was said */
};

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	int ends[2];

	assert_non_null(b);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	memcpy(b->shared.mac, mac, 6);
	b->shared.mtu = 1500;
	b->port.q.umem.mtu_max = PORT_MTU_MAX;
	b->port.shared = &b->shared;
	b->port.host.fd = ends[0];
	b->host = ends[1];
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	close(b->port.host.fd);
	close(b->host);
	free(b);
	return 0;
}

static void tell(struct bench *b, const uint8_t *frame, size_t len, size_t mtu)
{
	const struct virtio_net_hdr none = {0};
	uint8_t packet[sizeof(none) + sizeof(b->said)];
	struct segmenter s;
	ssize_t n;

	assert_true(segment_begin(&s, (uint8_t *)frame, len, &none));
	path_mtu_tell_host(&b->port, &s, mtu);
	n = read(b->host, packet, sizeof(packet));
	b->len = n > 0 ? (size_t)n - sizeof(none) : 0;
	if (b->len)
		memcpy(b->said, packet + sizeof(none), b->len);
}

static void of_the_nic_or_of_the_path(void **state)
{
	struct bench *b = *state;
	struct sa_state sa = {0};

	assert_int_equal(path_mtu_of(&b->port, &sa, 100 * SECOND), 1500);
	sa.path_mtu = (struct path_mtu){.mtu = 1400, .until_s = 101};
	assert_int_equal(path_mtu_of(&b->port, &sa, 100 * SECOND), 1400);
	assert_int_equal(path_mtu_of(&b->port, &sa, 101 * SECOND - 1), 1400);
	assert_int_equal(path_mtu_of(&b->port, &sa, 101 * SECOND), 1500);
	b->shared.mtu = 1300; /* the NIC's has changed since */
	assert_int_equal(path_mtu_of(&b->port, &sa, 100 * SECOND), 1300);
	sa.path_mtu = (struct path_mtu){.mtu = 1200, .until_s = UINT32_MAX};
	assert_int_equal(path_mtu_of(&b->port, &sa, 100 * SECOND), 1200);
}

/* It would leave no room behind an IP header. */
static void what_no_path_may_have_is_not_believed(void **state)
{
	struct bench *b = *state;
	struct sa_state sa = {.path_mtu = {.until_s = UINT32_MAX}};

	for (uint16_t mtu = 0; mtu < 68; mtu++) {
		sa.path_mtu.mtu = mtu;
		assert_int_equal(path_mtu_of(&b->port, &sa, 100 * SECOND), 1500);
	}
	sa.path_mtu.mtu = 68;
	assert_int_equal(path_mtu_of(&b->port, &sa, 100 * SECOND), 68);
}

/* 34 to 37 bytes less, by the padding, for every length of the IP header: one byte more and it would not fit. */
static void what_fits_is_exact(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (size_t mtu = 576; mtu <= PORT_MTU_MAX; mtu++) {
		for (size_t header = IP_LEN_MIN; header <= IP_LEN_MAX; header += 4) {
			const size_t fits = header + esp_max_payload(mtu - header), less = mtu - fits;

			assert_in_range(less, 34, 37);
			assert_true(header + esp_sealed_size(fits - header) <= mtu);
			assert_true(header + esp_sealed_size(fits - header + 1) > mtu);
			seen |= 1u << (less - 34);
		}
	}
	assert_int_equal(seen, 0xf);
}

static void assert_said(const struct bench *b, const uint8_t *frame, size_t l2, size_t mtu)
{
	const uint8_t *ip = b->said + l2, *icmp = ip + IP_LEN_MIN, *about = frame + l2;
	const size_t total = load_be16(ip + IP_TOTAL_LEN), quote = total - IP_LEN_MIN - 8;

	assert_int_equal(b->len, l2 + total);
	assert_memory_equal(b->said, mac, 6);
	assert_memory_equal(b->said + ETH_SRC, frame, 6);
	/* All tags, and then what says that it is the worker's own word. */
	assert_memory_equal(b->said + ETH_TYPE, frame + ETH_TYPE, l2 - ETH_TYPE - 2);
	assert_int_equal(load_be16(b->said + l2 - 2), HOST_TAG_ETHERTYPE);
	assert_int_equal(csum_ipv4_header(ip, IP_LEN_MIN), 0);
	assert_int_equal(ip[IP_PROTO], PROTO_ICMP);
	assert_memory_equal(ip + IP_SRC, about + IP_DST, 4);
	assert_memory_equal(ip + IP_DST, about + IP_SRC, 4);
	assert_int_equal(csum_fold(csum_partial(icmp, total - IP_LEN_MIN, 0)), 0);
	assert_int_equal(icmp[0], 3);
	assert_int_equal(icmp[1], 4);
	assert_int_equal(load_be16(icmp + 6), mtu);
	assert_true(quote >= (about[0] & 15) * 4u + 8);
	assert_memory_equal(icmp + 8, about, quote);
}

static void the_host_is_told(void **state)
{
	const struct tcp_spec t = {.sport = 1, .dport = 2, .flags = TCP_ACK_FLAG};
	uint8_t frame[1600] = {0};
	size_t len = make_tcp(frame, &t, 1400, 0, 1);

	tell(*state, frame, len, 1366);
	assert_said(*state, frame, ETH_LEN, 1366);
	len = make_udp(frame, 1, 2, 0, 0); /* less to quote than it could take */
	tell(*state, frame, len, 600);
	assert_said(*state, frame, ETH_LEN, 600);
}

static void behind_tags_and_about_options(void **state)
{
	uint8_t plain[1600] = {0}, frame[1700] = {0};
	size_t len = make_udp(plain, 1, 2, 1000, 0), l2 = ETH_LEN + 2 * VLAN_LEN, options = 40;
	uint8_t *ip = frame + l2;

	memcpy(frame, plain, 12);
	store_be16(frame + 12, 0x88a8);
	store_be16(frame + 14, 5);
	store_be16(frame + 16, 0x8100);
	store_be16(frame + 18, 0xe007);
	store_be16(frame + 20, 0x0800);
	memcpy(ip, plain + ETH_LEN, IP_LEN_MIN);
	memset(ip + IP_LEN_MIN, 1, options);
	memcpy(ip + IP_LEN_MIN + options, plain + ETH_LEN + IP_LEN_MIN, len - ETH_LEN - IP_LEN_MIN);
	ip[0] = 0x4f;
	ip_finish(ip, IP_LEN_MIN + options, len - ETH_LEN + options, PROTO_UDP);
	tell(*state, frame, l2 + len - ETH_LEN + options, 900);
	assert_said(*state, frame, l2, 900);
}

static void not_without_df(void **state)
{
	struct bench *b = *state;
	uint8_t frame[1600] = {0};
	size_t len = make_udp(frame, 1, 2, 1000, 0);

	store_be16(frame + ETH_LEN + IP_FRAG, 0);
	tell(b, frame, len, 900);
	assert_int_equal(b->len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(of_the_nic_or_of_the_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_no_path_may_have_is_not_believed, set_up, tear_down),
		cmocka_unit_test(what_fits_is_exact),
		cmocka_unit_test_setup_teardown(the_host_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(behind_tags_and_about_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_without_df, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
