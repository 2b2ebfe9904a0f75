/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "in/coalesce.h"
#include "packets.h"
#include "packet/segment.h"

#define FRAMES	   2048
#define FRAME_SIZE 2048
#define WRITES	   512

/* What came out, flattened. */
struct written {
	struct virtio_net_hdr vnet;
	uint8_t *frame;
	size_t len;
	uint32_t packets;
};

static uint8_t area[FRAMES][FRAME_SIZE], pristine[FRAMES][FRAME_SIZE];
static size_t lengths[FRAMES];
static int released[FRAMES];
static uint32_t used;
static struct written writes[WRITES];
static uint32_t write_count;
static struct coalescer coalescer;

static void on_write(void *user, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n, uint32_t packets)
{
	struct written *w = &writes[write_count++];

	(void)user;
	assert_true(write_count <= WRITES);
	*w = (struct written){.vnet = *vnet, .packets = packets, .frame = malloc(70000)};
	for (int i = 1; i < n; i++) {
		memcpy(w->frame + w->len, pieces[i].iov_base, pieces[i].iov_len);
		w->len += pieces[i].iov_len;
	}
}

static void on_release(void *user, uint64_t addr)
{
	(void)user;
	released[addr]++;
}

static int reset(void **state)
{
	const struct coalesce_sink sink = {.write = on_write, .release = on_release};

	(void)state;
	while (write_count)
		free(writes[--write_count].frame);
	used = 0;
	memset(released, 0, sizeof(released));
	coalesce_init(&coalescer, &sink, true);
	return 0;
}

static void add(size_t len)
{
	struct coalesce_packet p = {.frame = area[used], .l2 = ETH_LEN, .addr = used};

	assert_true(ip_parse(&p.ip, area[used] + ETH_LEN, len - ETH_LEN));
	memcpy(pristine[used], area[used], len);
	lengths[used++] = len;
	coalesce_add(&coalescer, &p);
}

static void add_tcp(struct tcp_spec *t, size_t payload)
{
	add(make_tcp(area[used], t, payload, used, (uint16_t)used));
	t->seq += (uint32_t)payload;
}

static void finish(void)
{
	coalesce_flush(&coalescer);
	for (uint32_t i = 0; i < used; i++)
		assert_int_equal(released[i], 1);
}

/* Segments write w again and compares with the packets from `from` on: the host must see what was sent. */
static void check_same_packets(const struct written *w, uint32_t from)
{
	static uint8_t copy[HOST_FRAME_MAX + HOST_TAIL];
	uint8_t frame[FRAME_SIZE];
	struct segmenter s;

	memcpy(copy, w->frame, w->len);
	assert_true(segment_begin(&s, copy, w->len, &w->vnet));
	assert_int_equal(s.count, w->packets);
	for (uint32_t i = 0; i < s.count; i++) {
		uint32_t index = s.next;
		size_t len;
		uint8_t *l4 = segment_next(&s, &len);

		segment_headers(&s, index, frame);
		memcpy(frame + ETH_LEN + IP_LEN_MIN, l4, len);
		ip_finish(frame + ETH_LEN, IP_LEN_MIN, IP_LEN_MIN + len, s.proto);
		store_be16(frame + ETH_LEN + IP_ID, load_be16(pristine[from + i] + ETH_LEN + IP_ID));
		ip_finish(frame + ETH_LEN, IP_LEN_MIN, IP_LEN_MIN + len, s.proto);
		assert_int_equal(ETH_LEN + IP_LEN_MIN + len, lengths[from + i]);
		assert_memory_equal(frame, pristine[from + i], lengths[from + i]);
	}
}

static struct tcp_spec stream(void)
{
	return (struct tcp_spec){
		.sport = 40000, .dport = 179, .seq = 0xfffffff0, .ack = 5, .flags = TCP_ACK_FLAG, .options = 12};
}

static void a_tcp_stream_becomes_one(void **state)
{
	struct tcp_spec t = stream();

	(void)state;
	for (int i = 0; i < 10; i++)
		add_tcp(&t, 1400);
	t.flags |= TCP_PSH;
	add_tcp(&t, 700);
	finish();
	assert_int_equal(write_count, 1);
	assert_int_equal(writes[0].packets, 11);
	assert_int_equal(writes[0].vnet.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(writes[0].vnet.gso_size, 1400);
	assert_int_equal(csum_ipv4_header(writes[0].frame + ETH_LEN, IP_LEN_MIN), 0);
	check_same_packets(&writes[0], 0);
}

static void udp_datagrams_become_one(void **state)
{
	(void)state;
	for (int i = 0; i < 70; i++)
		add(make_udp(area[used], 5000, 6000, 500, used));
	add(make_udp(area[used], 5000, 6000, 20, used));
	add(make_udp(area[used], 5000, 6000, 500, used));
	finish();
	assert_int_equal(write_count, 3);
	assert_int_equal(writes[0].packets, COALESCE_SEGMENTS_MAX);
	assert_int_equal(writes[1].packets, 8);
	assert_int_equal(writes[2].packets, 1);
	assert_int_equal(writes[0].vnet.gso_type, VIRTIO_NET_HDR_GSO_UDP_L4);
	check_same_packets(&writes[0], 0);
	check_same_packets(&writes[1], 63);
}

static void udp_stays_apart_when_the_host_cannot(void **state)
{
	(void)state;
	coalescer.udp = false;
	for (int i = 0; i < 5; i++)
		add(make_udp(area[used], 5000, 6000, 500, used));
	finish();
	assert_int_equal(write_count, 5);
}

/* Each change ends a super-packet; the packets arrive in order and as they were. */
static void what_differs_is_not_merged(void **state)
{
	enum { ACK, OPTIONS, GAP, AGAIN, LARGER, TTL, TOS, DF, URG, WINDOW, RESERVED, CASES };

	(void)state;
	for (int c = 0; c < CASES; c++) {
		struct tcp_spec t = stream();

		reset(state);
		add_tcp(&t, 1000);
		add_tcp(&t, 1000);
		t.ack += c == ACK;
		t.options = c == OPTIONS ? 8 : 12;
		t.seq += c == GAP ? 1 : c == AGAIN ? (uint32_t)-1000 : 0;
		t.flags |= c == URG ? 0x20 : 0;
		make_tcp(area[used], &t, c == LARGER ? 1001 : 1000, used, 1);
		area[used][ETH_LEN + IP_TTL] -= c == TTL;
		area[used][ETH_LEN + IP_TOS] = c == TOS ? 3 : 0;
		area[used][ETH_LEN + IP_FRAG] = c == DF ? 0 : 0x40;
		area[used][ETH_LEN + IP_LEN_MIN + TCP_WINDOW] = c == WINDOW;
		area[used][ETH_LEN + IP_LEN_MIN + TCP_DATA_OFFSET] |= c == RESERVED;
		finish_l4(area[used], TCP_CHECK, load_be16(area[used] + ETH_LEN + IP_TOTAL_LEN) - IP_LEN_MIN);
		add(ETH_LEN + load_be16(area[used] + ETH_LEN + IP_TOTAL_LEN));
		finish();
		assert_int_equal(write_count, 2);
		assert_int_equal(writes[0].packets, 2);
		assert_memory_equal(writes[1].frame, pristine[2], lengths[2]);
	}
}

static void a_wrong_checksum_goes_alone_and_unvouched(void **state)
{
	struct tcp_spec t = stream();

	(void)state;
	add_tcp(&t, 1000);
	make_tcp(area[used], &t, 1000, used, 1);
	area[used][ETH_LEN + IP_LEN_MIN + 100] ^= 1;
	add(ETH_LEN + IP_LEN_MIN + 32 + 1000);
	t.seq += 1000;
	add_tcp(&t, 1000);
	make_udp(area[used], 1, 2, 100, 1);
	area[used][ETH_LEN + IP_LEN_MIN + 20] ^= 0x80;
	add(ETH_LEN + IP_LEN_MIN + UDP_LEN + 100);
	finish();
	assert_int_equal(write_count, 4);
	assert_int_equal(writes[0].vnet.flags, VIRTIO_NET_HDR_F_DATA_VALID);
	assert_int_equal(writes[1].vnet.flags, 0);
	assert_memory_equal(writes[1].frame, pristine[1], lengths[1]);
	for (int i = 2; i < 4; i++) {
		bool bad = memcmp(writes[i].frame, pristine[3], lengths[3]) == 0;

		assert_int_equal(writes[i].vnet.flags, bad ? 0 : VIRTIO_NET_HDR_F_DATA_VALID);
	}
}

static void a_udp_checksum_of_none_stays_none(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		size_t len = make_udp(area[used], 5000, 6000, 500, used);

		memset(area[used] + ETH_LEN + IP_LEN_MIN + UDP_CHECK, 0, 2);
		add(len);
	}
	finish();
	assert_int_equal(write_count, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(writes[i].vnet.flags, 0);
		assert_memory_equal(writes[i].frame, pristine[i], lengths[i]);
	}
}

/* A FIN or a bare ACK never overtakes the data before it. */
static void order_within_a_flow_is_kept(void **state)
{
	struct tcp_spec t = stream();

	(void)state;
	add_tcp(&t, 1000);
	add_tcp(&t, 1000);
	t.flags |= TCP_FIN;
	add_tcp(&t, 0);
	finish();
	assert_int_equal(write_count, 2);
	assert_int_equal(writes[0].packets, 2);
	assert_memory_equal(writes[1].frame, pristine[2], lengths[2]);
}

static void interleaved_flows_are_merged_each(void **state)
{
	struct tcp_spec t[COALESCE_FLOWS + 3];

	(void)state;
	for (int f = 0; f < COALESCE_FLOWS; f++) {
		t[f] = stream();
		t[f].sport = (uint16_t)(1000 + f);
	}
	for (int i = 0; i < 10; i++)
		for (int f = 0; f < COALESCE_FLOWS; f++)
			add_tcp(&t[f], 1000);
	finish();
	assert_int_equal(write_count, COALESCE_FLOWS);
	/* With more flows than there is room for, nothing is lost, and each flow stays in order. */
	reset(state);
	for (int f = 0; f < COALESCE_FLOWS + 3; f++) {
		t[f] = stream();
		t[f].sport = (uint16_t)(1000 + f);
	}
	for (int i = 0; i < 5; i++)
		for (int f = 0; f < COALESCE_FLOWS + 3; f++)
			add_tcp(&t[f], 1000);
	finish();
	uint32_t next[COALESCE_FLOWS + 3], total = 0;
	for (int f = 0; f < COALESCE_FLOWS + 3; f++)
		next[f] = stream().seq;
	for (uint32_t i = 0; i < write_count; i++) {
		const uint8_t *l4 = writes[i].frame + ETH_LEN + IP_LEN_MIN;
		int f = load_be16(l4) - 1000;

		assert_int_equal(load_be32(l4 + TCP_SEQ), next[f]);
		next[f] += writes[i].packets * 1000;
		total += writes[i].packets;
	}
	assert_int_equal(total, used);
}

static void a_super_packet_ends_at_64_kib(void **state)
{
	struct tcp_spec t = stream();

	(void)state;
	for (int i = 0; i < 50; i++)
		add_tcp(&t, 1448);
	finish();
	assert_int_equal(write_count, 2);
	assert_true(writes[0].len <= ETH_LEN + 65535);
	assert_int_equal(writes[0].packets + writes[1].packets, 50);
	check_same_packets(&writes[0], 0);
	check_same_packets(&writes[1], writes[0].packets);
}

/* Hostile insides of an authentic packet: lengths that lie, every truncation. */
static void a_super_packet_grows_through_one_more_turn(void **state)
{
	struct tcp_spec pushed = stream(), t = stream();

	(void)state;
	t.sport++;
	add_tcp(&t, 1000);
	pushed.flags |= TCP_PSH;
	add_tcp(&pushed, 1000);
	coalesce_hold(&coalescer);
	/* What nothing may follow does not wait. */
	assert_int_equal(write_count, 1);
	assert_int_equal(writes[0].packets, 1);
	add_tcp(&t, 1000);
	coalesce_hold(&coalescer);
	assert_int_equal(write_count, 2);
	assert_int_equal(writes[1].packets, 2);
	/* The next one of the flow begins anew, and may wait as long. */
	add_tcp(&t, 1000);
	coalesce_hold(&coalescer);
	assert_int_equal(write_count, 2);
	coalesce_hold(&coalescer);
	assert_int_equal(write_count, 3);
	finish();
}

static void nonsense_goes_through_as_it_is(void **state)
{
	struct tcp_spec t = stream();

	(void)state;
	for (size_t l4 = 0; l4 < 40; l4++) {
		make_tcp(area[used], &t, 100, 1, 1);
		ip_finish(area[used] + ETH_LEN, IP_LEN_MIN, IP_LEN_MIN + l4, l4 & 1 ? PROTO_TCP : PROTO_UDP);
		add(ETH_LEN + IP_LEN_MIN + l4);
	}
	for (int offset = 0; offset < 16; offset++) {
		make_tcp(area[used], &t, 10, 1, 1);
		area[used][ETH_LEN + IP_LEN_MIN + TCP_DATA_OFFSET] = (uint8_t)(offset << 4);
		add(ETH_LEN + IP_LEN_MIN + 32 + 10);
	}
	finish();
	assert_int_equal(write_count, used);
	for (uint32_t i = 0; i < write_count; i++)
		assert_memory_equal(writes[i].frame, pristine[i], lengths[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_tcp_stream_becomes_one, reset),
		cmocka_unit_test_setup(udp_datagrams_become_one, reset),
		cmocka_unit_test_setup(udp_stays_apart_when_the_host_cannot, reset),
		cmocka_unit_test_setup(what_differs_is_not_merged, reset),
		cmocka_unit_test_setup(a_wrong_checksum_goes_alone_and_unvouched, reset),
		cmocka_unit_test_setup(a_udp_checksum_of_none_stays_none, reset),
		cmocka_unit_test_setup(order_within_a_flow_is_kept, reset),
		cmocka_unit_test_setup(interleaved_flows_are_merged_each, reset),
		cmocka_unit_test_setup(a_super_packet_ends_at_64_kib, reset),
		cmocka_unit_test_setup(a_super_packet_grows_through_one_more_turn, reset),
		cmocka_unit_test_setup(nonsense_goes_through_as_it_is, reset),
	};

	return cmocka_run_group_tests_name("coalesce", tests, NULL, NULL);
}
