/* SPDX-License-Identifier: BSD-2-Clause */
#include "inbound.h"

#include "gather.h"
#include "replay.h"

/* Packets that go through the passes together: as many as one super-packet can take. */
#define BATCH 64

struct item {
	uint64_t addr;
	uint8_t *frame;
	size_t l2;
	struct ip_view ip;
	struct esp_sa *sa;
	uint64_t seq;
	struct esp_opened opened;
};

static void drop_item(struct port_state *p, const struct item *item, enum reason why)
{
	drop(p->worker, item->sa ? item->sa->state : NULL, why, 1);
	umem_give(&p->umem, item->addr);
}

/* The SA that XDP found, and the packet's place in its window. XDP's word is taken for nothing but the slot. */
static bool look_up(struct port_state *p, const struct xdp_desc *desc, struct item *item, enum reason *why)
{
	struct rx_meta meta;

	*item = (struct item){.addr = desc->addr, .frame = umem_data(&p->umem, desc->addr)};
	memcpy(&meta, item->frame - sizeof(meta), sizeof(meta));
	item->l2 = meta.l3_offset;
	*why = REASON_MALFORMED;
	if (item->l2 < ETH_LEN || item->l2 > ETH_LEN_MAX || item->l2 > desc->len ||
	    !ip_parse(&item->ip, item->frame + item->l2, desc->len - item->l2))
		return false;
	/* The header gets a new checksum when the packet is taken out, and a wrong one must not become right by that. */
	if (csum_ipv4_header(item->ip.ip, item->ip.header) != 0)
		return false;
	*why = REASON_NO_SA;
	item->sa = sa_cache_get(&p->worker->sas, meta.slot, meta.generation);
	if (!item->sa)
		return false;
	return esp_precheck(item->sa, item->ip.ip + item->ip.header, item->ip.total - item->ip.header, &item->seq, why);
}

static bool open_item(struct port_state *p, struct item *item, enum reason *why)
{
	return esp_open(p->worker->aead, item->sa, item->ip.ip + item->ip.header, item->ip.total - item->ip.header,
			item->seq, &item->opened, why);
}

/*
 * The Ethernet and IP headers move up to the payload, over the ESP header, and
 * the IP header tells of what is inside now.
 */
static void take_out(struct item *item)
{
	size_t headers = item->l2 + item->ip.header;

	memmove(item->frame + ESP_HEADER, item->frame, headers);
	item->frame += ESP_HEADER;
	item->ip.ip += ESP_HEADER;
	item->ip.total = item->ip.header + item->opened.payload_len;
	ip_finish(item->ip.ip, item->ip.header, item->ip.total, item->opened.next_header);
}

/* Only now, authenticated, does a packet move the window, and is what it says looked at (RFC 4303 3.4.3, RFC 4301 5.2). */
static bool accept_item(struct port_state *p, struct item *item, enum reason *why)
{
	struct sa_state *state = item->sa->state;
	const uint8_t *ip = item->ip.ip;

	*why = REASON_REPLAY;
	if (!replay_update(state, item->sa->bitmap, item->seq))
		return false;
	state->packets++;
	state->bytes += item->opened.payload_len;
	state->last_used_ns = p->worker->now;
	*why = REASON_DUMMY;
	if (item->opened.next_header == ESP_NEXT_DUMMY)
		return false;
	*why = REASON_SELECTOR_MISMATCH;
	return esp_selector_matches(item->sa, ip + IP_SRC, ip + IP_DST, item->opened.next_header,
				    item->ip.ip + item->ip.header + ESP_HEADER, item->opened.payload_len);
}

static uint32_t pass_look_up(struct port_state *p, const struct xdp_desc *descs, uint32_t n, struct item *items)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		__builtin_prefetch(umem_data(&p->umem, descs[i].addr));
	for (uint32_t i = 0; i < n; i++) {
		enum reason why;

		if (look_up(p, &descs[i], &items[kept], &why))
			kept++;
		else
			drop_item(p, &items[kept], why);
	}
	return kept;
}

static uint32_t pass_open(struct port_state *p, struct item *items, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		enum reason why;

		if (open_item(p, &items[i], &why) && accept_item(p, &items[i], &why))
			items[kept++] = items[i];
		else
			drop_item(p, &items[i], why);
	}
	return kept;
}

static void pass_deliver(struct port_state *p, struct item *items, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct coalesce_packet packet;

		take_out(&items[i]);
		packet = (struct coalesce_packet){
			.frame = items[i].frame,
			.l2 = items[i].l2,
			.ip = items[i].ip,
			.addr = items[i].addr,
		};
		coalesce_add(&p->coalescer, &packet);
	}
}

uint32_t inbound_run(struct port_state *p, struct xdp_queue *q)
{
	struct xdp_desc descs[BATCH];
	struct item items[BATCH];
	uint32_t n = xdp_queue_receive(q, descs, BATCH), kept;

	if (n == 0)
		return 0;
	kept = pass_look_up(p, descs, p->umem.jumbo ? gather_packets(p, descs, n) : n, items);
	kept = pass_open(p, items, kept);
	pass_deliver(p, items, kept);
	xdp_queue_refill(q);
	return n;
}

void inbound_flush(struct port_state *p)
{
	coalesce_flush(&p->coalescer);
}

static void write_to_host(void *user, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n, uint32_t packets)
{
	struct port_state *p = user;

	if (host_write(&p->host, vnet, pieces, n))
		count(p->worker, REASON_OPENED, packets);
	else
		drop(p->worker, NULL, REASON_HOST_FULL, packets);
}

static void release_frame(void *user, uint64_t addr)
{
	struct port_state *p = user;

	umem_give(&p->umem, addr);
}

void inbound_init(struct port_state *p)
{
	const struct coalesce_sink sink = {.user = p, .write = write_to_host, .release = release_frame};

	coalesce_init(&p->coalescer, &sink, p->host.udp_segments);
}
