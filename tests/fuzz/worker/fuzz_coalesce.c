/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What came out of ESP, merged for the host: any packets, in any order. What must hold: cut again by the segmenter, the
 * super-packets are the packets that went in, byte for byte but for the ID, each once, and in the order of their flow.
 *
 *   packet: u8 what, u8 flow, u8 flags, u8 header, u16 payload
 */
#include "in/coalesce.h"
#include "fuzz.h"
#include "packet/segment.h"
#include "packets.h"

#define PACKETS_MAX 96
#define FRAME_MAX   1600

enum { IS_UDP = 1, ELSEWHERE = 2, WRONG_CHECK = 4, TAKEN_RAW = 8, HOLD = 16, NO_CHECK = 32 };

static uint8_t frames[PACKETS_MAX][FRAME_MAX], pristine[PACKETS_MAX][FRAME_MAX];
static size_t lengths[PACKETS_MAX];
static unsigned came[PACKETS_MAX], released[PACKETS_MAX];
static unsigned count;
static struct coalescer coalescer;

/* ---- what comes out ---- */

static uint32_t flow_of(const uint8_t *frame)
{
	return (uint32_t)frame[ETH_LEN + IP_PROTO] << 16 | frame[ETH_LEN + IP_LEN_MIN + 3];
}

static bool same_but_id(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t x[FRAME_MAX], y[FRAME_MAX];

	memcpy(x, a, len);
	memcpy(y, b, len);
	for (size_t i = 0; i < 2; i++)
		x[ETH_LEN + IP_ID + i] = y[ETH_LEN + IP_ID + i] = x[ETH_LEN + IP_CHECK + i] =
			y[ETH_LEN + IP_CHECK + i] = 0;
	return memcmp(x, y, len) == 0;
}

/* The first of its flow that has not come yet. */
static void match(const uint8_t *frame, size_t len)
{
	unsigned i = 0;

	while (i < count && (came[i] || flow_of(pristine[i]) != flow_of(frame)))
		i++;
	require(i < count && lengths[i] == len && same_but_id(frame, pristine[i], len));
	came[i]++;
}

static void match_segments(uint8_t *whole, size_t len, const struct virtio_net_hdr *vnet, uint32_t packets)
{
	struct segmenter s;

	require(segment_begin(&s, whole, len, vnet) && s.count == packets);
	for (uint32_t i = 0; i < packets; i++) {
		uint8_t frame[FRAME_MAX], *l4;
		size_t n;

		l4 = segment_next(&s, &n);
		require(s.l2 + s.ip.header + n <= sizeof(frame));
		segment_headers(&s, i, frame);
		memcpy(frame + s.l2 + s.ip.header, l4, n);
		ip_finish(frame + s.l2, s.ip.header, s.ip.header + n, s.proto);
		match(frame, s.l2 + s.ip.header + n);
	}
}

static void on_write(void *user, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n, uint32_t packets)
{
	static uint8_t whole[HOST_FRAME_MAX + HOST_TAIL];
	size_t len = 0;

	(void)user;
	require(packets >= 1 && packets <= COALESCE_SEGMENTS_MAX && n == (int)packets + 1);
	for (int i = 1; i < n; i++) {
		require(len + pieces[i].iov_len <= HOST_FRAME_MAX);
		memcpy(whole + len, pieces[i].iov_base, pieces[i].iov_len);
		len += pieces[i].iov_len;
	}
	if (packets == 1)
		match(whole, len);
	else
		match_segments(whole, len, vnet, packets);
}

static void on_release(void *user, uint64_t addr)
{
	(void)user;
	require(came[addr] == 1);
	released[addr]++;
}

/* ---- what goes in ---- */

static uint32_t next_seq[4];

static size_t make(struct input *in, uint8_t what, uint8_t *frame)
{
	const uint8_t flow = input_u8(in), flags = input_u8(in), header = input_u8(in);
	const size_t payload = input_u16(in) % 1401;
	struct tcp_spec t = {
		.sport = 1,
		.dport = flow & 3,
		.seq = next_seq[flow & 3] + (flow >> 6),
		.ack = flow >> 4 & 3,
		.flags = flags,
		.options = (uint8_t)((header & 3) * 4),
	};
	size_t len;

	if (what & IS_UDP)
		len = make_udp(frame, 1, flow & 3, payload, flow);
	else
		len = make_tcp(frame, &t, payload, flow, flow);
	next_seq[flow & 3] += (uint32_t)payload;
	if (what & ELSEWHERE) {
		frame[ETH_LEN + IP_TTL] = header;
		frame[ETH_LEN + IP_TOS] = flags;
		ip_finish(frame + ETH_LEN, IP_LEN_MIN, len - ETH_LEN, frame[ETH_LEN + IP_PROTO]);
	}
	return len;
}

static void spoil(struct input *in, uint8_t what, uint8_t *frame, size_t len)
{
	const uint16_t at = what & TAKEN_RAW ? input_u16(in) : 0;

	if (what & WRONG_CHECK)
		frame[len - 1] ^= 0x55;
	if (what & NO_CHECK)
		memset(frame + ETH_LEN + IP_LEN_MIN + UDP_CHECK, 0, 2);
	/* Of the L4 header, so that it stays of its flow. */
	if (what & TAKEN_RAW)
		frame[ETH_LEN + IP_LEN_MIN + 4 + at % 16 % (len - ETH_LEN - IP_LEN_MIN - 4)] ^= (uint8_t)(at >> 8 | 1);
}

static void add(struct input *in)
{
	struct coalesce_packet p = {.frame = frames[count], .l2 = ETH_LEN, .addr = count};
	const uint8_t what = input_u8(in);
	const size_t len = make(in, what, frames[count]);

	spoil(in, what, frames[count], len);
	require(ip_parse(&p.ip, frames[count] + ETH_LEN, len - ETH_LEN));
	memcpy(pristine[count], frames[count], len);
	lengths[count] = len;
	came[count] = released[count] = 0;
	count++;
	coalesce_add(&coalescer, &p);
	if (what & HOLD)
		coalesce_hold(&coalescer);
}

static void run(const uint8_t *data, size_t size)
{
	const struct coalesce_sink sink = {.write = on_write, .release = on_release};
	struct input in = input_of(data, size);

	count = 0;
	memset(next_seq, 0, sizeof(next_seq));
	coalesce_init(&coalescer, &sink, size % 4 != 3);
	while (in.left && count < PACKETS_MAX)
		add(&in);
	coalesce_flush(&coalescer);
	for (unsigned i = 0; i < count; i++)
		require(came[i] == 1 && released[i] == 1);
}

static void seed_flow(unsigned what, unsigned flags, unsigned packets, unsigned payload)
{
	struct seed s = {0};

	for (unsigned i = 0; i < packets; i++) {
		seed_u8(&s, what);
		seed_u8(&s, i % 7 == 6 ? 1 : 0);
		seed_u8(&s, flags);
		seed_u8(&s, 0);
		seed_u16(&s, i + 1 == packets ? payload / 2 : payload);
	}
	fuzz_seed(s.data, s.size);
}

static void seeds(void)
{
	seed_flow(0, TCP_ACK_FLAG, 20, 1400);
	seed_flow(0, TCP_ACK_FLAG, 70, 900);
	seed_flow(0, TCP_ACK_FLAG | TCP_PSH, 4, 900);
	seed_flow(0, TCP_SYN, 2, 0);
	seed_flow(IS_UDP, 0, 80, 100);
	seed_flow(IS_UDP | HOLD, 0, 5, 100);
	seed_flow(IS_UDP | NO_CHECK, 0, 5, 100);
	seed_flow(WRONG_CHECK, TCP_ACK_FLAG, 5, 100);
	seed_flow(ELSEWHERE, TCP_ACK_FLAG, 5, 100);
	seed_flow(TAKEN_RAW, TCP_ACK_FLAG, 5, 100);
}

FUZZER(.name = "coalesce", .run = run, .seeds = seeds)
