/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What should leave of a frame of the host, in plain words: read by what virtio, RFC 791 and RFC 9293 say, byte by
 * byte, with nothing of worker/packet but the names of fields.
 */
#ifndef TESTS_FUZZ_WORKER_OUT_REFERENCE_H
#define TESTS_FUZZ_WORKER_OUT_REFERENCE_H

#include "fuzz.h"
#include "packets.h"
#include "packet/host_frame.h"

/* What becomes of a frame, as long as nothing is used up. */
enum fate { FATE_MALFORMED, FATE_NO_SA, FATE_NO_POLICY, FATE_NESTED, FATE_TOO_BIG, FATE_FRAGMENT, FATE_SENT, FATES };

struct given {
	struct virtio_net_hdr vnet;
	uint8_t *bytes; /* as the host gave it */
	size_t len;
	bool urgent;
	bool ours;	/* a fragment of a datagram that is known; or the datagram, and all of it was given */
	uint32_t which; /* of the SAs that there are */
	enum fate fate;
	uint32_t place; /* in the order of its queue: what was given last of it */

	/* As read_given() has it. */
	bool sound, fragment, cuts;
	size_t l2, header, total, l4_header, piece;
	uint32_t count; /* of packets that leave */
	uint8_t proto;

	struct given *whole; /* of a first fragment: what its datagram is */
	uint32_t left;	     /* packets that have left */
};

/* ---- checksums, word by word ---- */

static inline uint64_t plain_sum(const uint8_t *p, size_t len, uint64_t sum)
{
	for (; len >= 2; p += 2, len -= 2)
		sum += load_be16(p);
	return len ? sum + ((uint64_t)*p << 8) : sum;
}

static inline uint16_t plain_fold(uint64_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Of L4 and what RFC 9293 section 3.1 puts in front of it. */
static inline uint64_t plain_l4_sum(const uint8_t *ip, uint8_t proto, const uint8_t *l4, size_t len)
{
	return plain_sum(l4, len, plain_sum(ip + IP_SRC, 8, proto + len));
}

static inline void plain_store(uint8_t *field, uint64_t sum)
{
	const uint16_t check = (uint16_t)~plain_fold(sum);

	store_be16(field, check ? check : 0xffff);
}

/* ---- reading ---- */

static inline size_t plain_l2(const uint8_t *frame, size_t len)
{
	for (size_t at = ETH_TYPE; at <= ETH_TYPE + 2 * VLAN_LEN && at + 2 <= len; at += VLAN_LEN) {
		const uint16_t type = load_be16(frame + at);

		if (type == ETH_IPV4)
			return at + 2;
		if (type != 0x8100 && type != 0x88a8)
			return 0;
	}
	return 0;
}

static inline bool read_ip(struct given *g)
{
	const uint8_t *ip = g->bytes + g->l2;
	const size_t room = g->len - g->l2;

	if (room < IP_LEN_MIN || ip[0] >> 4 != 4)
		return false;
	g->header = (ip[0] & 15) * 4u;
	g->total = load_be16(ip + IP_TOTAL_LEN);
	g->proto = ip[IP_PROTO];
	g->fragment = load_be16(ip + IP_FRAG) & 0x3fff;
	return g->header >= 20 && g->header <= g->total && g->total <= room;
}

/* A checksum that is left to the worker is one of bytes that are there. */
static inline bool read_single(struct given *g)
{
	const size_t field = (size_t)g->vnet.csum_start + g->vnet.csum_offset;

	g->count = 1;
	g->piece = g->total - g->header;
	return !(g->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) ||
	       (g->vnet.csum_start >= g->l2 + g->header && field + 2 <= g->l2 + g->total);
}

static inline bool read_super(struct given *g, bool tcp)
{
	const uint8_t *l4 = g->bytes + g->l2 + g->header;
	const size_t room = g->total - g->header, least = tcp ? TCP_LEN_MIN : UDP_LEN;

	if (room < least)
		return false;
	g->cuts = true;
	g->l4_header = tcp ? (l4[TCP_DATA_OFFSET] >> 4) * 4u : UDP_LEN;
	g->piece = g->vnet.gso_size;
	if (g->l4_header < least || g->l4_header > room || g->piece == 0)
		return false;
	g->count = (uint32_t)((room - g->l4_header + g->piece - 1) / g->piece);
	g->count += g->count == 0;
	return true;
}

static inline bool read_kind(struct given *g)
{
	switch (g->vnet.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return read_single(g);
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return g->proto == PROTO_TCP && read_super(g, true);
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return g->proto == PROTO_UDP && read_super(g, false);
	default:
		return false;
	}
}

static inline void read_given(struct given *g)
{
	g->l2 = plain_l2(g->bytes, g->len);
	g->count = 1;
	g->sound = g->l2 && read_ip(g) && read_kind(g);
	if (!g->sound)
		g->count = 1;
}

/* Bytes of L4 header and payload of the longest packet of it. */
static inline size_t longest_of(const struct given *g)
{
	const size_t payload = g->total - g->header - g->l4_header;

	return g->l4_header + (payload < g->piece ? payload : g->piece);
}

/* RFC 4303: SPI, number, IV; padding, its length, the next header; the ICV. */
static inline size_t plain_sealed(size_t l4)
{
	return 4 + 4 + 8 + (l4 + 2 + 3) / 4 * 4 + 16;
}

/* ---- what leaves ---- */

static inline void make_tcp_segment(const struct given *g, uint32_t index, uint8_t *l4)
{
	store_be32(l4 + TCP_SEQ, (uint32_t)(load_be32(l4 + TCP_SEQ) + index * g->piece));
	if (index + 1 < g->count)
		l4[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (index)
		l4[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
}

static inline size_t make_segment(const struct given *g, uint32_t index, uint8_t *to)
{
	const uint8_t *ip = g->bytes + g->l2, *l4 = ip + g->header;
	const size_t at = index * g->piece, all = g->total - g->header - g->l4_header;
	const size_t n = all - at < g->piece ? all - at : g->piece, len = g->l4_header + n;
	uint8_t *field = to + (g->proto == PROTO_TCP ? TCP_CHECK : UDP_CHECK);

	memcpy(to, l4, g->l4_header);
	memcpy(to + g->l4_header, l4 + g->l4_header + at, n);
	if (g->proto == PROTO_TCP)
		make_tcp_segment(g, index, to);
	else
		store_be16(to + UDP_LENGTH, (uint16_t)len);
	store_be16(field, 0);
	plain_store(field, plain_l4_sum(ip, g->proto, to, len));
	return len;
}

/* L4 header and payload of packet `index` of a frame that is sound, to where there is room for 64 KiB; their length. */
static inline size_t make_expected(const struct given *g, uint32_t index, uint8_t *to)
{
	const size_t len = g->total - g->header;

	if (g->cuts)
		return make_segment(g, index, to);
	memcpy(to, g->bytes + g->l2 + g->header, len);
	if (g->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		uint8_t *start = to + (g->vnet.csum_start - g->l2 - g->header);

		plain_store(start + g->vnet.csum_offset, plain_sum(start, (size_t)(to + len - start), 0));
	}
	return len;
}

/* ---- the MSS of a SYN (RFC 9293 section 3.1) ---- */

/* Where it is, 0: nowhere. */
static inline size_t mss_place(const uint8_t *l4, size_t len)
{
	size_t at = TCP_LEN_MIN, header;

	if (len < TCP_LEN_MIN || !(l4[TCP_FLAGS] & TCP_SYN))
		return 0;
	header = (l4[TCP_DATA_OFFSET] >> 4) * 4u;
	if (header > len)
		return 0;
	while (at + 4 <= header && l4[at] != 0) {
		if (l4[at] == 2)
			return l4[at + 1] == 4 ? at + 2 : 0;
		if (l4[at] != 1 && l4[at + 1] < 2)
			return 0;
		at += l4[at] == 1 ? 1 : l4[at + 1];
	}
	return 0;
}

/* The largest of which a segment fits, by trying. */
static inline size_t mss_of_path(size_t mtu)
{
	size_t mss = mtu;

	while (mss && IP_LEN_MIN + plain_sealed(TCP_LEN_MIN + mss) > mtu)
		mss--;
	return mss;
}

/* Lowered to that, where it is more; what the checksum says of the whole stays as true as it was. */
static inline void lower_mss(uint8_t *l4, size_t len, size_t most)
{
	const size_t at = mss_place(l4, len);
	uint64_t before, after;

	if (!at || !most || load_be16(l4 + at) <= most)
		return;
	before = plain_sum(l4, len, 0);
	store_be16(l4 + at, (uint16_t)most);
	store_be16(l4 + TCP_CHECK, 0);
	after = plain_sum(l4, len, 0);
	store_be16(l4 + TCP_CHECK, plain_fold(plain_fold(before) + (uint64_t)(0xffff - plain_fold(after))));
}

#endif
