/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments of any kind in any order. What must hold: a datagram that comes out
 * of fragments that agree is right in every byte; cut and put together again it
 * is the same; what is held are pieces that do not overlap, and all that was counted; and when all is over nothing is
 * left behind.
 */
#include "packet/fragment.h"
#include "fuzz.h"
#include "packet/reassembly.h"

/* One fragment, as the input has it. */
struct step {
	uint8_t who;   /* 2 bits of source, 2 of ID, 1 of protocol; 0x80: bytes of its own; 0x40: BURST of them, each
			  behind the last */
	uint8_t shape; /* 4 bits of options in words, 2 of tags, 2 of ECN */
	uint8_t pause; /* in 32nds of what a datagram may take */
	uint8_t len_low;
	uint8_t len_high; /* 0x80: the last one */
	uint8_t at_low;
	uint8_t at_high;
};

#define BURST 64

static const struct reassembly_limits limits = {.datagrams = 8, .per_source = 3, .headless = 4, .first_min = 40};

static struct reassembler first, second;
static uint8_t frame[HOST_FRAME_MAX], whole[HOST_FRAME_MAX], again[HOST_FRAME_MAX], piece[4096];
static uint8_t contents[4][4][2][2 * HOST_FRAME_MAX]; /* by source, ID, protocol */
static bool tainted[4][4][2];			      /* as these; two fragments may differ where they overlap */

static void on_drop(void *user, const struct lost_fragments *lost)
{
	(void)user;
	require(lost->count > 0 && lost->count <= (lost->at_hand ? FRAGMENTS_MAX + 1U : FRAGMENTS_MAX));
	require(lost->why >= REASON_FRAG_TIMEOUT && lost->why <= REASON_FRAG_FULL);
	require(lost->slot == SLOT_NONE ? lost->generation == 0 : lost->slot == 1 && lost->generation == 3);
}

/* All that a datagram could be: some of it is cut out of here. */
static const uint8_t *content_of(const uint8_t *ip)
{
	return contents[ip[IP_SRC]][ip[IP_ID]][ip[IP_PROTO]];
}

static void fill_contents(void)
{
	uint8_t *all = &contents[0][0][0][0];

	for (size_t i = 0; i < sizeof(contents); i++)
		all[i] = (uint8_t)(i * 31 + i / 251);
}

static bool *taint_of(const uint8_t *ip)
{
	return &tainted[ip[IP_SRC]][ip[IP_ID]][ip[IP_PROTO]];
}

static struct ip_fragment make(const struct step *s)
{
	const size_t l2 = ETH_LEN + (s->shape >> 4 & 3) % 3 * VLAN_LEN;
	const size_t header = IP_LEN_MIN + (s->shape & 15) % 11 * 4;
	const size_t at = (size_t)(s->at_high << 8 | s->at_low) & IP_OFFSET;
	const size_t most = sizeof(frame) - l2 - header;
	size_t len = (size_t)(s->len_high & 0x7f) << 8 | s->len_low;
	uint8_t *ip = frame + l2;

	len = len > most ? most : len;
	memset(frame, 7, l2 + header);
	for (size_t i = IP_LEN_MIN; i < header; i++)
		ip[i] = i % 2 ? s->pause & 15 : s->who << 2;
	ip[0] = (uint8_t)(0x40 | header / 4);
	ip[IP_TOS] = s->shape >> 6;
	ip[IP_SRC] = s->who & 3;
	ip[IP_ID] = s->who >> 2 & 3;
	store_be16(ip + IP_FRAG, (uint16_t)(at | (s->len_high & 0x80 ? 0 : IP_MF)));
	ip_finish(ip, header, header + len, s->who >> 4 & 1);
	memcpy(ip + header, content_of(ip) + at * 8, len);
	if (s->who & 0x80) {
		memset(ip + header, s->pause, len);
		*taint_of(ip) = true;
	}
	return (struct ip_fragment){
		.frame = frame,
		.l2 = l2,
		.ip = {.ip = ip, .header = header, .total = header + len},
		.slot = at ? SLOT_NONE : 1,
		.generation = at ? 0 : 3,
	};
}

static void check_bytes(const struct reassembled *out)
{
	const uint8_t *ip = whole + out->l2;
	const size_t header = (size_t)(ip[0] & 15) * 4;

	require(load_be16(ip + IP_TOTAL_LEN) == out->len - out->l2);
	require(csum_ipv4_header(ip, header) == 0 && !ip_is_fragment(ip));
	require(out->slot == 1 && out->generation == 3);
	require(*taint_of(ip) || memcmp(ip + header, content_of(ip), out->len - out->l2 - header) == 0);
}

/* Through the fragmenter and a reassembler of its own. */
static void check_round_trip(const struct reassembled *out, size_t mtu)
{
	const uint8_t *ip = whole + out->l2;
	const size_t headers = out->l2 + (size_t)(ip[0] & 15) * 4;
	struct reassembled back;
	struct fragmenter f;
	bool done = false;

	fragment_begin(&f, whole, out->l2, 77, whole + headers, out->len - headers, mtu);
	while (fragment_left(&f)) {
		struct ip_fragment part = {.frame = piece, .l2 = out->l2};
		const size_t n = fragment_next(&f, piece);

		require(!done && n - out->l2 <= mtu && ip_parse(&part.ip, piece + out->l2, n - out->l2));
		part.slot = load_be16(part.ip.ip + IP_FRAG) & IP_OFFSET ? SLOT_NONE : 1;
		part.generation = part.slot == 1 ? 3 : 0;
		if (!ip_is_fragment(part.ip.ip))
			return;
		done = reassembly_add(&second, &part, 0, again, &back);
	}
	require(done && back.len == out->len);
	require(memcmp(again + headers, whole + headers, out->len - headers) == 0);
}

static void check_pieces(const struct datagram *d)
{
	uint32_t received = 0, behind = 0;

	require(d->count <= FRAGMENTS_MAX && (!d->dead || d->count == 0));
	for (uint32_t i = 0; i < d->count; i++) {
		const struct piece *p = &d->pieces[i];

		require(p->len > 0 && p->at % 8 == 0 && p->at >= behind);
		behind = (uint32_t)p->at + p->len;
		received += p->len;
	}
	require(d->dead || (received == d->received && (!d->end || behind <= d->end)));
}

static void check_held(const struct reassembler *r)
{
	const struct datagram *d;
	uint32_t n = 0, headless = 0;

	TAILQ_FOREACH(d, &r->ages, by_age) {
		check_pieces(d);
		n++;
		headless += !d->headed;
	}
	require(n <= limits.datagrams && headless == r->headless && headless <= limits.headless);
}

static void check_empty(struct reassembler *r)
{
	struct datagram *d;
	uint32_t n = 0;

	reassembly_expire(r, UINT64_MAX);
	TAILQ_FOREACH(d, &r->free, by_age)
		n++;
	require(n == limits.datagrams && r->headless == 0 && TAILQ_EMPTY(&r->ages));
}

static void open_all(void)
{
	struct fault f;

	fill_contents();
	require(reassembly_create(&first, &limits, on_drop, NULL, &f) == 0);
	require(reassembly_create(&second, &limits, on_drop, NULL, &f) == 0);
	first.seed = second.seed = 1; /* the same every time */
}

static void take(const struct step *s, uint64_t now)
{
	struct ip_fragment f = make(s);
	struct reassembled out;

	if (reassembly_add(&first, &f, now, whole, &out)) {
		check_bytes(&out);
		/* At 576 bytes every datagram is few enough pieces. */
		check_round_trip(&out, 632 + s->pause * 8u);
	}
	check_held(&first);
}

/* Of few bytes each, so that a datagram may have more of them than there is room for. */
static void take_burst(struct step *s, uint64_t now)
{
	s->len_high = 0;
	for (unsigned n = 0, at = s->at_high << 8 | s->at_low; n < BURST; n++, at += s->len_low / 8) {
		s->at_low = (uint8_t)at;
		s->at_high = (uint8_t)(at >> 8);
		take(s, now);
	}
}

static void run(const uint8_t *data, size_t size)
{
	uint64_t now = 0;

	memset(tainted, 0, sizeof(tainted));
	for (; size >= sizeof(struct step); data += sizeof(struct step), size -= sizeof(struct step)) {
		struct step s;

		memcpy(&s, data, sizeof(s));
		now += s.pause * (REASSEMBLY_NS / 32);
		if (s.who & 0x40)
			take_burst(&s, now);
		else
			take(&s, now);
	}
	check_empty(&first);
	check_empty(&second);
}

/* Three pieces, in either order, and one that overlaps. */
static void seeds(void)
{
	static const struct step steps[] = {
		{.len_high = 2},
		{.len_high = 2, .at_low = 64},
		{.len_high = 0x81, .len_low = 9, .at_low = 128},
		{.who = 5, .len_high = 0x81, .at_low = 64},
		{.who = 5, .len_high = 2, .shape = 1},
		{.who = 9, .len_high = 1},
		{.who = 9, .len_high = 1, .at_low = 16, .pause = 20},
		{.who = 0x46, .len_low = 16},
	};

	fuzz_seed(steps, sizeof(steps));
	fuzz_seed(steps, 3 * sizeof(steps[0]));
}

FUZZER(.name = "reassembly", .open = open_all, .run = run, .seeds = seeds)
