/* SPDX-License-Identifier: BSD-2-Clause */
#include "fragments_in.h"

#include <errno.h>
#include <stdlib.h>

#include "maps/packet_memory.h"

/*
 * Of the DATAGRAMS_IN that are being put together, which take what 16 peers at once
 * lose in REASSEMBLY_NS. A peer with more than a quota's worth on the way at one time is
 * losing packets, and its oldest are not going to be completed.
 */
#define DATAGRAMS_OF_PEER 16
/*
 * Later fragments that came before their first: across two queues, or on two
 * paths. They pass with no SPI, so an attacker who knows the addresses can fill these; he
 * pushes out others of their kind only.
 */
#define HEADLESS_MAX 64
/*
 * Of each other lane's fragments, so many a turn: as many as the lane takes of a queue of its own. Others may hand over
 * faster than this lane can take, for as long as somebody floods.
 */
#define HANDED_BATCH 64
/*
 * How far a first fragment may be behind others of its datagram that went by another queue or path. Less, and an
 * upgrade loses a datagram; more, and who sends later fragments alone holds it up for as long.
 */
#define OVERTAKEN_NS (20 * 1000 * 1000ULL)

static void put_together(struct port_queue *p, const struct ip_fragment *f)
{
	struct fragments_in *in = p->fragments;
	struct reassembled whole;

	if (reassembly_add(&in->reassembler, f, p->lane->now, in->whole, &whole))
		in->on_whole(p, &whole);
}

/* The lane that puts the fragment's datagram together: one that has queues of the NIC, and always the same. */
static struct lane *assembler_of(const struct port_queue *p, const uint8_t *ip)
{
	const uint32_t lanes = p->lane->count < p->shared->queues ? p->lane->count : p->shared->queues;
	const uint32_t key = load_be32(ip + IP_SRC) ^ load_be32(ip + IP_DST) ^ load_be16(ip + IP_ID);

	return &p->lane->lanes[lane_of_queue(p->index, (key * 0x9e3779b1u >> 16) % lanes, p->lane->count)];
}

static void hand_over(struct port_queue *p, struct lane *to, const struct ip_fragment *f)
{
	const struct handoff_item what = {
		.port = p->index,
		.slot = f->slot,
		.generation = f->generation,
		.l2 = (uint32_t)f->l2,
		.len = (uint32_t)(f->l2 + f->ip.total),
	};

	if (!handoff_put(&to->handoffs[p->lane->index], &what, f->frame)) {
		drop(p->lane, NULL, REASON_RX_FULL, 1);
		return;
	}
	/* The first one since the lane has looked wakes it. */
	if (!__atomic_exchange_n(&to->handed, 1, __ATOMIC_SEQ_CST))
		lane_wake(to);
}

void fragments_in_take(struct port_queue *p, const struct ip_fragment *f)
{
	struct lane *assembler = p->lane->count > 1 ? assembler_of(p, f->ip.ip) : p->lane;

	if (assembler == p->lane)
		put_together(p, f);
	else
		hand_over(p, assembler, f);
}

/* ---- what other lanes hand over ---- */

static struct port_queue *queue_of(const struct lane *l, uint32_t port)
{
	struct port_queue *p;

	TAILQ_FOREACH(p, &l->queues, of_lane)
		if (p->index == port)
			return p;
	return NULL;
}

static void take_handed(struct lane *l, const struct handoff_item *item, uint8_t *frame)
{
	struct port_queue *p = queue_of(l, item->port);
	struct ip_fragment f = {.frame = frame, .l2 = item->l2, .slot = item->slot, .generation = item->generation};

	/* The NIC has gone meanwhile. */
	if (!p || !ip_parse(&f.ip, frame + item->l2, item->len - item->l2))
		drop(l, NULL, REASON_NO_WORKER, 1);
	else
		put_together(p, &f);
}

static uint32_t take_from(struct lane *l, struct handoff *h)
{
	struct handoff_item item;
	uint32_t taken = 0;
	uint8_t *frame;

	for (; taken < HANDED_BATCH && handoff_look(h, &item, &frame); taken++) {
		take_handed(l, &item, frame);
		handoff_next(h);
	}
	return taken;
}

uint32_t fragments_in_take_handed(struct lane *l)
{
	bool more = false;
	uint32_t all = 0;

	/* Not a store: it has to have seen what came before the 1 of whoever wakes nobody for it. */
	__atomic_exchange_n(&l->handed, 0, __ATOMIC_SEQ_CST);
	for (uint32_t from = 0; from < l->count; from++) {
		const uint32_t taken = take_from(l, &l->handoffs[from]);

		more |= taken == HANDED_BATCH;
		all += taken;
	}
	/* The loop does not sleep after so much. */
	if (more)
		__atomic_store_n(&l->handed, 1, __ATOMIC_SEQ_CST);
	return all;
}

/* ---- from the first to the last ---- */

void fragments_in_expire(struct port_queue *p)
{
	reassembly_expire(&p->fragments->reassembler, p->lane->now);
}

static bool is_waited_for(const struct datagram *d, uint64_t now)
{
	return !d->dead && (d->headed || now - d->began < OVERTAKEN_NS);
}

bool fragments_in_is_half_done(const struct port_queue *p)
{
	const struct datagram *d;

	TAILQ_FOREACH(d, &p->fragments->reassembler.ages, by_age)
		if (is_waited_for(d, p->lane->now))
			return true;
	return false;
}

int fragments_in_create(struct port_queue *p, fragments_in_fn *on_whole, struct fault *f)
{
	const struct reassembly_limits limits = {
		.datagrams = DATAGRAMS_IN,
		.per_source = DATAGRAMS_OF_PEER,
		.headless = HEADLESS_MAX,
		.first_min = ESP_FIRST_MIN,
	};

	p->fragments = calloc(1, sizeof(*p->fragments));
	if (p->fragments)
		p->fragments->whole = malloc(HOST_FRAME_MAX);
	if (!p->fragments || !p->fragments->whole)
		return fault(f, ENOMEM, "%.15s: not enough memory", p->shared->name);
	p->fragments->on_whole = on_whole;
	return reassembly_create(&p->fragments->reassembler, &limits, port_drop_fragments, p, f);
}

void fragments_in_free(struct fragments_in *fragments)
{
	if (!fragments)
		return;
	reassembly_destroy(&fragments->reassembler);
	free(fragments->whole);
	free(fragments);
}
