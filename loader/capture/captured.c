/* SPDX-License-Identifier: BSD-2-Clause */
#include "captured.h"

#include <netinet/in.h>
#include <string.h>

#include "lib/bytes.h"

#define ETHERNET    14
#define TYPE_AT	    12
#define TAG	    4
#define TAGS_MAX    2
#define IPV4_HEAD   20
#define TYPE_IPV4   0x0800
#define TYPE_VLAN   0x8100
#define TYPE_QINQ   0x88a8
#define OFFSET_BITS 0x1fff

/* Where IPv4 begins; 0: nowhere. */
static uint32_t find_ipv4(const uint8_t *frame, uint32_t len)
{
	uint32_t at = TYPE_AT;

	for (int tags = 0; tags <= TAGS_MAX && at + 2 <= len; tags++, at += TAG) {
		const uint16_t type = load_be16(frame + at);

		if (type == TYPE_IPV4)
			return at + 2;
		if (type != TYPE_VLAN && type != TYPE_QINQ)
			return 0;
	}
	return 0;
}

bool captured_headers_of(const struct captured *c, struct captured_headers *h)
{
	const uint32_t at = find_ipv4(c->frame, c->record.caplen);
	const uint8_t *ip = c->frame + at;
	uint32_t l4;

	if (!at || at + IPV4_HEAD > c->record.caplen)
		return false;
	l4 = at + (ip[0] & 15) * 4u;
	*h = (struct captured_headers){.proto = ip[9]};
	memcpy(h->src, ip + 12, sizeof(h->src));
	memcpy(h->dst, ip + 16, sizeof(h->dst));
	if (h->proto == IPPROTO_ESP && !(load_be16(ip + 6) & OFFSET_BITS) && l4 + 4 <= c->record.caplen)
		h->spi = load_be32(c->frame + l4);
	return true;
}
