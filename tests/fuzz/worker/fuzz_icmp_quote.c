/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BPF programs' own reading of a frame, and of a router's word on ESP in it. What must hold: nothing is read beyond
 * the frame; what is found is what stands there by the lengths that the packet itself gives.
 */
#include <string.h>

/* Loops are unrolled for the verifier alone. */
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include "bpf/icmp_quote.h"
#include "packet/checksum.h"
#include "fuzz.h"

static __u32 be32_at(const __u8 *p)
{
	return (__u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static __u32 be16_at(const __u8 *p)
{
	return p[0] << 8 | p[1];
}

/* Read once more, by offset. */
static void check_quote(const __u8 *frame, const struct packet *p, const struct icmp_quote *q)
{
	const __u8 *ip = frame + p->l3_offset, *icmp = ip + (ip[0] & 15) * 4, *quoted = icmp + 8;
	const __u8 *esp = quoted + (quoted[0] & 15) * 4;

	require(icmp[0] == 3 && icmp[1] == 4 && quoted[0] >> 4 == 4 && quoted[9] == 50);
	require(esp + 8 <= ip + be16_at(ip + 2));
	require(memcmp(&q->src, quoted + 12, 4) == 0 && memcmp(&q->dst, quoted + 16, 4) == 0);
	require(q->mtu == be16_at(icmp + 6) && q->total == be16_at(quoted + 2));
	require(q->spi == be32_at(esp) && q->seq == be32_at(esp + 4));
}

static void check_checksum(const struct cursor *c, const struct packet *p)
{
	bool right = p->l4_len <= ICMP_LEN_MAX && csum_fold(csum_partial(c->pos, p->l4_len, 0)) == 0;

	/* A message of nothing but zeros sums up to the other zero, and is none of ours anyway. */
	require(icmp_checksum_is_right(*c, p->l4_len) == right);
}

/* The same of what any error quotes. room: bytes of it that are there. */
static void check_about(const __u8 *quoted, size_t room, const struct packet *q)
{
	const size_t header = (quoted[0] & 15) * 4u;
	const bool later = be16_at(quoted + 6) & IPV4_OFFSET;

	require(memcmp(&q->src, quoted + 12, 4) == 0 && memcmp(&q->dst, quoted + 16, 4) == 0);
	require(q->proto == quoted[9] && q->first == !later);
	if (!selector_has_ports(q->proto)) {
		require(q->ports == PORTS_NONE);
		return;
	}
	require((q->ports == PORTS_KNOWN) == (!later && header >= 20 && room >= header + 4));
	if (q->ports == PORTS_KNOWN && q->proto != IPPROTO_ICMP)
		require(q->sport == be16_at(quoted + header) && q->dport == be16_at(quoted + header + 2));
}

static void read_error(const struct cursor *c, const struct packet *p)
{
	struct packet about = {0};
	const bool read = parse_icmp_about(*c, p->l4_len, &about);

	require(read == (p->l4_len >= 28));
	if (read)
		check_about((const __u8 *)c->pos + 8, p->l4_len - 8, &about);
}

static void read_frame(__u8 *frame, size_t size)
{
	struct cursor c = {.pos = frame, .end = frame + size, .frame_len = (__u32)size};
	struct packet p = {0};
	struct icmp_quote q;

	if (parse_frame(&c, &p) != PARSED_IPV4 || p.proto != IPPROTO_ICMP)
		return;
	require(c.pos == frame + p.l4_offset);
	read_error(&c, &p);
	if (!parse_icmp_quote(c, &p, &q))
		return;
	check_quote(frame, &p, &q);
	check_checksum(&c, &p);
}

/* A copy that ends where its memory does, so that one byte beyond is noticed; the IPv4 header is aligned, as drivers
 * do. */
static void run(const uint8_t *data, size_t size)
{
	__u8 *memory = malloc(2 + size);

	require(memory);
	memcpy(memory + 2, data, size);
	read_frame(memory + 2, size);
	free(memory);
}

static void put_ip(__u8 *ip, __u8 proto, size_t total)
{
	static const __u8 usual[20] = {0x45, 0, 0, 0, 0, 7, 0x40, 0, 64, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};

	memcpy(ip, usual, sizeof(usual));
	ip[2] = (__u8)(total >> 8);
	ip[3] = (__u8)total;
	ip[9] = proto;
}

/* A router's word on an ESP packet, or another, with so much of it quoted. */
static void seed_error(__u8 type, __u8 code, __u8 quoted_proto, size_t quoted)
{
	__u8 frame[200] = {[12] = 8}, *icmp = frame + 34;
	const size_t len = 8 + 20 + quoted;
	__u16 check;

	for (size_t i = 0; i < quoted; i++)
		icmp[28 + i] = (__u8)(i * 13 + 1);
	put_ip(frame + 14, IPPROTO_ICMP, 20 + len);
	icmp[0] = type;
	icmp[1] = code;
	icmp[6] = 1400 >> 8;
	put_ip(icmp + 8, quoted_proto, 120);
	check = csum_fold(csum_partial(icmp, len, 0));
	memcpy(icmp + 2, &check, sizeof(check));
	fuzz_seed(frame, 34 + len);
}

static void seeds(void)
{
	static const uint8_t protos[] = {IPPROTO_ESP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE};

	for (size_t i = 0; i < sizeof(protos); i++) {
		seed_error(3, 4, protos[i], 8);
		seed_error(11, 0, protos[i], 28);
	}
}

FUZZER(.name = "icmp_quote", .run = run, .seeds = seeds)
