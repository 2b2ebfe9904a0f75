/* SPDX-License-Identifier: BSD-2-Clause */
#include "burst.h"

#include "esp/esp_packet.h"
#include "packet/prefetch.h"

#define PREFETCH_MAX 256

/* The NIC has had the frame, or its CPU. A long packet's other lines the CPU asks for by itself. */
static void prefetch_to_write(const uint8_t *frame, size_t len)
{
	prefetch_lines_to_write(frame, len < PREFETCH_MAX ? len : PREFETCH_MAX);
}

bool burst_add(struct burst *b, struct port_queue *p, struct esp_sa *sa, const struct segmenter *s)
{
	const uint32_t each = xdp_queue_room_for_one(&p->q);
	uint64_t addr;

	if (b->count == BURST_MAX || xdp_queue_room(&p->q) < (b->count + 1) * each)
		return false;
	addr = umem_take_to_send(&p->q.umem);
	if (addr == UINT64_MAX)
		return false;
	prefetch_to_write(umem_data(&p->q.umem, addr), s->l2 + s->ip.header + esp_sealed_size(s->payload_len));
	b->sa = sa;
	b->bytes += s->payload_len;
	b->packets[b->count++] = (struct burst_packet){
		.addr = addr,
		.frame = s->frame,
		.payload = s->payload,
		.l2 = (uint16_t)s->l2,
		.header = (uint16_t)s->ip.header,
		.len = (uint16_t)s->payload_len,
		.proto = s->proto,
	};
	return true;
}

/* Headers, and the call that seals what is behind them. The length of the frame. */
static uint32_t begin_packet(struct burst_packet *packet, struct port_queue *p, const struct esp_sa *sa, uint64_t seq,
			     struct aead_call *call)
{
	const size_t headers = (size_t)packet->l2 + packet->header;
	uint8_t *to = umem_data(&p->q.umem, packet->addr);
	const size_t esp = esp_seal_begin(sa, seq, packet->proto, to + headers, packet->payload, packet->len, call);

	headers_copy(to, packet->frame, headers);
	ip_finish(to + packet->l2, packet->header, packet->header + esp, PROTO_ESP);
	return (uint32_t)(headers + esp);
}

static uint32_t seal(struct burst *b, struct port_queue *p, uint32_t first, uint32_t n, uint64_t seq)
{
	uint32_t sent = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct burst_packet *packet = &b->packets[first + i];
		const uint32_t len = begin_packet(packet, p, b->sa, seq + i, &b->calls[i]);

		/* The NIC does not see the descriptor before the kick. */
		sent += xdp_queue_push(&p->q, packet->addr, len);
	}
	p->lane->aead->seal_all(b->calls, n);
	if (sent < n)
		drop(p->lane, b->sa->state, REASON_TX_FULL, n - sent);
	return sent;
}

/* There are fewer numbers left than packets: as many go as there are. */
static __attribute__((cold)) uint32_t seal_one_by_one(struct burst *b, struct port_queue *p)
{
	struct capture *capture = p->lane->capture;
	const int chosen = capture ? capture->chosen : -1;
	uint32_t sent = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		enum reason why;
		uint64_t seq;

		if (seq_take(b->sa->state, 1, b->packets[i].len, &seq, &why)) {
			sent += seal(b, p, i, 1, seq);
			continue;
		}
		if (capture)
			capture_choose(capture, b->packets[i].frame);
		drop(p->lane, b->sa->state, why, 1);
		umem_give(&p->q.umem, b->packets[i].addr);
	}
	/* The frame at hand is another one. */
	if (capture)
		capture->chosen = chosen;
	return sent;
}

uint32_t burst_seal(struct burst *b, struct port_queue *p)
{
	enum reason why;
	uint32_t sent;
	uint64_t seq;

	if (b->count == 0)
		return 0;
	if (seq_take(b->sa->state, b->count, b->bytes, &seq, &why))
		sent = seal(b, p, 0, b->count, seq);
	else
		sent = seal_one_by_one(b, p);
	__atomic_store_n(&b->sa->state->last_used_ns, p->lane->now, __ATOMIC_RELAXED);
	b->count = 0;
	b->bytes = 0;
	return sent;
}
