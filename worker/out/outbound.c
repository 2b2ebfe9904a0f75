/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "burst.h"
#include "outbound_capture.h"
#include "esp/esp_packet.h"
#include "packet/fragment.h"
#include "lane/mss.h"
#include "path_mtu.h"
#include "packet/reassembly.h"
#include "packet/segment.h"
#include "esp/seq.h"
#include "maps/packet_memory.h"

/*
 * Super-packets taken from the host before inbound has its turn again. Fewer cost
 * a turn of the loop each; more let the RX ring fill up meanwhile.
 */
#define FRAMES_PER_TURN 64
/*
 * The same in packets, after which the frame at hand is the last: more than these of the usual segments come to. Of
 * tiny ones there are two thousand in a super-packet, and a NIC may be as fast as the lane.
 */
#define PACKETS_PER_TURN 3000
/*
 * The same in bytes, with latency = low. In larger turns a window of TCP goes out at once, and a ping beside a stream
 * takes three times as long: perhaps for the receiver's RX ring, where nothing overtakes. Smaller ones cost a stream up
 * to a sixth of its rate (docs/performance.md).
 */
#define BYTES_PER_TURN_LOW (256 << 10)
/*
 * When to make the system call: as many packets as the kernel takes in one, or at
 * the end of the turn. For fewer it costs small packets a call each; for more the
 * wire is idle while a super-packet is sealed.
 */
#define KICK_BATCH 32
/* The SA of the frame that is so many behind the one that is looked at is asked for. */
#define SAS_AHEAD 6
/* So many turns running bulk may find the NIC full of what is urgent; then it has one first. */
#define TURNS_BEHIND 3
/* For so many turns at most an idle TAP queue is not looked at, however many a lane has. */
#define SKIP_MAX 8

struct outbound {
	struct port_queue *p;
	struct host *host; /* that frames are read from */

	/* Of this turn: at its end there are none. */
	struct burst burst;

	/* A frame of the host on its way out; it may take several turns when the NIC is full. */
	bool busy;
	uint32_t slot;
	uint32_t generation;
	uint32_t sent;	 /* packets, this turn, */
	size_t bytes;	 /* and what was read */
	uint64_t seq;	 /* of the segment that is next, */
	uint32_t leased; /* if so many numbers are left of the lease */
	uint32_t behind; /* turns running in which the NIC had room for the other queue's alone */
	struct segmenter segmenter;
	struct host_frame frame;

	struct reassembler fragments; /* of the host's stack */
	size_t mtu;		      /* of the path, as it was when the frame at hand was looked at, */
	bool oversize;		      /* which segments do not fit: each is sealed, then cut */
	uint8_t *sealed;	      /* the one that is being cut: HOST_FRAME_MAX, HOST_TAIL */
	struct fragmenter pieces;
};

/* ---- a frame of the host ---- */

static void seal_burst(struct outbound *out)
{
	out->sent += burst_seal(&out->burst, out->p);
}

/* The SA that tc egress chose, if the frame is what that SA is for: anything else came here without a policy. */
static struct esp_sa *find_sa(struct outbound *out, const uint8_t *frame, const struct segmenter *s, enum reason *why)
{
	struct sa_cache *sas = &out->p->lane->sas;
	struct tx_tag tag;
	struct esp_sa *sa;

	memcpy(&tag, frame + ETH_SRC, sizeof(tag));
	out->slot = tx_tag_slot(&tag);
	out->generation = sa_cache_tagged(sas, &tag);
	/* The cache is about to load an SA, perhaps over one of the burst's. */
	if (__builtin_expect(!sa_cache_has(sas, out->slot, out->generation), 0))
		seal_burst(out);
	sa = sa_cache_get(sas, out->slot, out->generation);
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
static bool fits_path(struct outbound *out, struct esp_sa *sa)
{
	const struct segmenter *s = &out->segmenter;
	const size_t sealed = esp_sealed_size(segment_l4_max(s));
	size_t room;

	out->mtu = path_mtu_of(out->p, sa->state, out->p->lane->now);
	room = out->mtu > s->ip.header ? out->mtu - s->ip.header : 0;
	/* Without a payload, too, ESP may be too long, beside many options on a small MTU. */
	out->oversize = sealed > room;
	if (!out->oversize)
		return true;
	if (!(load_be16(s->ip.ip + IP_FRAG) & IP_DF))
		return room >= 8 && s->ip.header + sealed <= UINT16_MAX;
	path_mtu_tell_host(out->p, s, s->ip.header + esp_max_payload(room));
	return false;
}

/* What may not be sealed, whatever the SA says. */
static bool refuse(struct outbound *out, struct esp_sa *sa)
{
	const struct segmenter *s = &out->segmenter;

	if (s->proto == PROTO_ESP) {
		drop(out->p->lane, sa->state, REASON_NESTED_ESP, 1);
		return true;
	}
	if (!fits_path(out, sa)) {
		drop(out->p->lane, sa->state, REASON_TOO_BIG, s->count);
		return true;
	}
	return false;
}

/* Reads the frame at hand, and finds the SA it is for. NULL: it was dropped and counted. */
static struct esp_sa *parse(struct outbound *out)
{
	struct segmenter *s = &out->segmenter;
	enum reason why = REASON_MALFORMED;
	struct esp_sa *sa;

	if (!segment_begin(s, out->frame.data, out->frame.len, &out->frame.vnet)) {
		drop(out->p->lane, NULL, why, 1);
		return NULL;
	}
	sa = find_sa(out, out->frame.data, s, &why);
	if (!sa)
		drop(out->p->lane, NULL, why, s->count);
	return sa;
}

/*
 * ESP protects datagrams, not fragments (RFC 4303 section 3.3.4): the frame at
 * hand becomes the whole, with its first fragment's tag, when this was the last
 * that was missing. False: it is kept, or dropped.
 */
static bool reassemble(struct outbound *out)
{
	const struct ip_fragment f = {
		.frame = out->frame.data,
		.l2 = out->segmenter.l2,
		.ip = out->segmenter.ip,
		.slot = out->slot,
		.generation = out->generation,
	};
	struct reassembled whole;

	if (!reassembly_add(&out->fragments, &f, out->p->lane->now, out->frame.data, &whole))
		return false;
	out->frame.vnet = (struct virtio_net_hdr){0};
	out->frame.len = whole.len;
	return true;
}

/* Parses a frame and finds its SA. NULL: nothing of it is to be sent now. */
static struct esp_sa *examine(struct outbound *out)
{
	struct segmenter *s = &out->segmenter;
	struct esp_sa *sa = parse(out);

	if (sa && ip_is_fragment(s->ip.ip)) {
		/* What was kept of other SAs is perhaps dropped, for which the cache may load one. */
		seal_burst(out);
		sa = reassemble(out) ? parse(out) : NULL;
	}
	if (!sa || refuse(out, sa))
		return NULL;
	if (out->p->shared->mss_clamp)
		mss_clamp(out->p->shared, &s->ip, s->proto, out->mtu);
	memcpy(out->frame.data + ETH_SRC, out->p->shared->mac, sizeof(out->p->shared->mac));
	return sa;
}

/* Bytes of payload, L4 headers included, of the n segments that are next. */
static uint64_t bytes_of_next(const struct segmenter *s, uint32_t n)
{
	const uint64_t left = s->payload_len - (uint64_t)s->next * s->piece, most = (uint64_t)n * s->piece;

	return (most < left ? most : left) + (uint64_t)n * s->l4_header;
}

/*
 * Leases numbers for so many of the segments that are next as are sent now. What has to wait has none yet: the other
 * queue may send meanwhile, and whoever's numbers were older by then might be behind the peer's replay window.
 */
static bool lease(struct outbound *out, struct esp_sa *sa, uint32_t n, enum reason *why)
{
	const struct segmenter *s = &out->segmenter;
	const uint32_t left = s->count - s->next;

	if (n > left)
		n = left;
	if (!seq_take(sa->state, n, bytes_of_next(s, n), &out->seq, why))
		return false;
	out->leased = n;
	__atomic_store_n(&sa->state->last_used_ns, out->p->lane->now, __ATOMIC_RELAXED);
	return true;
}

/* Makes and seals the next segment, Ethernet header and all, at `to`. The length of that. */
static uint32_t seal_one(struct outbound *out, struct esp_sa *sa, uint8_t *to)
{
	struct segmenter *s = &out->segmenter;
	uint32_t index = s->next;
	uint8_t *ip = to + s->l2, kept[HOST_TAIL], *tail;
	size_t len, esp;
	uint8_t *l4 = segment_next(s, &len);

	/* Padding and trailer go where the next segment begins. */
	tail = l4 + len;
	memcpy(kept, tail, sizeof(kept));
	segment_headers(s, index, to);
	out->leased--;
	esp = esp_seal(out->p->lane->aead, sa, out->seq++, s->proto, ip + s->ip.header, l4, len);
	memcpy(tail, kept, sizeof(kept));
	ip_finish(ip, s->ip.header, s->ip.header + esp, PROTO_ESP);
	return (uint32_t)(s->l2 + s->ip.header + esp);
}

/* The next segment that does not fit the path as one is sealed aside, and cut from there. The ID is no other ESP
 * packet's. */
static void seal_aside(struct outbound *out, struct esp_sa *sa)
{
	const size_t headers = out->segmenter.l2 + out->segmenter.ip.header;
	const size_t len = seal_one(out, sa, out->sealed);

	fragment_begin(&out->pieces, out->sealed, out->segmenter.l2, ip_id_next(out->p->lane->ip_ids, sa->dst),
		       out->sealed + headers, len - headers, out->mtu);
}

/* The next frame for the wire: a sealed segment, or the next fragment of one. The segment is done with when none is
 * left. */
static uint32_t make_frame(struct outbound *out, struct esp_sa *sa, uint8_t *to)
{
	if (!out->oversize)
		return seal_one(out, sa, to);
	if (!fragment_left(&out->pieces))
		seal_aside(out, sa);
	return (uint32_t)fragment_next(&out->pieces, to);
}

/* Segments of the frame at hand of which something has still to be sent. */
static uint32_t segments_left(const struct outbound *out)
{
	return out->segmenter.count - out->segmenter.next + (fragment_left(&out->pieces) != 0);
}

/* What is left of the frame at hand is dropped, and it is done with. */
static bool give_up(struct outbound *out, struct sa_state *sa, enum reason why)
{
	if (out->p->lane->capture)
		outbound_capture_given_up(out->p, &out->frame, tx_tag_of(out->slot, out->generation), why);
	drop(out->p->lane, sa, why, segments_left(out));
	out->pieces.at = out->pieces.len;
	return true;
}

/* For how many frames there is room on the NIC, and memory. */
static uint32_t room_for_frames(const struct xdp_queue *q)
{
	const uint32_t room = xdp_queue_room(q) / xdp_queue_room_for_one(q), memory = umem_left_to_send(&q->umem);

	return room < memory ? room : memory;
}

/* Sends segments of the frame at hand while there is room. True when it is done with. */
static bool send_segments(struct outbound *out)
{
	struct xdp_queue *q = &out->p->q;
	struct esp_sa *sa = sa_cache_get(&out->p->lane->sas, out->slot, out->generation);
	uint32_t room = room_for_frames(q);
	enum reason why;

	/* A number is of this SA's, and of this turn's. */
	out->leased = 0;
	if (!sa)
		return give_up(out, NULL, REASON_NO_SA);
	for (; segments_left(out) && room; room--) {
		uint64_t addr;

		/* How many frames an oversize segment takes shows when it is cut. */
		if (!out->leased && !fragment_left(&out->pieces) && !lease(out, sa, out->oversize ? 1 : room, &why))
			return give_up(out, sa->state, why);
		addr = umem_take_to_send(&q->umem);
		if (!xdp_queue_push(q, addr, make_frame(out, sa, umem_data(&q->umem, addr))))
			drop(out->p->lane, sa->state, REASON_TX_FULL, 1);
		else if (!fragment_left(&out->pieces))
			out->sent++;
	}
	if (segments_left(out) && xdp_queue_is_stuck(q, out->p->lane->now))
		return give_up(out, sa->state, REASON_TX_FULL);
	return segments_left(out) == 0;
}

static bool goes_as_it_is(const struct outbound *out)
{
	return out->segmenter.l4_header == 0 && !out->oversize;
}

static void kick(struct outbound *out)
{
	struct capture *capture = out->p->lane->capture;

	seal_burst(out);
	if (__builtin_expect(capture != NULL, 0))
		outbound_capture_sent(out->p);
	if (xdp_queue_unkicked(&out->p->q))
		xdp_queue_kick(&out->p->q);
}

/* Whether the burst has taken up the frame at hand. It is sealed when it is full, and the NIC then has what it takes in
 * one call. */
static bool joins_burst(struct outbound *out, struct esp_sa *sa)
{
	if (!goes_as_it_is(out) || !burst_add(&out->burst, out->p, sa, &out->segmenter))
		return false;
	if (burst_left(&out->burst) + xdp_queue_unkicked(&out->p->q) >= KICK_BATCH) {
		kick(out);
		xdp_queue_reap(&out->p->q);
	}
	return true;
}

/* tx_tag_slot() of a frame's tag, by one load. */
static uint32_t slot_of_frame(const uint8_t *frame)
{
	uint32_t word;

	_Static_assert(offsetof(struct tx_tag, slot) + 3 == sizeof(struct tx_tag), "the slot is what a tag ends with");
	memcpy(&word, frame + ETH_SRC + sizeof(struct tx_tag) - sizeof(word), sizeof(word));
	return le32toh(word) >> 8;
}

/* Of frame i of the batch; runs of one SA ask once. */
static void prefetch_sa(const struct outbound *out, uint32_t i)
{
	const struct host *h = out->host;
	uint32_t slot;

	if (i >= h->asked || h->ring.lengths[i] == 0)
		return;
	slot = slot_of_frame(host_ring_frame(&h->ring, i));
	if (i == 0 || h->ring.lengths[i - 1] == 0 || slot != slot_of_frame(host_ring_frame(&h->ring, i - 1)))
		sa_cache_prefetch(&out->p->lane->sas, slot);
}

/* Each time that frames are read. */
static void on_read(struct outbound *out)
{
	if (__builtin_expect(out->p->lane->capture != NULL, 0))
		outbound_capture_taken(out->p, &out->frame);
	for (uint32_t i = 0; i < SAS_AHEAD; i++)
		prefetch_sa(out, i);
}

/* Before the host is asked for more: what came alone at the beginning of a turn most often is alone, and goes before it
 * is looked whether another is behind it. */
static void end_batch(struct outbound *out, uint32_t taken)
{
	if (taken == 1 && burst_left(&out->burst))
		kick(out);
	else
		seal_burst(out);
	/* To be captured they are read one by one, so that nothing is asked of each else. */
	if (__builtin_expect(out->p->lane->capture != NULL, 0))
		out->host->wanted = 1;
}

/* The next frame that does not go in a burst. Frames that were dropped count as taken, too. */
static bool next_frame(struct outbound *out, uint32_t *taken)
{
	const size_t most = out->p->lane->low_latency ? BYTES_PER_TURN_LOW : SIZE_MAX;

	while (*taken < FRAMES_PER_TURN && out->bytes < most) {
		/* The frames of the burst are where the next are read to. */
		const bool reads = host_reads_next(out->host);
		struct esp_sa *sa;

		if (reads)
			end_batch(out, *taken);
		if (reads && __builtin_expect(out->p->lane->settling != 0, 0))
			return false;
		if (!host_next(out->host, &out->frame))
			return false;
		if (reads)
			on_read(out);
		prefetch_sa(out, out->host->next - 1 + SAS_AHEAD);
		++*taken;
		out->bytes += out->frame.len;
		sa = examine(out);
		if (sa && !joins_burst(out, sa)) {
			seal_burst(out);
			return true;
		}
	}
	return false;
}

static bool is_skipped(struct outbound *out)
{
	if (!out->host->skip)
		return false;
	out->host->skip--;
	return true;
}

static uint32_t run(struct outbound *out)
{
	uint32_t taken = 0;

	if (!out)
		return 0;
	out->sent = 0;
	if (is_skipped(out))
		return 0;
	out->bytes = 0;
	xdp_queue_reap(&out->p->q);
	while (out->busy || next_frame(out, &taken)) {
		xdp_queue_reap(&out->p->q);
		out->busy = !send_segments(out);
		if (out->busy)
			break;
		if (out->sent >= PACKETS_PER_TURN)
			taken = FRAMES_PER_TURN;
		if (xdp_queue_unkicked(&out->p->q) >= KICK_BATCH)
			kick(out);
	}
	kick(out);
	/* So idle TAP queues cost a lane no system call each every turn: of a few pairs, one is looked at. */
	if (!taken && !out->busy)
		out->host->skip = out->p->lane->readers <= SKIP_MAX ? out->p->lane->readers - 1 : SKIP_MAX;
	count(out->p->lane, REASON_SEALED, out->sent);
	return taken;
}

/* Turns in which the NIC took nothing are nobody's. */
static void count_turns_behind(struct outbound *bulk, const struct outbound *express)
{
	if (bulk->sent || !bulk->busy)
		bulk->behind = 0;
	else if (express && express->sent)
		bulk->behind++;
}

uint32_t outbound_run(struct port_queue *p)
{
	const bool turn_about = p->out && p->out->behind >= TURNS_BEHIND;
	uint32_t taken = run(turn_about ? p->out : p->out_express);

	taken += run(turn_about ? p->out_express : p->out);
	if (p->out)
		count_turns_behind(p->out, p->out_express);
	return taken;
}

static int init(struct outbound **to, struct port_queue *p, struct host *host, struct fault *f)
{
	/* The host sends the fragments of a datagram back to back, so a CPU has one or two open; what is over gives
	 * room to those that never get all (a firewall dropped a part). They share the room: the host is one source. */
	const struct reassembly_limits limits = {
		.datagrams = DATAGRAMS_OUT,
		.per_source = DATAGRAMS_OUT,
		.headless = DATAGRAMS_OUT,
		.first_min = 8,
	};
	struct outbound *out = calloc(1, sizeof(*out));

	*to = out;
	if (out)
		out->sealed = malloc(HOST_FRAME_MAX + HOST_TAIL);
	if (!out || !out->sealed)
		return fault(f, ENOMEM, "%.15s: not enough memory", p->shared->name);
	out->p = p;
	out->host = host;
	return reassembly_create(&out->fragments, &limits, port_drop_fragments, p, f);
}

int outbound_init(struct port_queue *p, struct fault *f)
{
	int err = init(&p->out, p, &p->host, f);

	return err || !p->express.reads ? err : init(&p->out_express, p, &p->express, f);
}

/* The frame that the NIC has no room for, and behind it those that were read with it; or those that had no turn yet,
 * for which no worker is left. */
static void give_up_read(struct outbound *out)
{
	const enum reason why = out->busy ? REASON_TX_FULL : REASON_NO_WORKER;
	struct esp_sa *sa;

	if (out->busy) {
		sa = sa_cache_get(&out->p->lane->sas, out->slot, out->generation);
		out->busy = !give_up(out, sa ? sa->state : NULL, why);
	}
	while (!host_reads_next(out->host) && host_next(out->host, &out->frame)) {
		sa = parse(out);
		if (sa)
			drop(out->p->lane, sa->state, why, out->segmenter.count);
	}
}

static void give_up_all(struct outbound *out)
{
	if (!out)
		return;
	give_up_read(out);
	reassembly_give_up(&out->fragments);
}

void outbound_give_up(struct port_queue *p)
{
	give_up_all(p->out);
	give_up_all(p->out_express);
}

static void free_one(struct outbound *out)
{
	if (!out)
		return;
	reassembly_destroy(&out->fragments);
	free(out->sealed);
	free(out);
}

void outbound_free(struct port_queue *p)
{
	free_one(p->out);
	free_one(p->out_express);
	p->out = p->out_express = NULL;
}

static void expire(struct outbound *out)
{
	if (out)
		reassembly_expire(&out->fragments, out->p->lane->now);
}

void outbound_expire(struct port_queue *p)
{
	expire(p->out);
	expire(p->out_express);
}

static bool is_half_done(const struct outbound *out)
{
	return out && (out->busy || !host_reads_next(out->host) || !reassembly_is_empty(&out->fragments));
}

bool outbound_is_half_done(const struct port_queue *p)
{
	return is_half_done(p->out) || is_half_done(p->out_express);
}

bool outbound_waits_for_nic(const struct port_queue *p)
{
	return (p->out && p->out->busy) || (p->out_express && p->out_express->busy);
}
