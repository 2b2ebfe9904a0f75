/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference_packet.h"

uint16_t ref_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] * 256 + at[1]);
}

uint32_t ref_u32(const uint8_t *at)
{
	return (uint32_t)ref_u16(at) << 16 | ref_u16(at + 2);
}

static bool has_ports(uint8_t proto)
{
	return proto == ICMP || proto == TCP || proto == UDP || proto == DCCP || proto == SCTP || proto == UDPLITE;
}

/* Type and code stand for both ports of ICMP (RFC 4301 section 4.4.1.1). */
static void read_ports(struct ref_packet *p, size_t there)
{
	p->has_ports = has_ports(p->proto);
	p->ports_seen = p->has_ports && !p->later && p->l4_size >= 4 && there >= 4;
	if (!p->ports_seen)
		return;
	p->sport = ref_u16(p->l4);
	p->dport = p->proto == ICMP ? p->sport : ref_u16(p->l4 + 2);
}

/* RFC 791. */
static void read_header(struct ref_packet *p, const uint8_t *ip)
{
	p->src = ref_u32(ip + 12);
	p->dst = ref_u32(ip + 16);
	p->id = ref_u16(ip + 4);
	p->proto = ip[9];
	p->later = ref_u16(ip + 6) & 0x1fff;
	p->fragment = p->later || ref_u16(ip + 6) & 0x2000;
}

static void read_ip(struct ref_packet *p, const uint8_t *ip, size_t room)
{
	const size_t header = (ip[0] & 15) * 4u, total = ref_u16(ip + 2);

	read_header(p, ip);
	p->form = FORM_WRONG;
	if (ip[0] / 16 != 4 || header < 20 || total < header || total > room)
		return;
	p->form = FORM_GOOD;
	p->l4 = ip + header;
	p->l4_size = total - header;
	read_ports(p, p->l4_size);
}

struct ref_packet ref_read_frame(const uint8_t *frame, size_t size)
{
	struct ref_packet p = {.form = FORM_CUT};
	size_t at = 12;

	if (size < 14)
		return p;
	for (int tags = 0; ref_u16(frame + at) == 0x8100 || ref_u16(frame + at) == 0x88a8; tags++, at += 4) {
		if (tags == 2) {
			p.form = FORM_TOO_MANY_TAGS;
			return p;
		}
		if (at + 6 > size)
			return p;
	}
	at += 2;
	if (ref_u16(frame + at - 2) != 0x0800)
		p.form = FORM_OTHER;
	else if (size - at >= 20)
		read_ip(&p, frame + at, size - at);
	return p;
}

bool ref_is_error(const struct ref_packet *p)
{
	return p->proto == ICMP && !p->later && p->l4_size >= 4 &&
	       (p->l4[0] == 3 || p->l4[0] == 4 || p->l4[0] == 5 || p->l4[0] == 11 || p->l4[0] == 12);
}

bool ref_read_quote(const struct ref_packet *p, struct ref_packet *quoted)
{
	size_t header;

	if (p->l4_size < 8 + 20)
		return false;
	header = (p->l4[8] & 15) * 4u;
	read_header(quoted, p->l4 + 8);
	quoted->l4 = p->l4 + 8 + header;
	quoted->l4_size = header >= 20 && p->l4_size > 8 + header ? p->l4_size - 8 - header : 0;
	read_ports(quoted, quoted->l4_size);
	return true;
}
