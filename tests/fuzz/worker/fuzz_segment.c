/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of the host, cut into what goes on the wire: any frame, with any virtio header. What must hold: the segments
 * have all of the payload in its order, none has more than was asked for, and their checksums are right.
 *
 *   u8 gso type, u8 flags, u16 gso size, u16 start and u16 offset of the checksum; then the frame
 */
#include "fuzz.h"
#include "packet/segment.h"
#include "packets.h"

static uint8_t frame[HOST_FRAME_MAX + HOST_TAIL], before[HOST_FRAME_MAX];

static bool is_right(const struct segmenter *s, const uint8_t *l4, size_t len)
{
	return csum_l4(s->ip.ip + IP_SRC, s->ip.ip + IP_DST, s->proto, l4, len) == 0;
}

static void cut(struct segmenter *s)
{
	const uint8_t *payload = before + (s->payload - s->frame);
	uint8_t headers[ETH_LEN_MAX + IP_LEN_MAX];
	const bool cuts = s->l4_header;
	size_t done = 0;

	require(s->count >= 1);
	while (s->next < s->count) {
		const uint32_t index = s->next;
		size_t len;
		uint8_t *l4 = segment_next(s, &len);

		require(len >= s->l4_header && len <= segment_l4_max(s) && len - s->l4_header <= s->piece);
		require(!cuts || memcmp(l4 + s->l4_header, payload + done, len - s->l4_header) == 0);
		require(!cuts || is_right(s, l4, len));
		done += len - s->l4_header;
		segment_headers(s, index, headers);
	}
	require(done == s->payload_len);
}

static void run(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	struct virtio_net_hdr vnet = {.gso_type = input_u8(&in), .flags = input_u8(&in)};
	struct segmenter s;
	size_t len;
	const uint8_t *bytes;

	vnet.gso_size = input_u16(&in);
	vnet.csum_start = input_u16(&in);
	vnet.csum_offset = input_u16(&in);
	bytes = input_bytes(&in, HOST_FRAME_MAX, &len);
	if (len)
		memcpy(frame, bytes, len);
	if (!segment_begin(&s, frame, len, &vnet))
		return;
	require(s.l2 + s.ip.total <= len && s.payload + s.payload_len == s.ip.ip + s.ip.total);
	memcpy(before, frame, len);
	cut(&s);
}

static void seed_frame(uint8_t gso, uint8_t flags, unsigned size, const uint8_t *bytes, size_t len)
{
	struct seed s = {0};

	seed_u8(&s, gso);
	seed_u8(&s, flags);
	seed_u16(&s, size);
	seed_u16(&s, ETH_LEN + IP_LEN_MIN);
	seed_u16(&s, gso == VIRTIO_NET_HDR_GSO_UDP_L4 ? UDP_CHECK : TCP_CHECK);
	seed_bytes(&s, bytes, len);
	fuzz_seed(s.data, s.size);
}

static void seeds(void)
{
	const struct tcp_spec t = {.sport = 3, .dport = 4, .flags = TCP_ACK_FLAG | TCP_PSH | TCP_CWR, .options = 12};
	uint8_t bytes[1600];
	size_t len = make_tcp(bytes, &t, 700, 5, 9);

	seed_frame(VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_F_NEEDS_CSUM, 100, bytes, len);
	seed_frame(VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 0, 1000, bytes, len);
	seed_frame(VIRTIO_NET_HDR_GSO_NONE, VIRTIO_NET_HDR_F_NEEDS_CSUM, 0, bytes, len);
	len = make_udp(bytes, 5, 6, 500, 3);
	seed_frame(VIRTIO_NET_HDR_GSO_UDP_L4, VIRTIO_NET_HDR_F_NEEDS_CSUM, 99, bytes, len);
	seed_frame(VIRTIO_NET_HDR_GSO_NONE, 0, 0, bytes, len);
	seed_frame(VIRTIO_NET_HDR_GSO_TCPV4, 0, 99, bytes, len);
}

FUZZER(.name = "segment", .run = run, .seeds = seeds)
