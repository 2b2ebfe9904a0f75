/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of the host by what the input says of them: as the kernel would make them, virtio header and all, and then
 * with lies in single fields.
 */
#ifndef TESTS_FUZZ_WORKER_OUT_FRAMES_H
#define TESTS_FUZZ_WORKER_OUT_FRAMES_H

#include "out_scene.h"

#define LIES_MAX 3

static uint8_t frame[HOST_FRAME_MAX + 300];
static uint8_t contents[HOST_FRAME_MAX + GIVEN_MAX]; /* what is in packets, by the frame's number */

static void frames_open(void)
{
	uint64_t seed = 3;

	random_bytes(&seed, contents, sizeof(contents));
}

/* ---- a frame as it should be ---- */

/* Of an IP header with so many words of options: NOPs, one of which goes into each fragment, and one that does not. */
static void put_options(uint8_t *ip, size_t header)
{
	memset(ip + IP_LEN_MIN, 1, header - IP_LEN_MIN);
	if (header < IP_LEN_MIN + 8)
		return;
	memcpy(ip + IP_LEN_MIN, (const uint8_t[]){0x88, 4, 1, 2, 0x44, 4, 5, 0}, 8);
}

/* u8 SA, and 0x80: urgent, 0x40: addresses of another one; u8 shape: 2 bits tags, 4 options, DF, 1 unused; u8 TOS */
static uint8_t *put_headers(struct input *in, struct given *g, size_t *l2, size_t *header)
{
	const uint8_t who = input_u8(in), shape = input_u8(in);
	const struct tx_tag tag = tx_tag_of(slot_of(who % SAS), state_of(who % SAS)->generation);
	uint8_t *ip;

	g->which = who % SAS;
	g->urgent = who & 0x80;
	*l2 = ETH_LEN + (shape & 3) % 3 * VLAN_LEN;
	*header = IP_LEN_MIN + (shape >> 2 & 15) % 11 * 4;
	memset(frame, 2, 6);
	memcpy(frame + ETH_SRC, &tag, sizeof(tag));
	for (size_t at = ETH_TYPE; at < *l2; at += 2)
		store_be16(frame + at, at + 2 == *l2 ? ETH_IPV4 : at % 4 ? 7 : 0x8100);
	ip = frame + *l2;
	memset(ip, 0, IP_LEN_MIN);
	ip[0] = (uint8_t)(0x40 | *header / 4);
	ip[IP_TOS] = input_u8(in);
	ip[IP_TTL] = 64;
	store_be16(ip + IP_ID, (uint16_t)(given_count * 257));
	store_be16(ip + IP_FRAG, shape & 0x40 ? IP_DF : 0);
	memcpy(ip + IP_SRC, test_src, 4);
	memcpy(ip + IP_DST, who & 0x40 ? other_dst : dst_of(g->which), 4);
	put_options(ip, *header);
	return ip + *header;
}

/* u8 flags, u8 options: words, and 0x80: an MSS among them */
static size_t put_tcp(struct input *in, uint8_t *l4)
{
	const uint8_t flags = input_u8(in), options = input_u8(in);
	const size_t header = TCP_LEN_MIN + (options & 15) % 11 * 4;

	memset(l4, 0, TCP_LEN_MIN);
	memset(l4 + TCP_LEN_MIN, 1, header - TCP_LEN_MIN);
	store_be16(l4, 7);
	store_be16(l4 + 2, 80);
	store_be32(l4 + TCP_SEQ, 0xfffff000);
	l4[TCP_DATA_OFFSET] = (uint8_t)(header / 4 << 4);
	l4[TCP_FLAGS] = flags;
	/* At an odd place, too. */
	if (options & 0x80 && header >= TCP_LEN_MIN + 8)
		memcpy(l4 + TCP_LEN_MIN + (options >> 6 & 1), (const uint8_t[]){2, 4, 0x23, 0x29}, 4);
	return header;
}

/* What comes before the payload: as of that protocol, with `payload` bytes behind it. */
static size_t put_l4(struct input *in, uint8_t proto, uint8_t *l4, size_t payload)
{
	if (proto == PROTO_TCP)
		return put_tcp(in, l4);
	if (proto != PROTO_UDP)
		return 0;
	store_be16(l4, 5);
	store_be16(l4 + 2, 6);
	store_be16(l4 + UDP_LENGTH, (uint16_t)(UDP_LEN + payload));
	store_be16(l4 + UDP_CHECK, 0);
	return UDP_LEN;
}

/* A checksum that is made already; or its pseudo header's part, and the rest is left to the worker. */
static void put_checksum(struct given *g, uint8_t *ip, uint8_t *l4, size_t len, bool left)
{
	const uint8_t proto = ip[IP_PROTO];
	const size_t field = proto == PROTO_TCP ? TCP_CHECK : UDP_CHECK;
	uint64_t sum;

	if (proto != PROTO_TCP && proto != PROTO_UDP)
		return;
	sum = plain_l4_sum(ip, proto, l4, len);
	if (!left) {
		plain_store(l4 + field, sum);
		return;
	}
	store_be16(l4 + field, plain_fold(plain_l4_sum(ip, proto, l4, 0) + len));
	g->vnet.flags |= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	g->vnet.csum_start = (uint16_t)(l4 - frame);
	g->vnet.csum_offset = (uint16_t)field;
}

static uint8_t protocol(struct input *in)
{
	static const uint8_t usual[] = {PROTO_TCP, PROTO_UDP, PROTO_TCP, PROTO_UDP, PROTO_ICMP, PROTO_ESP, PROTO_GRE};
	const uint8_t which = input_u8(in);

	return which < sizeof(usual) ? usual[which] : which;
}

/* headers, u8 protocol, u16 payload, L4, u16 size of segments if there are to be some, 0x8000: the checksum is left */
static void build(struct input *in, struct given *g)
{
	size_t l2, header, l4_header, len;
	uint8_t *l4 = put_headers(in, g, &l2, &header), *ip = frame + l2;
	const uint8_t proto = protocol(in);
	size_t payload = input_u16(in);
	uint16_t gso;

	payload = payload < UINT16_MAX - IP_LEN_MAX - TCP_LEN_MAX ? payload : UINT16_MAX - IP_LEN_MAX - TCP_LEN_MAX;
	l4_header = put_l4(in, proto, l4, payload);
	memcpy(l4 + l4_header, contents + given_count, payload);
	len = l4_header + payload;
	store_be16(ip + IP_TOTAL_LEN, (uint16_t)(header + len));
	ip[IP_PROTO] = proto;
	store_be16(ip + IP_CHECK, (uint16_t)~plain_fold(plain_sum(ip, header, 0)));
	gso = input_u16(in);
	put_checksum(g, ip, l4, len, gso & 0x8000);
	gso &= 0x7fff;
	if (gso && l4_header) {
		g->vnet.gso_type = proto == PROTO_TCP ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_UDP_L4;
		g->vnet.gso_size = gso;
		g->vnet.hdr_len = (uint16_t)(l2 + header + l4_header);
	}
	g->bytes = frame;
	g->len = l2 + header + len;
}

/* ---- and with lies ---- */

enum lie {
	LIE_FLAGS,
	LIE_GSO_TYPE,
	LIE_GSO_SIZE,
	LIE_HDR_LEN,
	LIE_CSUM_START,
	LIE_CSUM_OFFSET,
	LIE_SHORTER,
	LIE_LONGER,
	LIE_GENERATION,
	LIE_TOTAL,
	LIE_IHL,
	LIE_FRAG,
	LIE_PROTO,
	LIE_TYPE,
	LIE_DATA_OFFSET,
	LIE_BYTE,
	LIES
};

static void lie_of_length(struct given *g, enum lie lie, uint16_t value)
{
	if (lie == LIE_SHORTER) {
		g->len = g->len > value ? g->len - value : 1;
		return;
	}
	value %= 256;
	memset(frame + g->len, 0xee, value);
	g->len = g->len + value < HOST_FRAME_MAX ? g->len + value : HOST_FRAME_MAX;
}

/* In what is there of the frame. */
static void lie_in_frame(const struct given *g, enum lie lie, uint16_t value)
{
	const size_t l2 = plain_l2(frame, g->len);
	uint8_t *ip = frame + l2;

	if (lie == LIE_GENERATION)
		frame[ETH_SRC + value % 3] ^= (uint8_t)(value >> 8);
	else if (lie == LIE_BYTE)
		frame[ETH_TYPE + value % 256] ^= (uint8_t)(value >> 8);
	else if (!l2)
		return;
	else if (lie == LIE_TYPE)
		store_be16(ip - 2, value);
	else if (lie == LIE_TOTAL)
		store_be16(ip + IP_TOTAL_LEN, value);
	else if (lie == LIE_IHL)
		ip[0] = (uint8_t)value;
	else if (lie == LIE_FRAG)
		store_be16(ip + IP_FRAG, value);
	else if (lie == LIE_PROTO)
		ip[IP_PROTO] = (uint8_t)value;
	else
		ip[(ip[0] & 15) * 4 + TCP_DATA_OFFSET] = (uint8_t)value;
}

/* u8 which, u16 value */
static void tell_lie(struct input *in, struct given *g)
{
	const enum lie lie = input_u8(in) % LIES;
	const uint16_t value = input_u16(in);

	switch (lie) {
	case LIE_FLAGS:
		g->vnet.flags = (uint8_t)value;
		break;
	case LIE_GSO_TYPE:
		g->vnet.gso_type = (uint8_t)value;
		break;
	case LIE_GSO_SIZE:
		g->vnet.gso_size = value;
		break;
	case LIE_HDR_LEN:
		g->vnet.hdr_len = value;
		break;
	case LIE_CSUM_START:
		g->vnet.csum_start = value;
		break;
	case LIE_CSUM_OFFSET:
		g->vnet.csum_offset = value;
		break;
	case LIE_SHORTER:
	case LIE_LONGER:
		lie_of_length(g, lie, value);
		break;
	default:
		lie_in_frame(g, lie, value);
	}
}

/* As build() reads it; u8 how many lies, each as tell_lie() reads it */
static void put_frame(struct input *in)
{
	struct given g = {0};
	uint8_t lies;

	build(in, &g);
	lies = input_u8(in) % (LIES_MAX + 1);
	while (lies--)
		tell_lie(in, &g);
	give(&g);
}

/* virtio header, u8 SA, part: frame behind its addresses */
static void put_raw(struct input *in)
{
	struct given g = {.bytes = frame};
	size_t len, got;
	uint8_t *rest;
	const uint8_t *vnet = input_bytes(in, sizeof(g.vnet), &got);
	struct tx_tag tag;

	if (got)
		memcpy(&g.vnet, vnet, got);
	g.which = input_u8(in) % SAS;
	tag = tx_tag_of(slot_of(g.which), state_of(g.which)->generation);
	rest = input_part(in, false, &len);
	memcpy(frame + ETH_SRC, &tag, sizeof(tag));
	if (len > HOST_FRAME_MAX - ETH_TYPE)
		len = HOST_FRAME_MAX - ETH_TYPE;
	if (len)
		memcpy(frame + ETH_TYPE, rest, len);
	free(rest);
	g.len = ETH_TYPE + len;
	give(&g);
}

#endif
