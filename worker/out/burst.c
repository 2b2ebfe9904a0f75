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

/* Headers, and the call that seals what is behind them. The length of the frame. */
static uint32_t begin_packet(struct burst_packet *packet, struct port_queue *p, uint64_t seq, struct aead_call *call)
{
	const size_t headers = (size_t)packet->l2 + packet->header;
	uint8_t *to = umem_data(&p->q.umem, packet->addr);
	const size_t esp =
		esp_seal_begin(packet->sa, seq, packet->proto, to + headers, packet->payload, packet->len, call);

	headers_copy(to, packet->frame, headers);
	ip_finish(to + packet->l2, packet->header, packet->header + esp, PROTO_ESP);
	return (uint32_t)(headers + esp);
}

/* n packets of one SA, with numbers from seq on, and the calls that seal those that go. How many these are; the NIC
 * does not see them before the kick. */
static uint32_t begin(struct burst_packet *packets, struct port_queue *p, uint32_t n, uint64_t seq,
		      struct aead_call *calls)
{
	uint32_t sent = 0;

	for (uint32_t i = 0; i < n; i++)
		sent += xdp_queue_push(&p->q, packets[i].addr, begin_packet(&packets[i], p, seq + i, &calls[sent]));
	if (sent < n)
		drop(p->lane, packets->sa->state, REASON_TX_FULL, n - sent);
	return sent;
}

static __attribute__((cold, noinline)) void refuse(struct burst_packet *packet, struct port_queue *p, enum reason why)
{
	drop_other(p->lane, packet->frame, packet->sa->state, why, 1);
	umem_give(&p->q.umem, packet->addr);
}

/* The same where there are fewer numbers left than packets: as many go as there are. */
static __attribute__((cold)) uint32_t begin_one_by_one(struct burst_packet *packets, struct port_queue *p, uint32_t n,
						       struct aead_call *calls)
{
	uint32_t sent = 0;

	for (uint32_t i = 0; i < n; i++) {
		enum reason why;
		uint64_t seq;

		if (seq_take(packets[i].sa->state, 1, packets[i].len, &seq, &why))
			sent += begin(&packets[i], p, 1, seq, &calls[sent]);
		else
			refuse(&packets[i], p, why);
	}
	return sent;
}

/* What is not begun of the burst is of one SA. */
static void begin_run(struct burst *b, struct port_queue *p)
{
	struct burst_packet *packets = &b->packets[b->begun];
	struct sa_state *state = packets->sa->state;
	const uint32_t n = burst_left(b);
	enum reason why;
	uint64_t seq;

	if (seq_take(state, n, b->run_bytes, &seq, &why))
		b->sent += begin(packets, p, n, seq, &b->calls[b->sent]);
	else
		b->sent += begin_one_by_one(packets, p, n, &b->calls[b->sent]);
	__atomic_store_n(&state->last_used_ns, p->lane->now, __ATOMIC_RELAXED);
	b->begun = b->count;
	b->run_bytes = 0;
}

/* Whether the burst ends with a run, which is another SA's. */
static bool follows_another(const struct burst *b, const struct esp_sa *sa)
{
	return burst_left(b) && b->packets[b->count - 1].sa != sa;
}

bool burst_add(struct burst *b, struct port_queue *p, struct esp_sa *sa, const struct segmenter *s)
{
	const uint32_t each = xdp_queue_room_for_one(&p->q);
	uint64_t addr;

	if (b->count == BURST_MAX || xdp_queue_room(&p->q) < (burst_left(b) + 1) * each)
		return false;
	addr = umem_take_to_send(&p->q.umem);
	if (addr == UINT64_MAX)
		return false;
	prefetch_to_write(umem_data(&p->q.umem, addr), s->l2 + s->ip.header + esp_sealed_size(s->payload_len));
	if (b->count < AEAD_AHEAD && (b->count == 0 || b->packets[b->count - 1].sa != sa))
		p->lane->aead->prefetch(sa->ctx, s->payload_len);
	if (follows_another(b, sa))
		begin_run(b, p);
	b->run_bytes += s->payload_len;
	b->packets[b->count++] = (struct burst_packet){
		.sa = sa,
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

uint32_t burst_seal(struct burst *b, struct port_queue *p)
{
	uint32_t sent;

	if (burst_left(b))
		begin_run(b, p);
	sent = b->sent;
	if (sent)
		p->lane->aead->seal_all(b->calls, sent);
	b->count = b->begun = b->sent = 0;
	return sent;
}
