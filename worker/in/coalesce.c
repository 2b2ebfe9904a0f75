/* SPDX-License-Identifier: BSD-2-Clause */
#include "coalesce.h"

/* What a packet is to the coalescer. */
struct segment {
	const struct coalesce_packet *packet;
	uint8_t *l4;
	size_t l4_len;
	size_t header;
	size_t payload;
	bool tcp;
	bool whole;	/* TCP or UDP, unfragmented: it belongs to a flow */
	bool checked;	/* its checksum is there and right */
	bool mergeable; /* it may be one of several */
};

void coalesce_init(struct coalescer *c, const struct coalesce_sink *sink, bool udp)
{
	memset(c, 0, sizeof(*c));
	c->sink = *sink;
	c->udp = udp;
}

static bool checksum_right(const struct segment *s, const uint8_t *ip)
{
	return csum_l4(ip + IP_SRC, ip + IP_DST, ip[IP_PROTO], s->l4, s->l4_len) == 0;
}

/* Merged as by GRO: data, and no flag but ACK and PSH. */
static void classify_tcp(struct segment *s, const uint8_t *ip)
{
	if (s->l4_len < TCP_LEN_MIN)
		return;
	s->tcp = s->whole = true;
	s->header = (size_t)(s->l4[TCP_DATA_OFFSET] >> 4) * 4;
	if (s->header < TCP_LEN_MIN || s->header > s->l4_len)
		return;
	s->payload = s->l4_len - s->header;
	s->checked = checksum_right(s, ip);
	s->mergeable = s->checked && s->payload && (s->l4[TCP_FLAGS] & ~TCP_PSH) == TCP_ACK_FLAG;
}

/* A checksum of 0 is none, and must arrive as none. */
static void classify_udp(struct segment *s, const uint8_t *ip, bool udp)
{
	if (s->l4_len < UDP_LEN)
		return;
	s->whole = true;
	s->header = UDP_LEN;
	s->payload = s->l4_len - UDP_LEN;
	s->checked = load_be16(s->l4 + UDP_LENGTH) == s->l4_len && load_be16(s->l4 + UDP_CHECK) != 0 &&
		     checksum_right(s, ip);
	s->mergeable = s->checked && s->payload && udp;
}

static void classify(struct segment *s, const struct coalesce_packet *p, bool udp)
{
	const uint8_t *ip = p->ip.ip;

	*s = (struct segment){.packet = p, .l4 = p->ip.ip + p->ip.header, .l4_len = p->ip.total - p->ip.header};
	if (load_be16(ip + IP_FRAG) & IP_MF_OR_OFFSET)
		return;
	if (ip[IP_PROTO] == PROTO_TCP)
		classify_tcp(s, ip);
	else if (ip[IP_PROTO] == PROTO_UDP)
		classify_udp(s, ip, udp);
	s->mergeable = s->mergeable && p->ip.header == IP_LEN_MIN;
}

static bool same_flow(const struct coalesce_flow *f, const struct segment *s)
{
	const uint8_t *a = f->first.ip.ip, *b = s->packet->ip.ip;

	return f->tcp == s->tcp && memcmp(a + IP_SRC, b + IP_SRC, 8) == 0 &&
	       memcmp(a + f->first.ip.header, s->l4, 4) == 0;
}

/* Of TCP beside the flags: a window that opens or closes has to be told, and the urgent pointer means nothing without
 * URG. */
static bool same_tcp(const uint8_t *a, const uint8_t *b, size_t header)
{
	return memcmp(a + TCP_ACK, b + TCP_ACK, 4) == 0 && a[TCP_DATA_OFFSET] == b[TCP_DATA_OFFSET] &&
	       memcmp(a + TCP_WINDOW, b + TCP_WINDOW, 2) == 0 &&
	       memcmp(a + TCP_LEN_MIN, b + TCP_LEN_MIN, header - TCP_LEN_MIN) == 0;
}

/* Whether the super-packet's one header can stand for this packet's, too. */
static bool same_headers(const struct coalesce_flow *f, const struct segment *s)
{
	const struct coalesce_packet *p = s->packet;
	const uint8_t *a = f->first.ip.ip, *b = p->ip.ip;

	if (f->first.l2 != p->l2 || memcmp(f->first.frame, p->frame, p->l2) != 0 || a[IP_TOS] != b[IP_TOS] ||
	    a[IP_TTL] != b[IP_TTL] || memcmp(a + IP_FRAG, b + IP_FRAG, 2) != 0 || f->header != s->header)
		return false;
	return !s->tcp || same_tcp(a + f->first.ip.header, s->l4, s->header);
}

static bool fits(const struct coalesce_flow *f, const struct segment *s)
{
	return !f->full && s->mergeable && f->count < COALESCE_SEGMENTS_MAX && f->total + s->payload <= 65535 &&
	       s->payload <= f->piece && (!s->tcp || load_be32(s->l4 + TCP_SEQ) == f->next_seq) && same_headers(f, s);
}

/* The first packet's headers become the super-packet's; the checksum field gets the pseudo header's sum
 * (virtio 5.1.6.2). */
static void finish_headers(struct coalesce_flow *f)
{
	uint8_t *ip = f->first.ip.ip, *l4 = ip + f->first.ip.header;
	size_t l4_len = f->total - f->first.ip.header, field = f->tcp ? TCP_CHECK : UDP_CHECK;
	uint16_t pseudo = csum_fold_sum(csum_pseudo(ip + IP_SRC, ip + IP_DST, ip[IP_PROTO], l4_len));

	ip_finish(ip, f->first.ip.header, f->total, ip[IP_PROTO]);
	if (!f->tcp)
		store_be16(l4 + UDP_LENGTH, (uint16_t)l4_len);
	memcpy(l4 + field, &pseudo, sizeof(pseudo));
	f->vnet = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = f->tcp ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_UDP_L4,
		.gso_size = (uint16_t)f->piece,
		.hdr_len = (uint16_t)(f->first.l2 + f->first.ip.header + f->header),
		.csum_start = (uint16_t)(f->first.l2 + f->first.ip.header),
		.csum_offset = (uint16_t)field,
	};
}

static void flush_flow(struct coalescer *c, struct coalesce_flow *f)
{
	if (f->count == 0)
		return;
	if (f->count > 1)
		finish_headers(f);
	else
		f->vnet = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_DATA_VALID};
	c->sink.write(c->sink.user, &f->vnet, f->pieces, (int)f->count + 1, f->count);
	for (uint32_t i = 0; i < f->count; i++)
		c->sink.release(c->sink.user, f->addrs[i]);
	f->count = 0;
}

static void start_flow(struct coalesce_flow *f, const struct segment *s)
{
	const struct coalesce_packet *p = s->packet;

	f->count = 1;
	f->aged = false;
	f->tcp = s->tcp;
	f->first = *p;
	f->header = s->header;
	f->piece = s->payload;
	f->total = p->ip.total;
	f->pieces[1] = (struct iovec){p->frame, p->l2 + p->ip.total};
	f->addrs[0] = p->addr;
	f->full = s->tcp && (s->l4[TCP_FLAGS] & TCP_PSH);
	f->next_seq = s->tcp ? load_be32(s->l4 + TCP_SEQ) + (uint32_t)s->payload : 0;
}

/* A short one, or one that pushes, is the last. */
static void append(struct coalesce_flow *f, const struct segment *s)
{
	f->pieces[1 + f->count] = (struct iovec){s->l4 + s->header, s->payload};
	f->addrs[f->count++] = s->packet->addr;
	f->total += s->payload;
	f->next_seq += (uint32_t)s->payload;
	f->full = s->payload < f->piece;
	if (s->tcp && (s->l4[TCP_FLAGS] & TCP_PSH)) {
		f->first.ip.ip[f->first.ip.header + TCP_FLAGS] |= TCP_PSH;
		f->full = true;
	}
}

static void write_alone(struct coalescer *c, const struct segment *s)
{
	const struct coalesce_packet *p = s->packet;
	struct virtio_net_hdr vnet = {.flags = s->checked ? VIRTIO_NET_HDR_F_DATA_VALID : 0};
	struct iovec pieces[2] = {[1] = {p->frame, p->l2 + p->ip.total}};

	c->sink.write(c->sink.user, &vnet, pieces, 2, 1);
	c->sink.release(c->sink.user, p->addr);
}

static struct coalesce_flow *find_flow(struct coalescer *c, const struct segment *s)
{
	for (int i = 0; i < COALESCE_FLOWS; i++)
		if (c->flows[i].count && same_flow(&c->flows[i], s))
			return &c->flows[i];
	return NULL;
}

static struct coalesce_flow *free_flow(struct coalescer *c)
{
	struct coalesce_flow *f;

	for (int i = 0; i < COALESCE_FLOWS; i++)
		if (c->flows[i].count == 0)
			return &c->flows[i];
	f = &c->flows[c->next++ % COALESCE_FLOWS];
	flush_flow(c, f);
	return f;
}

void coalesce_add(struct coalescer *c, const struct coalesce_packet *packet)
{
	struct segment s;
	struct coalesce_flow *f;

	classify(&s, packet, c->udp);
	f = s.whole ? find_flow(c, &s) : NULL;
	if (f && fits(f, &s)) {
		append(f, &s);
		return;
	}
	if (f)
		flush_flow(c, f);
	if (s.mergeable)
		start_flow(f ? f : free_flow(c), &s);
	else
		write_alone(c, &s);
}

void coalesce_flush(struct coalescer *c)
{
	for (int i = 0; i < COALESCE_FLOWS; i++)
		flush_flow(c, &c->flows[i]);
}

void coalesce_hold(struct coalescer *c)
{
	for (int i = 0; i < COALESCE_FLOWS; i++) {
		struct coalesce_flow *f = &c->flows[i];

		if (f->full || f->aged)
			flush_flow(c, f);
		else
			f->aged = true;
	}
}
