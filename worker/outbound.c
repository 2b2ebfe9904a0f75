/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound.h"

#include <errno.h>
#include <stdlib.h>

#include "burst.h"
#include "fragment.h"
#include "mss.h"
#include "path_mtu.h"
#include "reassembly.h"
#include "segment.h"
#include "seq.h"

/*
 * Datagrams of the host that are being put together. It sends the fragments of one
 * back to back, so a CPU has one or two open; what is over gives room to those that never
 * get all (a firewall dropped a part). They share the room: the host is one source.
 */
#define DATAGRAMS_OUT 32

/*
 * Super-packets taken from the host before inbound has its turn again. Fewer cost
 * a turn of the loop each; more let the RX ring fill up meanwhile.
 */
#define FRAMES_PER_TURN 64
/*
 * When to make the system call: as many packets as the kernel takes in one, or at
 * the end of the turn. For fewer it costs small packets a call each; for more the
 * wire is idle while a super-packet is sealed.
 */
#define KICK_BATCH 32

struct outbound {
	/* Of this turn: at its end there are none. */
	struct burst burst;

	/* A frame of the host on its way out; it may take several turns when the NIC is full. */
	bool busy;
	uint32_t slot;
	uint32_t generation;
	uint32_t sent; /* packets, this turn */
	uint64_t seq;  /* of the segment that is next */
	struct segmenter segmenter;
	struct host_frame frame;

	struct reassembler fragments; /* of the host's stack */
	bool oversize;		      /* segments do not fit the path: each is sealed, then cut */
	uint8_t *sealed;	      /* the one that is being cut: HOST_FRAME_MAX, HOST_TAIL */
	struct fragmenter pieces;
};

static void seal_burst(struct port_queue *p)
{
	p->out->sent += burst_seal(&p->out->burst, p);
}

/* The SA that tc egress chose, if the frame is what that SA is for: anything else came here without a policy. */
static struct esp_sa *find_sa(struct port_queue *p, const uint8_t *frame, const struct segmenter *s, enum reason *why)
{
	struct tx_tag tag;
	struct esp_sa *sa;

	memcpy(&tag, frame + ETH_SRC, sizeof(tag));
	p->out->slot = tag.slot;
	p->out->generation = tag.generation;
	/* The slot may be the same, and the cache about to load another SA over the burst's. */
	if (!burst_is_of(&p->out->burst, tag.slot, tag.generation))
		seal_burst(p);
	p->out->burst.slot = tag.slot;
	p->out->burst.generation = tag.generation;
	sa = sa_cache_get(&p->lane->sas, tag.slot, tag.generation);
	*why = REASON_NO_SA;
	if (!sa)
		return NULL;
	*why = REASON_NO_POLICY;
	if (sa->state->direction != SA_OUTBOUND || memcmp(sa->src, s->ip.ip + IP_SRC, 4) != 0 ||
	    memcmp(sa->dst, s->ip.ip + IP_DST, 4) != 0)
		return NULL;
	return sa;
}

/* Whether the largest segment fits the path with ESP around it, or may be cut to fit: the rest is told to the host. */
static bool fits_path(struct port_queue *p, struct esp_sa *sa)
{
	const struct segmenter *s = &p->out->segmenter;
	const size_t mtu = path_mtu_of(p, sa->state, p->lane->now);
	const size_t room = mtu > s->ip.header ? mtu - s->ip.header : 0;

	p->out->oversize = segment_l4_max(s) > esp_max_payload(room);
	if (!p->out->oversize)
		return true;
	if (!(load_be16(s->ip.ip + IP_FRAG) & IP_DF))
		return room >= 8 && s->ip.header + esp_sealed_size(segment_l4_max(s)) <= UINT16_MAX;
	path_mtu_tell_host(p, s, s->ip.header + esp_max_payload(room));
	return false;
}

/* What may not be sealed, whatever the SA says. */
static bool refuse(struct port_queue *p, struct esp_sa *sa)
{
	const struct segmenter *s = &p->out->segmenter;

	if (s->proto == PROTO_ESP) {
		drop(p->lane, sa->state, REASON_NESTED_ESP, 1);
		return true;
	}
	if (!fits_path(p, sa)) {
		drop(p->lane, sa->state, REASON_TOO_BIG, s->count);
		return true;
	}
	return false;
}

/* Reads the frame at hand, and finds the SA it is for. NULL: it was dropped and counted. */
static struct esp_sa *parse(struct port_queue *p)
{
	struct outbound *out = p->out;
	struct segmenter *s = &out->segmenter;
	enum reason why = REASON_MALFORMED;
	struct esp_sa *sa;

	if (!segment_begin(s, out->frame.data, out->frame.len, &out->frame.vnet)) {
		drop(p->lane, NULL, why, 1);
		return NULL;
	}
	sa = find_sa(p, out->frame.data, s, &why);
	if (!sa)
		drop(p->lane, NULL, why, s->count);
	return sa;
}

/*
 * ESP protects datagrams, not fragments (RFC 4303 section 3.3.4): the frame at
 * hand becomes the whole, with its first fragment's tag, when this was the last
 * that was missing. False: it is kept, or dropped.
 */
static bool reassemble(struct port_queue *p)
{
	struct outbound *out = p->out;
	const struct ip_fragment f = {
		.frame = out->frame.data,
		.l2 = out->segmenter.l2,
		.ip = out->segmenter.ip,
		.slot = out->slot,
		.generation = out->generation,
	};
	struct reassembled whole;

	if (!reassembly_add(&out->fragments, &f, p->lane->now, out->frame.data, &whole))
		return false;
	out->frame.vnet = (struct virtio_net_hdr){0};
	out->frame.len = whole.len;
	return true;
}

/* Parses a frame and finds its SA. NULL: nothing of it is to be sent now. */
static struct esp_sa *examine(struct port_queue *p)
{
	struct outbound *out = p->out;
	struct segmenter *s = &out->segmenter;
	struct esp_sa *sa = parse(p);

	if (sa && ip_is_fragment(s->ip.ip))
		sa = reassemble(p) ? parse(p) : NULL;
	if (!sa || refuse(p, sa))
		return NULL;
	if (p->shared->mss_clamp)
		mss_clamp(p->shared, &s->ip, s->proto, path_mtu_of(p, sa->state, p->lane->now));
	memcpy(out->frame.data + ETH_SRC, p->shared->mac, sizeof(p->shared->mac));
	return sa;
}

/* Leases sequence numbers for all segments of the frame at hand, which goes behind the burst. */
static bool begin(struct port_queue *p, struct esp_sa *sa)
{
	struct outbound *out = p->out;
	const struct segmenter *s = &out->segmenter;
	const uint64_t bytes = s->payload_len + (uint64_t)s->count * s->l4_header;
	enum reason why;

	seal_burst(p);
	if (!seq_take(sa->state, s->count, bytes, &out->seq, &why)) {
		drop(p->lane, sa->state, why, s->count);
		return false;
	}
	__atomic_store_n(&sa->state->last_used_ns, p->lane->now, __ATOMIC_RELAXED);
	return true;
}

/* Makes and seals the next segment, Ethernet header and all, at `to`. The length of that. */
static uint32_t seal_one(struct port_queue *p, struct esp_sa *sa, uint8_t *to)
{
	struct segmenter *s = &p->out->segmenter;
	uint32_t index = s->next;
	uint8_t *ip = to + s->l2, kept[HOST_TAIL], *tail;
	size_t len, esp;
	uint8_t *l4 = segment_next(s, &len);

	/* Padding and trailer go where the next segment begins. */
	tail = l4 + len;
	memcpy(kept, tail, sizeof(kept));
	segment_headers(s, index, to);
	esp = esp_seal(p->lane->aead, sa, p->out->seq++, s->proto, ip + s->ip.header, l4, len);
	memcpy(tail, kept, sizeof(kept));
	ip_finish(ip, s->ip.header, s->ip.header + esp, PROTO_ESP);
	return (uint32_t)(s->l2 + s->ip.header + esp);
}

/* The next segment that does not fit the path as one is sealed aside, and cut from there. The ID is no other ESP
 * packet's. */
static void seal_aside(struct port_queue *p, struct esp_sa *sa)
{
	struct outbound *out = p->out;
	const size_t headers = out->segmenter.l2 + out->segmenter.ip.header;
	const size_t len = seal_one(p, sa, out->sealed);

	fragment_begin(&out->pieces, out->sealed, out->segmenter.l2, ip_id_next(p->lane->ip_ids, sa->dst),
		       out->sealed + headers, len - headers, path_mtu_of(p, sa->state, p->lane->now));
}

/* The next frame for the wire: a sealed segment, or the next fragment of one. The segment is done with when none is
 * left. */
static uint32_t make_frame(struct port_queue *p, struct esp_sa *sa, uint8_t *to)
{
	struct outbound *out = p->out;

	if (!out->oversize)
		return seal_one(p, sa, to);
	if (!fragment_left(&out->pieces))
		seal_aside(p, sa);
	return (uint32_t)fragment_next(&out->pieces, to);
}

/* Segments of the frame at hand of which something has still to be sent. */
static uint32_t segments_left(const struct outbound *out)
{
	return out->segmenter.count - out->segmenter.next + (fragment_left(&out->pieces) != 0);
}

/* What is left of the frame at hand is dropped, and it is done with. */
static bool give_up(struct port_queue *p, struct sa_state *sa, enum reason why)
{
	drop(p->lane, sa, why, segments_left(p->out));
	p->out->pieces.at = p->out->pieces.len;
	return true;
}

/* Sends segments of the frame at hand while there is room. True when it is done with. */
static bool send_segments(struct port_queue *p)
{
	struct outbound *out = p->out;
	struct xdp_queue *q = &p->q;
	struct esp_sa *sa = sa_cache_get(&p->lane->sas, out->slot, out->generation);
	uint32_t room = xdp_queue_room(q), each = xdp_queue_room_for_one(q), left = segments_left(out);

	if (!sa)
		return give_up(p, NULL, REASON_NO_SA);
	for (; left && room >= each; left = segments_left(out), room -= each) {
		uint64_t addr = umem_take_to_send(&p->q.umem);

		if (addr == UINT64_MAX)
			break;
		if (!xdp_queue_push(q, addr, make_frame(p, sa, umem_data(&p->q.umem, addr))))
			drop(p->lane, sa->state, REASON_TX_FULL, 1);
		else if (!fragment_left(&out->pieces))
			out->sent++;
	}
	if (left && xdp_queue_is_stuck(q, p->lane->now))
		return give_up(p, sa->state, REASON_TX_FULL);
	return left == 0;
}

static bool goes_as_it_is(const struct outbound *out)
{
	return out->segmenter.l4_header == 0 && !out->oversize;
}

static void kick(struct port_queue *p)
{
	seal_burst(p);
	if (xdp_queue_unkicked(&p->q))
		xdp_queue_kick(&p->q);
}

/* Whether the burst has taken up the frame at hand. It is sealed when it is full, and the NIC then has what it takes in
 * one call. */
static bool joins_burst(struct port_queue *p, struct esp_sa *sa)
{
	if (!goes_as_it_is(p->out) || !burst_add(&p->out->burst, p, sa, &p->out->segmenter))
		return false;
	if (p->out->burst.count + xdp_queue_unkicked(&p->q) >= KICK_BATCH) {
		kick(p);
		xdp_queue_reap(&p->q);
	}
	return true;
}

/* The next frame that does not go in a burst. Frames that were dropped count as taken, too. */
static bool next_frame(struct port_queue *p, uint32_t *taken)
{
	while (*taken < FRAMES_PER_TURN) {
		struct esp_sa *sa;

		/* The frames of the burst are where the next are read to. */
		if (host_reads_next(&p->host))
			seal_burst(p);
		if (!host_next(&p->host, &p->out->frame))
			return false;
		++*taken;
		sa = examine(p);
		if (sa && !joins_burst(p, sa) && begin(p, sa))
			return true;
	}
	return false;
}

static bool is_skipped(struct port_queue *p)
{
	if (!p->host.skip)
		return false;
	p->host.skip--;
	return true;
}

uint32_t outbound_run(struct port_queue *p)
{
	uint32_t taken = 0;

	if (!p->out || is_skipped(p))
		return 0;
	p->out->sent = 0;
	xdp_queue_reap(&p->q);
	while (p->out->busy || next_frame(p, &taken)) {
		xdp_queue_reap(&p->q);
		p->out->busy = !send_segments(p);
		if (p->out->busy)
			break;
		if (xdp_queue_unkicked(&p->q) >= KICK_BATCH)
			kick(p);
	}
	kick(p);
	/* So an idle TAP queue costs a lane no system call each turn, however many it has: one of them is looked at. */
	if (!taken && !p->out->busy)
		p->host.skip = p->lane->readers - 1;
	count(p->lane, REASON_SEALED, p->out->sent);
	return taken;
}

int outbound_init(struct port_queue *p, struct fault *f)
{
	const struct reassembly_limits limits = {
		.datagrams = DATAGRAMS_OUT,
		.per_source = DATAGRAMS_OUT,
		.headless = DATAGRAMS_OUT,
		.first_min = 8,
	};
	struct outbound *out = calloc(1, sizeof(*out));

	p->out = out;
	if (out)
		out->sealed = malloc(HOST_FRAME_MAX + HOST_TAIL);
	if (!out || !out->sealed)
		return fault(f, ENOMEM, "%.15s: not enough memory", p->shared->name);
	return reassembly_create(&out->fragments, &limits, port_drop_fragments, p, f);
}

void outbound_free(struct port_queue *p)
{
	if (!p->out)
		return;
	reassembly_destroy(&p->out->fragments);
	free(p->out->sealed);
	free(p->out);
	p->out = NULL;
}

void outbound_expire(struct port_queue *p)
{
	if (p->out)
		reassembly_expire(&p->out->fragments, p->lane->now);
}

bool outbound_waits_for_nic(const struct port_queue *p)
{
	return p->out && p->out->busy;
}
