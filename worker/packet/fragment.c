/* SPDX-License-Identifier: BSD-2-Clause */
#include "fragment.h"

/* RFC 791 section 3.1: an option's type. All but these two are followed by their length. */
#define OPTION_END    0
#define OPTION_NOP    1
#define OPTION_COPIED 0x80 /* it goes into every fragment */

/* 0: the options end, or cannot be read on. */
static size_t option_len(const uint8_t *option, size_t room)
{
	if (option[0] == OPTION_END)
		return 0;
	if (option[0] == OPTION_NOP)
		return 1;
	return room >= 2 && option[1] >= 2 && option[1] <= room ? option[1] : 0;
}

/* Leaves in an IP header what goes into the fragments after the first, padded. Its new length. */
static size_t keep_copied_options(uint8_t *ip, size_t header)
{
	size_t to = IP_LEN_MIN, n;

	for (size_t from = IP_LEN_MIN; from < header && (n = option_len(ip + from, header - from)); from += n) {
		if (!(ip[from] & OPTION_COPIED))
			continue;
		memmove(ip + to, ip + from, n);
		to += n;
	}
	while (to % 4)
		ip[to++] = OPTION_END;
	ip[0] = (uint8_t)(0x40 | to / 4);
	return to;
}

void fragment_begin(struct fragmenter *f, const uint8_t *headers, size_t l2, uint16_t id, const uint8_t *payload,
		    size_t len, size_t mtu)
{
	uint8_t *ip = f->headers + l2;

	f->l2 = l2;
	f->header = (size_t)(headers[l2] & 15) * 4;
	f->mtu = mtu;
	f->payload = payload;
	f->len = len;
	f->at = 0;
	memcpy(f->headers, headers, l2 + f->header);
	store_be16(ip + IP_ID, id);
}

size_t fragment_next(struct fragmenter *f, uint8_t *out)
{
	const size_t room = f->mtu - f->header, left = fragment_left(f);
	const size_t piece = left <= room ? left : room & ~(size_t)7;
	uint8_t *ip = out + f->l2;
	const size_t header = f->header;

	memcpy(out, f->headers, f->l2 + header);
	memcpy(ip + header, f->payload + f->at, piece);
	store_be16(ip + IP_FRAG, (uint16_t)(f->at / 8 | (piece < left ? IP_MF : 0)));
	ip_finish(ip, header, header + piece, ip[IP_PROTO]);
	if (f->at == 0)
		f->header = keep_copied_options(f->headers + f->l2, header);
	f->at += piece;
	return f->l2 + header + piece;
}
