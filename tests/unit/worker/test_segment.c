/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "packets.h"
#include "packet/segment.h"

static uint8_t buffer[HOST_FRAME_MAX + HOST_TAIL], original[HOST_FRAME_MAX + HOST_TAIL];

static const struct tcp_spec stream = {
	.sport = 40000, .dport = 179, .seq = 0xfffffa00, .ack = 77, .flags = TCP_ACK_FLAG | TCP_PSH};

static struct virtio_net_hdr gso(uint8_t type, uint16_t size, size_t header, uint16_t field)
{
	return (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				       .gso_type = type,
				       .gso_size = size,
				       .hdr_len = (uint16_t)(ETH_LEN + IP_LEN_MIN + header),
				       .csum_start = ETH_LEN + IP_LEN_MIN,
				       .csum_offset = field};
}

/* Puts segment `index` together as a frame, as the worker does but unsealed, and spoils what it may spoil. */
static size_t take(struct segmenter *s, uint8_t *frame)
{
	uint32_t index = s->next;
	uint8_t kept[HOST_TAIL], *l4;
	size_t len, headers = s->l2 + s->ip.header;

	l4 = segment_next(s, &len);
	memcpy(kept, l4 + len, sizeof(kept));
	segment_headers(s, index, frame);
	memcpy(frame + headers, l4, len);
	memset(l4, 0xee, len + HOST_TAIL);
	memcpy(l4 + len, kept, sizeof(kept));
	ip_finish(frame + s->l2, s->ip.header, s->ip.header + len, s->proto);
	return headers + len;
}

static void check_tcp(size_t payload, uint16_t mss, uint8_t options)
{
	struct tcp_spec spec = stream;
	struct virtio_net_hdr vnet = gso(VIRTIO_NET_HDR_GSO_TCPV4, mss, TCP_LEN_MIN + options, TCP_CHECK);
	struct segmenter s;
	uint8_t frame[HOST_FRAME_MAX];
	size_t len, done = 0, header = TCP_LEN_MIN + options;

	spec.options = options;
	spec.flags |= TCP_FIN | TCP_CWR;
	len = make_tcp(buffer, &spec, payload, 5, 0xfffe);
	memcpy(original, buffer, len);
	assert_true(segment_begin(&s, buffer, len, &vnet));
	assert_int_equal(s.count, payload ? (payload + mss - 1) / mss : 1);
	for (uint32_t i = 0; i < s.count; i++) {
		const uint8_t *ip = frame + ETH_LEN, *l4 = ip + IP_LEN_MIN;
		size_t n = take(&s, frame), piece = n - ETH_LEN - IP_LEN_MIN - header;
		bool last = i + 1 == s.count;

		assert_true(checksums_right(frame));
		assert_int_equal(load_be16(ip + IP_ID), (uint16_t)(0xfffe + i));
		assert_int_equal(load_be16(ip + IP_FRAG), IP_DF);
		assert_int_equal(load_be32(l4 + TCP_SEQ), stream.seq + (uint32_t)done);
		assert_int_equal(load_be32(l4 + TCP_ACK), stream.ack);
		assert_int_equal(l4[TCP_FLAGS] & (TCP_FIN | TCP_PSH), last ? TCP_FIN | TCP_PSH : 0);
		assert_int_equal(l4[TCP_FLAGS] & TCP_CWR, i == 0 ? TCP_CWR : 0);
		assert_true(last ? piece <= mss : piece == mss);
		assert_memory_equal(l4 + header, original + ETH_LEN + IP_LEN_MIN + header + done, piece);
		done += piece;
	}
	assert_int_equal(done, payload);
}

static void tcp_is_cut_at_mss(void **state)
{
	(void)state;
	check_tcp(65483, 1448, 12);
	check_tcp(3 * 1448, 1448, 0);
	check_tcp(3 * 1448 + 1, 1448, 12);
	check_tcp(1000, 1448, 12);
	check_tcp(0, 1448, 0);
	check_tcp(5000, 1, 40);
	for (int i = 0; i < 500; i++)
		check_tcp((size_t)rand() % 65000, (uint16_t)(1 + rand() % 9000), (uint8_t)(rand() % 11 * 4));
}

static void udp_is_cut_into_datagrams(void **state)
{
	struct virtio_net_hdr vnet = gso(VIRTIO_NET_HDR_GSO_UDP_L4, 1200, UDP_LEN, UDP_CHECK);
	size_t len = make_udp(buffer, 5000, 6000, 2 * 1200 + 100, 9);
	struct segmenter s;
	uint8_t frame[2048];

	(void)state;
	memcpy(original, buffer, len);
	assert_true(segment_begin(&s, buffer, len, &vnet));
	assert_int_equal(s.count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		size_t n = take(&s, frame), piece = i < 2 ? 1200 : 100;

		assert_int_equal(n, ETH_LEN + IP_LEN_MIN + UDP_LEN + piece);
		assert_true(checksums_right(frame));
		assert_int_equal(load_be16(frame + ETH_LEN + IP_LEN_MIN + UDP_LENGTH), UDP_LEN + piece);
		assert_memory_equal(frame + n - piece, original + ETH_LEN + IP_LEN_MIN + UDP_LEN + i * 1200, piece);
	}
}

/* The field holds the pseudo header's sum, as the kernel leaves it. */
static void leave_checksum(uint8_t *frame, size_t field)
{
	uint8_t *ip = frame + ETH_LEN, *l4 = ip + IP_LEN_MIN;
	uint16_t sum = csum_fold_sum(
		csum_pseudo(ip + IP_SRC, ip + IP_DST, ip[IP_PROTO], load_be16(ip + IP_TOTAL_LEN) - IP_LEN_MIN));

	memcpy(l4 + field, &sum, 2);
}

static void a_checksum_left_to_us_is_completed(void **state)
{
	struct virtio_net_hdr vnet = gso(VIRTIO_NET_HDR_GSO_NONE, 0, UDP_LEN, UDP_CHECK);
	size_t len = make_udp(buffer, 5000, 6000, 333, 1);
	struct segmenter s;
	const uint8_t *l4;
	size_t n;

	(void)state;
	memcpy(original, buffer, len);
	leave_checksum(buffer, UDP_CHECK);
	assert_true(segment_begin(&s, buffer, len, &vnet));
	assert_int_equal(s.count, 1);
	l4 = segment_next(&s, &n);
	assert_int_equal(n, UDP_LEN + 333);
	assert_memory_equal(l4, original + ETH_LEN + IP_LEN_MIN, n);
}

/* A tunnel: the checksum belongs to a packet inside, and the outer one is 0 and stays so. */
static void a_checksum_inside_a_tunnel_is_completed(void **state)
{
	enum { INNER = ETH_LEN + IP_LEN_MIN + UDP_LEN + 8 };
	uint8_t inner[512];
	size_t inner_len = make_tcp(inner, &stream, 200, 3, 1), len = make_udp(buffer, 1, 4789, 8 + inner_len, 1);
	struct virtio_net_hdr vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				      .csum_start = INNER + ETH_LEN + IP_LEN_MIN,
				      .csum_offset = TCP_CHECK};
	struct segmenter s;

	(void)state;
	memcpy(buffer + INNER, inner, inner_len);
	memset(buffer + ETH_LEN + IP_LEN_MIN + UDP_CHECK, 0, 2);
	leave_checksum(buffer + INNER, TCP_CHECK);
	assert_true(segment_begin(&s, buffer, len, &vnet));
	assert_true(checksums_right(buffer + INNER));
	assert_int_equal(load_be16(buffer + ETH_LEN + IP_LEN_MIN + UDP_CHECK), 0);
}

static void tags_and_options_are_kept(void **state)
{
	uint8_t plain[256], frame[256];
	size_t len = make_tcp(plain, &stream, 50, 2, 3);
	struct virtio_net_hdr vnet = {0};
	struct segmenter s;

	(void)state;
	/* 802.1Q tag 100 and four bytes of IP options */
	memcpy(buffer, plain, 12);
	store_be16(buffer + 12, 0x8100);
	store_be16(buffer + 14, 100);
	memcpy(buffer + 16, plain + 12, 2 + IP_LEN_MIN);
	memset(buffer + 18 + IP_LEN_MIN, 1, 4);
	memcpy(buffer + 18 + IP_LEN_MIN + 4, plain + ETH_LEN + IP_LEN_MIN, len - ETH_LEN - IP_LEN_MIN);
	buffer[18] = 0x46;
	ip_finish(buffer + 18, 24, len - ETH_LEN + 4, PROTO_TCP);
	memcpy(original, buffer, len + 8);
	assert_true(segment_begin(&s, buffer, len + 8, &vnet));
	assert_int_equal(s.l2, 18);
	assert_int_equal(s.ip.header, 24);
	assert_int_equal(take(&s, frame), len + 8);
	assert_memory_equal(frame, original, len + 8);
}

static void frames_that_lie_are_refused(void **state)
{
	struct virtio_net_hdr tcp = gso(VIRTIO_NET_HDR_GSO_TCPV4, 1448, 20, TCP_CHECK), vnet;
	size_t len = make_tcp(buffer, &stream, 4000, 1, 1);
	struct segmenter s;

	(void)state;
	for (size_t n = 0; n < len; n++)
		assert_false(segment_begin(&s, buffer, n, &tcp));
	vnet = tcp;
	vnet.gso_size = 0;
	assert_false(segment_begin(&s, buffer, len, &vnet));
	vnet.gso_type = 77;
	assert_false(segment_begin(&s, buffer, len, &vnet));
	vnet = gso(VIRTIO_NET_HDR_GSO_UDP_L4, 1448, 8, UDP_CHECK);
	assert_false(segment_begin(&s, buffer, len, &vnet));
	vnet = gso(VIRTIO_NET_HDR_GSO_NONE, 0, 20, TCP_CHECK);
	vnet.csum_start = (uint16_t)(len - 17);
	assert_false(segment_begin(&s, buffer, len, &vnet));
	vnet.csum_start = ETH_LEN;
	assert_false(segment_begin(&s, buffer, len, &vnet));
	buffer[ETH_LEN + IP_LEN_MIN + TCP_DATA_OFFSET] = 0x40;
	assert_false(segment_begin(&s, buffer, len, &tcp));
	store_be16(buffer + ETH_TYPE, 0x86dd);
	assert_false(segment_begin(&s, buffer, len, &tcp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_is_cut_at_mss),
		cmocka_unit_test(udp_is_cut_into_datagrams),
		cmocka_unit_test(a_checksum_left_to_us_is_completed),
		cmocka_unit_test(a_checksum_inside_a_tunnel_is_completed),
		cmocka_unit_test(tags_and_options_are_kept),
		cmocka_unit_test(frames_that_lie_are_refused),
	};

	return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
