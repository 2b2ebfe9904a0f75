/* SPDX-License-Identifier: BSD-2-Clause */
#include "path_mtu.h"

#define ICMP_LEN	 8
#define ICMP_UNREACHABLE 3
#define ICMP_FRAG_NEEDED 4
/* Quoted: the IP header and enough of L4 for TCP to recognise its segment (RFC 1812 4.3.2.3 wants as much as possible,
 * RFC 792 8 bytes). */
#define QUOTE_L4  64
#define REPLY_TTL 64

/* RFC 792: type, code, checksum, unused, next-hop MTU, then the quoted packet. */
static void write_icmp(uint8_t *icmp, size_t len, size_t mtu)
{
	uint16_t check;

	icmp[0] = ICMP_UNREACHABLE;
	icmp[1] = ICMP_FRAG_NEEDED;
	memset(icmp + 2, 0, 4);
	store_be16(icmp + 6, (uint16_t)mtu);
	check = csum_fold(csum_partial(icmp, len, 0));
	memcpy(icmp + 2, &check, sizeof(check));
}

static void write_ip(uint8_t *ip, const uint8_t *quoted, size_t total)
{
	memset(ip, 0, IP_LEN_MIN);
	ip[0] = 0x45;
	ip[IP_TTL] = REPLY_TTL;
	memcpy(ip + IP_SRC, quoted + IP_DST, 4);
	memcpy(ip + IP_DST, quoted + IP_SRC, 4);
	ip_finish(ip, IP_LEN_MIN, total, PROTO_ICMP);
}

void path_mtu_tell_host(struct port_queue *p, const struct segmenter *s, size_t mtu)
{
	const struct virtio_net_hdr vnet = {0};
	uint8_t reply[ETH_LEN_MAX + IP_LEN_MIN + ICMP_LEN + IP_LEN_MAX + QUOTE_L4];
	uint8_t *ip = reply + s->l2, *icmp = ip + IP_LEN_MIN;
	size_t l4 = s->ip.total - s->ip.header, quote = s->ip.header + (l4 < QUOTE_L4 ? l4 : QUOTE_L4);
	struct iovec pieces[2] = {[1] = {reply, s->l2 + IP_LEN_MIN + ICMP_LEN + quote}};

	if (!(load_be16(s->ip.ip + IP_FRAG) & IP_DF))
		return;
	memcpy(reply, s->frame, s->l2);
	memcpy(reply, p->shared->mac, 6);
	memcpy(reply + ETH_SRC, s->frame, 6);
	store_be16(ip - 2, HOST_TAG_ETHERTYPE);
	memcpy(icmp + ICMP_LEN, s->ip.ip, quote);
	write_icmp(icmp, ICMP_LEN + quote, mtu);
	write_ip(ip, s->ip.ip, IP_LEN_MIN + ICMP_LEN + quote);
	host_write(&p->host, &vnet, pieces, 2);
}
