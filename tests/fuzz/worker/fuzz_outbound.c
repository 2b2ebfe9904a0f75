/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the host to the wire, by the worker's real passes: frames as the kernel gives them, with their virtio headers,
 * and with lies in single fields of either; whole, or in fragments; while SAs, MTUs and room on the NIC come and go.
 * What must hold: on the wire is nothing but ESP that opens, by the key of the SA that the frame's tag names, to what a
 * plain reading of the frame says (out_reference.h), in its order, no larger than the path, with numbers and IVs that
 * rise; what does not leave is counted, once, for its reason; the limits of an SA are kept; nothing behind a frame is
 * read; every frame of packet memory is in the pool again.
 *
 *   begin: u8 what, u16 MTU, clamp; then steps: u8 what, then as the functions of `steps` read it
 */
#define _GNU_SOURCE
#include "out_frames.h"

#define STEPS_MAX 60

enum { BEGIN_JUMBO = 1, BEGIN_CAPTURE = 2, BEGIN_LOW_LATENCY = 4, BEGIN_SINGLY = 8 };

static struct capture capture;
static struct capture_wants wants = {.points = 1 << CAPTURE_CLEAR | 1 << CAPTURE_ESP};
static struct capture_ring *ring;
static uint32_t free_frames, free_spans; /* of packet memory, for this input */

/* ---- in fragments, as the host's stack sends what its socket did not want to be told of ---- */

#define PARTS_MAX 40

struct parts {
	struct given whole; /* bytes: the frame */
	size_t l2, header, len;
	size_t each; /* bytes of payload, but for the last */
	uint32_t count;
	struct given *first;
	struct virtio_net_hdr part_vnet;
	uint32_t last; /* of those that are there, in the order in which they are given */
	bool complete;
};

static void give_part(struct parts *p, uint32_t i, uint16_t spoil)
{
	const size_t at = i * p->each, n = p->len - at < p->each ? p->len - at : p->each, head = p->l2 + p->header;
	static uint8_t part[HOST_FRAME_MAX];
	struct given g = p->whole, *given_one;
	uint8_t *ip = part + p->l2;

	memcpy(part, p->whole.bytes, head);
	memcpy(part + head, p->whole.bytes + head + at, n);
	store_be16(ip + IP_FRAG, (uint16_t)(at / 8 | (at + n < p->len ? IP_MF : 0)));
	if (spoil)
		ip[spoil % p->header] ^= (uint8_t)(spoil >> 8);
	store_be16(ip + IP_TOTAL_LEN, (uint16_t)(p->header + n));
	g.vnet = p->part_vnet;
	g.bytes = part;
	g.len = head + n;
	g.ours = !spoil;
	given_one = give(&g);
	p->complete &= given_one && given_one->fate == FATE_FRAGMENT;
	if (!given_one)
		return;
	p->last = given_one->place;
	if (i == 0 && !p->first && given_one->fragment)
		p->first = given_one;
}

/* What they are together. */
static void note_whole(struct parts *p)
{
	struct given *whole = &wholes[whole_count++];

	*whole = p->whole;
	whole->bytes = malloc(p->whole.len);
	require(whole->bytes);
	memcpy(whole->bytes, p->whole.bytes, p->whole.len);
	store_be16(whole->bytes + p->l2 + IP_FRAG, 0);
	read_given(whole);
	whole->fate = fate_of(whole);
	whole->place = p->last;
	if (p->first)
		p->first->whole = whole;
	whole->ours = p->complete;
	joined += p->count - 1;
}

/* As build() reads it; u8 size in words of 8 bytes, u8 how: 1: from the last to the first, 2: one is missing, 4: one
 * comes twice, 8: u16: one has another header, 16: each calls itself a super-packet; u8 which one */
static void put_parts(struct input *in)
{
	struct parts p = {.complete = true};
	uint8_t how, which;
	uint16_t spoil;

	build(in, &p.whole);
	p.whole.vnet = (struct virtio_net_hdr){0};
	read_given(&p.whole);
	p.l2 = p.whole.l2;
	p.header = p.whole.header;
	p.len = p.whole.total - p.header;
	p.each = (input_u8(in) + 1) * 8u;
	p.each = p.len / p.each < PARTS_MAX ? p.each : (p.len / PARTS_MAX + 8) & ~(size_t)7;
	p.count = (uint32_t)((p.len + p.each - 1) / p.each);
	how = input_u8(in);
	if (how & 16)
		p.part_vnet = (struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4, .gso_size = 100};
	spoil = how & 8 ? input_u16(in) : 0;
	which = input_u8(in);
	if (p.count < 2 || given_count + p.count + 1 > GIVEN_MAX)
		return;
	for (uint32_t n = 0; n < p.count; n++) {
		const uint32_t i = how & 1 ? p.count - 1 - n : n;
		const bool chosen = i == which % p.count;

		if (chosen && how & 2) {
			p.complete = false;
			continue;
		}
		give_part(&p, i, chosen ? spoil : 0);
		/* A fragment that comes again is dropped; but after the last it is the first of another datagram. */
		if (chosen && how & 4 && n + 1 < p.count)
			give_part(&p, i, 0);
	}
	note_whole(&p);
}

/* ---- what else happens ---- */

static void take_turn(struct input *in)
{
	(void)in;
	turn();
}

static void let_nic_take(struct input *in)
{
	nic_takes(input_u8(in));
}

/* u8 in 128ths of a datagram's time. What the NIC has it keeps: it may be stuck. */
static void let_time_pass(struct input *in)
{
	sloppy |= is_pending() || nic->tx.consumer != nic->tx.producer;
	passed = true;
	lanes.lane[1].now += input_u8(in) * (REASSEMBLY_NS / 128);
	outbound_expire(&nic->queue.port);
}

/* 0: none; odd: what fits; else a fourth of the MSS. */
static uint16_t read_clamp(struct input *in)
{
	const uint8_t clamp = input_u8(in);

	return clamp & 1 ? MSS_CLAMP_FIT : clamp * 4u;
}

/* u16 MTU, clamp */
static void change_port(struct input *in)
{
	struct port *port = &lanes.maps.port[nic->queue.port.shared - lanes.maps.port];
	const uint32_t most = nic->queue.port.q.umem.mtu_max;

	before_change();
	port->mtu = MTU_MIN + input_u16(in) % (most - MTU_MIN + 1);
	port->mss_clamp = read_clamp(in);
	most_mtu = port->mtu > most_mtu ? port->mtu : most_mtu;
}

/* u8 SA, u16 bytes of IP, u8 seconds */
static void tell_path(struct input *in)
{
	const uint8_t which = input_u8(in) % SA_COMING_IN;

	before_change();
	state_of(which)->path_mtu.mtu = 576 + input_u16(in) % 9000;
	state_of(which)->path_mtu.until_s = (uint32_t)(lanes.lane[1].now / 1000000000) + input_u8(in);
}

/* u8 descriptors that may be on their way, u8 frames or spans that are free */
static void change_room(struct input *in)
{
	struct xdp_queue *q = &nic->queue.port.q;
	const uint32_t limit = 8 + input_u8(in), left = 2 + input_u8(in);

	nic_takes(UINT32_MAX);
	xdp_queue_reap(q);
	q->limit = limit;
	q->umem.free_count = free_frames = left;
	if (q->umem.jumbo)
		q->umem.free_span_count = free_spans = SPANS_FOR_RX + left;
}

static void end_sa(uint32_t which)
{
	if (slot_in_use(state_of(which)->generation))
		__atomic_add_fetch(&state_of(which)->generation, 1, __ATOMIC_RELEASE);
}

static void begin_next_sa(uint32_t which)
{
	if (peer_sa_count == PEER_SAS)
		return;
	end_sa(which);
	begin_sa(which, state_of(which)->generation + 1);
}

/* Numbers go on from there: n before the last that the SA may give out, or before the low half of one goes round. */
static void set_number(uint32_t which, uint8_t n)
{
	struct sa_state *sa = state_of(which);
	uint64_t to = (n & 0x80 && sa->flags & SA_ESN ? UINT64_MAX : UINT32_MAX) - (n & 0x7f);

	if (to <= sa->seq)
		return;
	sa->seq = to;
	peer_find(sa->spi)->last = to;
}

/* u8 SA, u8 what becomes of it, u8 of how much */
static void change_sa(struct input *in)
{
	const uint8_t which = input_u8(in) % SA_COMING_IN, what = input_u8(in) % 5, amount = input_u8(in);
	struct sa_state *sa = state_of(which);

	before_change();
	if (what == 0)
		end_sa(which);
	else if (what == 1)
		begin_next_sa(which);
	else if (what == 2)
		sa->hard_packets = sa->packets + amount + 1;
	else if (what == 3)
		sa->hard_bytes = sa->bytes + amount * 256 + 1;
	else if (sends(which))
		set_number(which, amount);
}

/* As while the lane gives up its queues: what is half done is finished. */
static void settle(struct input *in)
{
	lanes.lane[1].settling = input_u8(in) & 1 ? lanes.lane[1].now : 0;
}

/* ---- all of it ---- */

static void (*const steps[])(struct input *in) = {
	put_frame,   put_frame, put_parts, put_raw,	take_turn,     let_nic_take,
	change_room, change_sa, tell_path, change_port, let_time_pass, settle,
};

static void begin(struct input *in)
{
	const uint8_t what = input_u8(in);
	const uint16_t mtu = input_u16(in);
	const bool jumbo = what & BEGIN_JUMBO;
	const uint32_t most = jumbo ? MTU_JUMBO : MTU_USUAL;

	scene_begin(jumbo, mtu ? MTU_MIN + mtu % (most - MTU_MIN + 1) : most, read_clamp(in));
	lanes.lane[1].low_latency = what & BEGIN_LOW_LATENCY;
	if (what & BEGIN_SINGLY)
		nic->queue.port.host.wanted = nic->queue.port.express.wanted = 1;
	if (!(what & BEGIN_CAPTURE))
		return;
	capture_begin(&capture, &wants, ring);
	lanes.lane[1].capture = &capture;
}

static void finish(void)
{
	lanes.lane[1].settling = 0;
	for (unsigned i = 0; is_waiting() || nic->tx.consumer != nic->tx.producer; i++) {
		require(i < 20000);
		turn();
		nic_takes(UINT32_MAX);
	}
	lanes.lane[1].now += 2 * REASSEMBLY_NS;
	outbound_expire(&nic->queue.port);
	require(!outbound_is_half_done(&nic->queue.port) && !outbound_waits_for_nic(&nic->queue.port));
	xdp_queue_reap(&nic->queue.port.q);
}

/* ---- what must have come of it ---- */

/* Nothing was used up, nothing changed under way: the reference knows each. */
static void look_at_fates(void)
{
	for (uint32_t i = 0; i < whole_count && !foreign && !passed && !dropped_late(); i++)
		require(!wholes[i].ours || wholes[i].left == (wholes[i].fate == FATE_SENT));
	require(dropped(REASON_MALFORMED) == fated[FATE_MALFORMED]);
	if (whole_count || foreign)
		return;
	require(dropped(REASON_NO_SA) == fated[FATE_NO_SA] && dropped(REASON_NO_POLICY) == fated[FATE_NO_POLICY]);
	require(dropped(REASON_NESTED_ESP) == fated[FATE_NESTED] && dropped(REASON_TOO_BIG) == fated[FATE_TOO_BIG]);
	require(answers == wanted_answers);
	for (uint32_t i = 0; i < given_count && !dropped_late(); i++)
		require(given[i].left == (given[i].fate == FATE_SENT ? given[i].count : 0));
}

/* What an SA has counted is what the peer had of it, and no limit is passed. */
static void look_at_sa(uint32_t which)
{
	const struct sa_state *sa = state_of(which);
	const struct peer_sa *peer = peer_find(sa->spi);
	const bool all = !sloppy && !dropped(REASON_TX_FULL);

	NOTE(sa->hard_packets && sa->packets == sa->hard_packets && dropped(REASON_LIFETIME_EXPIRED));
	NOTE(sa->hard_bytes && sa->bytes + 300 > sa->hard_bytes && dropped(REASON_LIFETIME_EXPIRED));
	require(!sa->hard_packets || sa->packets <= sa->hard_packets);
	require(!sa->hard_bytes || sa->bytes <= sa->hard_bytes);
	require(peer->last <= sa->seq && peer->opened <= sa->packets && peer->bytes <= sa->bytes);
	require(!all || (peer->last == sa->seq && peer->opened == sa->packets && peer->bytes == sa->bytes));
	require(!all || !peer->skipped);
}

/* Each packet has left, or is counted once. */
static void look_at_counts(void)
{
	const uint64_t accounted = opened + dropped_in_all();

	require(dropped(REASON_SEALED) == opened);
	/* Such a fragment is as many packets if there is no SA for it. */
	require(foreign || (sloppy && cut_parts) || (accounted <= units && accounted + joined >= units));
	if (!sloppy)
		look_at_fates();
	for (uint32_t i = 0; i < SA_COMING_IN; i++)
		look_at_sa(i);
}

static void put_away(void)
{
	struct umem *u = &nic->queue.port.q.umem;

	require(u->free_count == free_frames && (!u->jumbo || u->free_span_count == free_spans));
	u->free_count = nic->frames;
	u->free_span_count = nic->spans;
	nic->queue.port.host.skip = nic->queue.port.express.skip = 0;
	lanes.lane[1].capture = NULL;
	for (uint32_t i = 0; i < given_count; i++)
		free(given[i].bytes);
	for (uint32_t i = 0; i < whole_count; i++)
		free(wholes[i].bytes);
}

static void run(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);

	begin(&in);
	free_frames = nic->frames;
	free_spans = nic->spans;
	for (unsigned i = 0; i < STEPS_MAX && in.left; i++)
		steps[input_u8(&in) % (sizeof(steps) / sizeof(*steps))](&in);
	finish();
	look_at_counts();
	put_away();
}

static void open_all(void)
{
	ring = calloc(1, sizeof(*ring));
	require(ring);
	frames_open();
	scene_open();
}

/* ---- seeds ---- */

enum { FRAME = 0, PARTS = 2, RAW, TURN, TAKE, ROOM, SA, PATH, PORT_CHANGE, TIME, SETTLE };

static void seed_begin(struct seed *s, unsigned what, unsigned mtu, unsigned clamp)
{
	s->size = 0;
	seed_u8(s, what);
	seed_u16(s, mtu);
	seed_u8(s, clamp);
}

/* A frame of that protocol, and the lies are the caller's. */
static void seed_built(struct seed *s, unsigned step, unsigned who, unsigned shape, uint8_t proto, unsigned payload,
		       unsigned gso)
{
	static const uint8_t places[] = {[PROTO_ICMP] = 4, [PROTO_TCP] = 0, [PROTO_UDP] = 1, [PROTO_ESP] = 5};

	seed_u8(s, step);
	seed_u8(s, who);
	seed_u8(s, shape);
	seed_u8(s, 0x28);
	seed_u8(s, places[proto]);
	seed_u16(s, payload);
	if (proto == PROTO_TCP) {
		seed_u8(s, TCP_ACK_FLAG | TCP_PSH | TCP_CWR);
		seed_u8(s, 3);
	}
	seed_u16(s, gso);
}

static void seed_frame(struct seed *s, unsigned who, unsigned shape, uint8_t proto, unsigned payload, unsigned gso)
{
	seed_built(s, FRAME, who, shape, proto, payload, gso);
	seed_u8(s, 0);
}

static void seed_step(struct seed *s, unsigned step, const uint8_t *bytes, size_t n)
{
	seed_u8(s, step);
	seed_bytes(s, bytes, n);
}

#define SEED_STEP(s, step, ...) \
	seed_step(s, step, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void seed_traffic(struct seed *s, unsigned what)
{
	seed_begin(s, what, 0, 1);
	for (unsigned i = 0; i < SAS; i++) {
		seed_frame(s, i | (i & 1) << 7, i * 5 | 0x40, i & 1 ? PROTO_UDP : PROTO_TCP, 100 * i, 0x8000);
		seed_frame(s, i, i * 5, i & 1 ? PROTO_UDP : PROTO_TCP, 4000, 0x8000 | (300 + i * 100));
		seed_frame(s, i, 0x40, i & 1 ? PROTO_ESP : PROTO_ICMP, 2000, 0);
	}
	seed_u8(s, TURN);
	fuzz_seed(s->data, s->size);
}

/* What there is no room for, in a bulk queue and an urgent one, some of it to be cut. */
static void seed_little_room(struct seed *s, unsigned what)
{
	seed_begin(s, what, 900, 0);
	SEED_STEP(s, ROOM, 2, 5);
	for (unsigned i = 0; i < 3; i++) {
		seed_frame(s, SA_PLAIN, 0, PROTO_UDP, 9000, 0);
		seed_frame(s, SA_PLAIN | 0x80, 0, PROTO_UDP, 3000, 0);
		seed_frame(s, SA_WITH_ESN, 0, PROTO_TCP, 20000, 700);
	}
	for (unsigned i = 0; i < 12; i++) {
		seed_u8(s, TURN);
		SEED_STEP(s, TAKE, 3);
	}
	SEED_STEP(s, TIME, 90);
	seed_u8(s, TURN);
	SEED_STEP(s, SETTLE, 1);
	SEED_STEP(s, SA, SA_WITH_ESN, 1, 0);
	seed_u8(s, TURN);
	SEED_STEP(s, TIME, 90);
	seed_u8(s, TURN);
	fuzz_seed(s->data, s->size);
}

static void seed_limits(struct seed *s, unsigned what)
{
	seed_begin(s, 0, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		SEED_STEP(s, SA, (uint8_t)i, (uint8_t)what, (uint8_t)(i == 1 ? 0x85 : 5));
	for (unsigned i = 0; i < 12; i++)
		seed_frame(s, i % 3, 0x40, PROTO_UDP, 200, i > 9 ? 20 : 0);
	seed_u8(s, TURN);
	fuzz_seed(s->data, s->size);
}

static void seed_parts(struct seed *s, unsigned how)
{
	seed_begin(s, 0, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		seed_built(s, PARTS, i, i * 20, i ? PROTO_UDP : PROTO_TCP, 3000 + i, 0);
		seed_u8(s, 99);
		seed_u8(s, how);
		if (how & 8)
			seed_u16(s, 0x2006);
		seed_u8(s, i);
	}
	seed_u8(s, TURN);
	SEED_STEP(s, PATH, 0, 0, 100, 9);
	seed_frame(s, SA_PLAIN, 0x40, PROTO_UDP, 1200, 0);
	SEED_STEP(s, PORT_CHANGE, 0, 200, 1);
	fuzz_seed(s->data, s->size);
}

static void seed_lies(struct seed *s, uint8_t proto, unsigned gso, const uint16_t *values, unsigned n)
{
	for (unsigned lie = 0; lie < LIES; lie++) {
		seed_begin(s, lie % 3 * 2, 0, 0);
		for (unsigned i = 0; i < n; i++) {
			seed_built(s, FRAME, SA_PLAIN, 1, proto, 700, gso);
			seed_u8(s, 1);
			seed_u8(s, lie);
			seed_u16(s, values[i]);
		}
		fuzz_seed(s->data, s->size);
	}
}

static void seeds(void)
{
	static const uint16_t values[] = {0, 1, 5, 24, 38, 54, 720, 0x2000, 0x45, 0x4f, 0x50, 0x8100, 0xffff};
	static struct seed s;

	for (unsigned what = 0; what < 16; what += 3)
		seed_traffic(&s, what);
	seed_little_room(&s, 0);
	seed_little_room(&s, BEGIN_JUMBO | BEGIN_CAPTURE);
	for (unsigned what = 0; what < 5; what++)
		seed_limits(&s, what);
	for (unsigned how = 0; how < 32; how++)
		seed_parts(&s, how);
	seed_lies(&s, PROTO_TCP, 0x8000, values, sizeof(values) / sizeof(*values));
	seed_lies(&s, PROTO_TCP, 100, values, sizeof(values) / sizeof(*values));
	seed_lies(&s, PROTO_UDP, 0x8000 | 99, values, sizeof(values) / sizeof(*values));
}

FUZZER(.name = "outbound", .open = open_all, .run = run, .seeds = seeds)
