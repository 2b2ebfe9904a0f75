/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a router says of ESP that was too big for its next link, read without any map, so that it also compiles for a
 * fuzzer (RFC 792, RFC 1191 section 4):
 *
 *   | type 3 | code 4 |    checksum    |     unused     |  next-hop MTU  |
 *   | the IPv4 header of the packet, with its options ...               |
 *   | SPI                              | sequence number                |  the 8 bytes that RFC 792 asks for
 */
#ifndef BPF_ICMP_QUOTE_H
#define BPF_ICMP_QUOTE_H

#include "parse.h"

#define ICMP_UNREACHABLE 3
#define ICMP_FRAG_NEEDED 4

/* RFC 1812 section 4.3.2.3 has a message end at 576 bytes; some routers quote a whole packet of Ethernet. */
#define ICMP_LEN_MAX 1500

#define CHECKSUM_BLOCK 32

struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 unused;
	__be16 mtu;
};

struct icmp_quote {
	__u32 src; /* of the packet that was too big; network byte order */
	__u32 dst;
	__u32 spi;
	__u32 seq;
	__u16 total; /* its length */
	__u16 mtu;   /* that would have fit, as the router has it; 0 if it does not tell */
};

/* Reads the quoted packet's IP header at the cursor, and leaves the cursor behind it. room: bytes of ICMP that are
 * left. False: the quote is not of ESP's first bytes. */
static __always_inline bool parse_quoted_ip(struct cursor *c, __u32 room, struct icmp_quote *q)
{
	struct iphdr *ip = cursor_take(c, sizeof(*ip));
	__u32 header;

	if (!ip)
		return false;
	header = ip->ihl * 4;
	if (ip->version != 4 || header < sizeof(*ip) || room < header + 2 * sizeof(__be32) ||
	    ip->protocol != IPPROTO_ESP || (ip->frag_off & bpf_htons(IPV4_OFFSET)))
		return false;
	q->src = ip->saddr;
	q->dst = ip->daddr;
	q->total = bpf_ntohs(ip->tot_len);
	c->pos = (void *)ip + header;
	return true;
}

/*
 * Reads what an ICMP packet p quotes; the cursor is behind p's IPv4 header. False: it is anything but "fragmentation
 * needed" about ESP. The checksum is not looked at.
 */
static __always_inline bool parse_icmp_quote(struct cursor c, const struct packet *p, struct icmp_quote *q)
{
	struct icmp_header *icmp = cursor_take(&c, sizeof(*icmp));
	__be32 *esp;

	if (!icmp || p->fragment || p->l4_len < sizeof(*icmp) || icmp->type != ICMP_UNREACHABLE ||
	    icmp->code != ICMP_FRAG_NEEDED || !parse_quoted_ip(&c, p->l4_len - sizeof(*icmp), q))
		return false;
	esp = cursor_take(&c, 2 * sizeof(*esp));
	if (!esp)
		return false;
	q->spi = bpf_ntohl(esp[0]);
	q->seq = bpf_ntohl(esp[1]);
	q->mtu = bpf_ntohs(icmp->mtu);
	return true;
}

/* ---- errors of any kind, about any packet ---- */

/* IPv4 with all its options, ICMP, IPv4 with all its options, ports. */
#define ICMP_QUOTE_MAX (sizeof(struct icmp_header) + 60 + sizeof(struct port_pair))

/*
 * Whether the packet is an ICMP error that the kernel acts upon by what it quotes (RFC 792): unreachable, source
 * quench, redirect, time exceeded, parameter problem. A type that cannot be read may be one of these.
 */
static __always_inline bool icmp_is_error(const struct packet *p)
{
	const __u8 type = p->sport >> 8;

	if (p->proto != IPPROTO_ICMP || !shows_ports(p))
		return false;
	return p->ports != PORTS_KNOWN || type == ICMP_UNREACHABLE || type == 4 || type == 5 || type == 11 ||
	       type == 12;
}

/*
 * q: addresses, protocol and ports of the packet that an error quotes, len bytes of ICMP at the cursor. The ports are
 * unknown where the quote does not reach to them or is of a later fragment, which the kernel does not care for. False:
 * the quote has no whole IP header.
 */
static __always_inline bool parse_icmp_about(struct cursor c, __u32 len, struct packet *q)
{
	const __u32 before = sizeof(struct icmp_header);
	struct iphdr *ip;
	__u32 header;

	if (len < before + sizeof(*ip) || !cursor_take(&c, before))
		return false;
	ip = cursor_take(&c, sizeof(*ip));
	if (!ip)
		return false;
	header = ip->ihl * 4;
	q->src = ip->saddr;
	q->dst = ip->daddr;
	q->proto = ip->protocol;
	q->first = !(ip->frag_off & bpf_htons(IPV4_OFFSET));
	q->l4_len = header >= sizeof(*ip) && len > before + header ? len - before - header : 0;
	c.pos = (void *)ip + header;
	parse_ports(c, q);
	return true;
}

/* Adds what is behind the blocks of a message, `at` bytes on from the cursor: `len` bytes, fewer than a block has. */
static __always_inline bool add_rest(struct cursor c, __u32 at, __u32 len, __u64 *sum)
{
	const __u8 *last;

	if (!cursor_take(&c, at))
		return false;
	for (__u32 i = 0; i < CHECKSUM_BLOCK / 2 && len >= 2; i++, len -= 2) {
		const __be16 *word = cursor_take(&c, sizeof(*word));

		if (!word)
			return false;
		*sum += *word;
	}
	if (!len)
		return true;
	last = cursor_take(&c, 1);
	if (last)
		*sum += bpf_htons(*last << 8);
	return last;
}

static __always_inline bool add_block(struct cursor *c, __u64 *sum)
{
	const __u32 *words = cursor_take(c, CHECKSUM_BLOCK);

	if (!words)
		return false;
#pragma unroll
	for (__u32 i = 0; i < CHECKSUM_BLOCK / sizeof(*words); i++)
		*sum += words[i];
	return true;
}

/*
 * Whether the checksum over a whole message, len bytes at the cursor, is right. By RFC 1071 neither the order of bytes
 * in the words matters, nor that of the words, nor how many are added at once: so the verifier has few steps to go, and
 * the blocks, which it sees one by one, come last.
 */
static __always_inline bool icmp_checksum_is_right(struct cursor c, __u32 len)
{
	const __u32 blocks = len / CHECKSUM_BLOCK;
	__u64 sum = 0;

	if (blocks > ICMP_LEN_MAX / CHECKSUM_BLOCK || !add_rest(c, blocks * CHECKSUM_BLOCK, len % CHECKSUM_BLOCK, &sum))
		return false;
	for (__u32 i = 0; i < ICMP_LEN_MAX / CHECKSUM_BLOCK && i < blocks; i++)
		if (!add_block(&c, &sum))
			return false;
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

#endif
