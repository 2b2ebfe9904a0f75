/* SPDX-License-Identifier: BSD-2-Clause */
#include "gre.h"

#define GRE_PROTOCOL 2

/* RFC 6040 section 4.2: congestion met outside is told inside, if the packet can tell it; else the packet is lost. */
static bool take_congestion(const uint8_t *outer, const struct ip_view *inner)
{
	if ((outer[IP_TOS] & IP_ECN) != IP_ECN_CE)
		return true;
	if ((inner->ip[IP_TOS] & IP_ECN) == 0)
		return false;
	inner->ip[IP_TOS] |= IP_ECN_CE;
	ip_finish(inner->ip, inner->header, inner->total, inner->ip[IP_PROTO]);
	return true;
}

/* The kernel takes one 802.1Q tag off before the tag in the header is looked for: a second would hide it. */
bool gre_take_out(struct gre_packet *p, uint8_t *gre, size_t len, const struct tx_tag *tag)
{
	struct ip_view inner;

	if (p->l2 > ETH_LEN + VLAN_LEN || len < GRE_LEN || load_be16(gre) != 0 ||
	    load_be16(gre + GRE_PROTOCOL) != ETH_IPV4 || !ip_parse(&inner, gre + GRE_LEN, len - GRE_LEN) ||
	    csum_ipv4_header(inner.ip, inner.header) != 0 || !take_congestion(p->ip.ip, &inner))
		return false;
	memmove(inner.ip - p->l2, p->frame, p->l2);
	p->frame = inner.ip - p->l2;
	p->ip = inner;
	memcpy(p->frame, tag, sizeof(*tag));
	store_be16(inner.ip - 2, GRE_TAG_ETHERTYPE);
	return true;
}
