/* SPDX-License-Identifier: BSD-2-Clause */
#include "segment.h"

/* Checksum of len bytes from data on into the field at `field`; 0 is sent as 0xffff, as UDP wants and TCP may. */
static void write_checksum(uint8_t *data, size_t len, size_t field, uint64_t sum)
{
	uint16_t check = csum_fold(csum_partial(data, len, sum));

	if (check == 0)
		check = 0xffff;
	memcpy(data + field, &check, sizeof(check));
}

/*
 * Goes as it is, but for a checksum that the host left to us: of everything from
 * csum_start on, where the field already holds the pseudo header's sum. It may
 * belong to a packet inside a tunnel.
 */
static bool begin_whole(struct segmenter *s, const struct virtio_net_hdr *vnet)
{
	const size_t end = s->l2 + s->ip.total;

	s->payload = s->ip.ip + s->ip.header;
	s->payload_len = s->piece = s->ip.total - s->ip.header;
	s->count = 1;
	if (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	if (vnet->csum_start < s->l2 + s->ip.header || vnet->csum_start + vnet->csum_offset + 2u > end)
		return false;
	write_checksum(s->frame + vnet->csum_start, end - vnet->csum_start, vnet->csum_offset, 0);
	return true;
}

/* 0 when the header is not all there. */
static size_t l4_header_size(const struct segmenter *s)
{
	const uint8_t *l4 = s->ip.ip + s->ip.header;
	size_t room = s->ip.total - s->ip.header, size = UDP_LEN, least = UDP_LEN;

	if (s->proto == PROTO_TCP) {
		least = TCP_LEN_MIN;
		size = room >= least ? (size_t)(l4[TCP_DATA_OFFSET] >> 4) * 4 : 0;
	}
	return size >= least && size <= room ? size : 0;
}

static bool begin_segments(struct segmenter *s, uint16_t gso_size)
{
	size_t header = l4_header_size(s);

	if (header == 0 || gso_size == 0)
		return false;
	s->payload = s->ip.ip + s->ip.header + header;
	s->payload_len = s->ip.total - s->ip.header - header;
	s->l4_header = header;
	s->piece = gso_size;
	s->count = s->payload_len ? (uint32_t)((s->payload_len + gso_size - 1) / gso_size) : 1;
	memcpy(s->l4, s->payload - header, header);
	return true;
}

bool segment_begin(struct segmenter *s, uint8_t *frame, size_t len, const struct virtio_net_hdr *vnet)
{
	uint8_t gso = vnet->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;

	s->frame = frame;
	s->l2 = eth_ipv4_offset(frame, len);
	s->next = 0;
	s->l4_header = 0;
	if (s->l2 == 0 || !ip_parse(&s->ip, frame + s->l2, len - s->l2))
		return false;
	s->proto = s->ip.ip[IP_PROTO];
	if (gso == VIRTIO_NET_HDR_GSO_NONE)
		return begin_whole(s, vnet);
	if ((gso == VIRTIO_NET_HDR_GSO_TCPV4 && s->proto == PROTO_TCP) ||
	    (gso == VIRTIO_NET_HDR_GSO_UDP_L4 && s->proto == PROTO_UDP))
		return begin_segments(s, vnet->gso_size);
	return false;
}

/* RFC 9293 3.1, and what Linux's own segmentation does: FIN and PSH on the last only, CWR (RFC 3168 6.1.2) on the
 * first. */
static void write_tcp(const struct segmenter *s, uint8_t *l4, uint32_t index)
{
	store_be32(l4 + TCP_SEQ, load_be32(s->l4 + TCP_SEQ) + index * (uint32_t)s->piece);
	if (index + 1 < s->count)
		l4[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (index > 0)
		l4[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
}

uint8_t *segment_next(struct segmenter *s, size_t *len)
{
	uint32_t index = s->next++;
	size_t at = (size_t)index * s->piece;
	size_t piece = s->payload_len - at < s->piece ? s->payload_len - at : s->piece;
	uint8_t *l4 = s->payload + at - s->l4_header;
	size_t field;

	*len = s->l4_header + piece;
	if (s->l4_header == 0)
		return l4;
	memcpy(l4, s->l4, s->l4_header);
	if (s->proto == PROTO_TCP)
		write_tcp(s, l4, index);
	else
		store_be16(l4 + UDP_LENGTH, (uint16_t)*len);
	field = s->proto == PROTO_TCP ? TCP_CHECK : UDP_CHECK;
	memset(l4 + field, 0, 2);
	write_checksum(l4, *len, field, csum_pseudo(s->ip.ip + IP_SRC, s->ip.ip + IP_DST, s->proto, *len));
	return l4;
}

void segment_headers(const struct segmenter *s, uint32_t index, uint8_t *out)
{
	uint8_t *ip = out + s->l2;

	headers_copy(out, s->frame, s->l2 + s->ip.header);
	if (index)
		store_be16(ip + IP_ID, (uint16_t)(load_be16(ip + IP_ID) + index));
}
