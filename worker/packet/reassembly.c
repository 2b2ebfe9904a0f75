/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "reassembly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "maps/packet_memory.h"

#define HEADERS_ROOM (ETH_LEN_MAX + IP_LEN_MAX)
#define IP_TOTAL_MAX 65535
/* One datagram's part of the arena, in whole cache lines. */
#define STRIDE ((HEADERS_ROOM + IP_TOTAL_MAX + 63) & ~(size_t)63)
_Static_assert(STRIDE == DATAGRAM_MEMORY, "'check' says how much it is");

/* The ECN codepoint of who knows none (RFC 3168 section 5). */
#define NOT_ECT 0

/* Where a fragment belongs in its datagram. */
struct extent {
	uint32_t at;
	uint32_t end;
	bool last;
	const uint8_t *data;
};

/* ---- the arena ---- */

static void lay_out(struct reassembler *r)
{
	TAILQ_INIT(&r->free);
	TAILQ_INIT(&r->ages);
	for (uint32_t i = 0; i < REASSEMBLY_BUCKETS; i++)
		TAILQ_INIT(&r->buckets[i].datagrams);
	for (uint32_t i = 0; i < r->limits.datagrams; i++) {
		r->table[i].payload = r->arena + i * STRIDE + HEADERS_ROOM;
		TAILQ_INSERT_TAIL(&r->free, &r->table[i], by_age);
	}
}

int reassembly_create(struct reassembler *r, const struct reassembly_limits *limits, reassembly_drop_fn *drop,
		      void *user, struct fault *f)
{
	memset(r, 0, sizeof(*r));
	r->limits = *limits;
	r->drop = drop;
	r->user = user;
	r->table = calloc(limits->datagrams, sizeof(*r->table));
	r->arena_size = limits->datagrams * STRIDE;
	r->arena = mmap(NULL, r->arena_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->arena == MAP_FAILED)
		r->arena = NULL;
	if (!r->table || !r->arena || getrandom(&r->seed, sizeof(r->seed), 0) != sizeof(r->seed)) {
		reassembly_destroy(r);
		return fault(f, ENOMEM, "reassembly of fragments: %zu bytes: not available", r->arena_size);
	}
	/* What the host sent is in here. */
	madvise(r->arena, r->arena_size, MADV_DONTDUMP);
	lay_out(r);
	return 0;
}

void reassembly_destroy(struct reassembler *r)
{
	free(r->table);
	if (r->arena)
		munmap(r->arena, r->arena_size);
	r->table = NULL;
	r->arena = NULL;
}

static struct source_bucket *bucket_of(struct reassembler *r, const uint8_t *src)
{
	uint32_t v;

	memcpy(&v, src, sizeof(v));
	return &r->buckets[(v ^ r->seed) * 0x9e3779b1u >> (32 - REASSEMBLY_BUCKET_BITS)];
}

static void release(struct reassembler *r, struct datagram *d)
{
	struct source_bucket *b = bucket_of(r, d->key);

	TAILQ_REMOVE(&b->datagrams, d, by_source);
	b->count--;
	r->headless -= !d->headed;
	TAILQ_REMOVE(&r->ages, d, by_age);
	/* First out again, while it is warm. */
	TAILQ_INSERT_HEAD(&r->free, d, by_age);
}

static void refuse(struct reassembler *r, const struct ip_fragment *f, enum reason why)
{
	const struct lost_fragments lost = {f->slot, f->generation, why, 1, true};

	r->drop(r->user, &lost);
}

/* The fragment at hand, and so many that were kept. */
static void refuse_of(struct reassembler *r, const struct datagram *d, enum reason why, uint32_t kept)
{
	const struct lost_fragments lost = {d->slot, d->generation, why, kept + 1, true};

	r->drop(r->user, &lost);
}

static void give_up(struct reassembler *r, struct datagram *d, enum reason why)
{
	const struct lost_fragments lost = {d->slot, d->generation, why, d->count, false};

	if (lost.count)
		r->drop(r->user, &lost);
	release(r, d);
}

/* The datagram stays as a mark for its fragments that are still to come. */
static void condemn(struct reassembler *r, struct datagram *d, enum reason why, uint32_t kept)
{
	refuse_of(r, d, why, kept);
	d->count = 0;
	d->dead = true;
	d->why = why;
}

static struct datagram *oldest_headless(struct reassembler *r)
{
	struct datagram *d;

	TAILQ_FOREACH(d, &r->ages, by_age)
		if (!d->headed)
			break;
	return d;
}

static struct datagram *oldest_headless_of(struct source_bucket *b)
{
	struct datagram *d;

	TAILQ_FOREACH_REVERSE(d, &b->datagrams, datagrams, by_source)
		if (!d->headed)
			break;
	return d;
}

/* Whether another may begin only when one has gone. */
static bool is_full(const struct reassembler *r, const struct source_bucket *b, bool headless)
{
	return b->count >= r->limits.per_source || TAILQ_EMPTY(&r->free) ||
	       (headless && r->headless >= r->limits.headless);
}

/*
 * Who has to go then, if anybody. Later fragments without their first cost their sender nothing, not even an SPI, so
 * they go before all others and push out each other alone: NULL, and it is the new one that goes. A source
 * with nothing here takes the place of the oldest of all, once.
 */
static struct datagram *victim(struct reassembler *r, struct source_bucket *b, bool headless)
{
	struct datagram *d = NULL;

	if (b->count >= r->limits.per_source)
		d = oldest_headless_of(b);
	else if (r->headless)
		d = oldest_headless(r);
	if (d || headless)
		return d;
	return b->count ? TAILQ_LAST(&b->datagrams, datagrams) : TAILQ_FIRST(&r->ages);
}

/* ---- one datagram ---- */

static void make_key(uint8_t *key, const uint8_t *ip)
{
	memcpy(key, ip + IP_SRC, 8);
	memcpy(key + 8, ip + IP_ID, 2);
	key[10] = ip[IP_PROTO];
}

/* NULL: there is no room for it. */
static struct datagram *begin(struct reassembler *r, struct source_bucket *b, const uint8_t *key, bool headless,
			      uint64_t now)
{
	struct datagram *d;

	while (is_full(r, b, headless)) {
		d = victim(r, b, headless);
		if (!d)
			return NULL;
		give_up(r, d, REASON_FRAG_FULL);
	}
	d = TAILQ_FIRST(&r->free);
	TAILQ_REMOVE(&r->free, d, by_age);
	memcpy(d->key, key, sizeof(d->key));
	d->dead = d->headed = false;
	d->ecn = 0;
	d->began = now;
	d->slot = SLOT_NONE;
	d->generation = 0;
	d->received = d->end = d->count = 0;
	r->headless++;
	b->count++;
	TAILQ_INSERT_HEAD(&b->datagrams, d, by_source);
	TAILQ_INSERT_TAIL(&r->ages, d, by_age);
	return d;
}

static struct datagram *find(struct reassembler *r, const struct ip_fragment *f, uint64_t now)
{
	struct source_bucket *b = bucket_of(r, f->ip.ip + IP_SRC);
	struct datagram *d;
	uint8_t key[sizeof(d->key)];

	make_key(key, f->ip.ip);
	TAILQ_FOREACH(d, &b->datagrams, by_source)
		if (memcmp(d->key, key, sizeof(key)) == 0)
			return d;
	return begin(r, b, key, load_be16(f->ip.ip + IP_FRAG) & IP_OFFSET, now);
}

/* What no datagram can contain; it is refused alone, so that an outsider cannot end a datagram with nonsense. */
static bool read_extent(const struct reassembler *r, const struct ip_fragment *f, struct extent *e)
{
	const uint16_t bits = load_be16(f->ip.ip + IP_FRAG);
	const uint32_t len = (uint32_t)(f->ip.total - f->ip.header);

	e->at = (bits & IP_OFFSET) * 8u;
	e->end = e->at + len;
	e->last = !(bits & IP_MF);
	e->data = f->ip.ip + f->ip.header;
	if (len == 0 || e->end + IP_LEN_MIN > IP_TOTAL_MAX || (!e->last && len % 8))
		return false;
	return e->at || (!e->last && len >= r->limits.first_min);
}

/* The index it belongs at. Fragments mostly come in order, so it is looked for from the end. */
static uint32_t place_of(const struct datagram *d, const struct extent *e)
{
	uint32_t i = d->count;

	while (i && d->pieces[i - 1].at >= e->at)
		i--;
	return i;
}

static bool is_repeat(const struct datagram *d, uint32_t i, const struct extent *e)
{
	return i < d->count && d->pieces[i].at == e->at && d->pieces[i].len == e->end - e->at &&
	       memcmp(d->payload + e->at, e->data, e->end - e->at) == 0;
}

static bool overlaps(const struct datagram *d, uint32_t i, const struct extent *e)
{
	return (i && d->pieces[i - 1].at + d->pieces[i - 1].len > e->at) || (i < d->count && d->pieces[i].at < e->end);
}

/* Whether it and what is known of the datagram's end contradict each other. */
static bool misses_end(const struct datagram *d, const struct extent *e)
{
	const struct piece *top = d->count ? &d->pieces[d->count - 1] : NULL;

	if (d->end)
		return e->end > d->end || (e->last && e->end != d->end);
	return e->last && top && top->at + top->len > e->end;
}

static void insert(struct datagram *d, uint32_t i, const struct extent *e)
{
	memmove(&d->pieces[i + 1], &d->pieces[i], (d->count - i) * sizeof(d->pieces[0]));
	d->pieces[i] = (struct piece){.at = (uint16_t)e->at, .len = (uint16_t)(e->end - e->at)};
	d->count++;
	memcpy(d->payload + e->at, e->data, e->end - e->at);
	d->received += e->end - e->at;
	if (e->last)
		d->end = e->end;
}

/* The headers of the whole are those of its first fragment (RFC 791 section 3.2). */
static void take_headers(struct reassembler *r, struct datagram *d, const struct ip_fragment *f)
{
	d->l2 = (uint8_t)f->l2;
	d->header = (uint8_t)f->ip.header;
	memcpy(d->payload - d->header - d->l2, f->frame, f->l2 + f->ip.header);
	d->slot = f->slot;
	d->generation = f->generation;
	d->headed = true;
	r->headless--;
}

/* RFC 3168 section 5.3: congestion on the way of one is congestion; to mix ECN and none is an error. */
static bool ecn_is_sound(const struct datagram *d)
{
	return !(d->ecn & 1 << NOT_ECT) || d->ecn == 1 << NOT_ECT;
}

static void finish(struct datagram *d, uint8_t *to, struct reassembled *out)
{
	uint8_t *ip = to + d->l2;

	*out = (struct reassembled){
		.len = (size_t)d->l2 + d->header + d->end,
		.l2 = d->l2,
		.slot = d->slot,
		.generation = d->generation,
	};
	memcpy(to, d->payload - d->header - d->l2, out->len);
	if (d->ecn & 1 << IP_ECN_CE)
		ip[IP_TOS] |= IP_ECN_CE;
	store_be16(ip + IP_FRAG, 0);
	ip_finish(ip, d->header, d->header + d->end, ip[IP_PROTO]);
}

/* Puts it where it belongs. False: it contradicts the rest, and why. */
static bool put(struct reassembler *r, struct datagram *d, const struct ip_fragment *f, const struct extent *e,
		uint32_t i, enum reason *why)
{
	*why = REASON_FRAG_OVERLAP;
	if (overlaps(d, i, e) || misses_end(d, e))
		return false;
	*why = REASON_FRAG_INVALID;
	if (d->count == FRAGMENTS_MAX)
		return false;
	insert(d, i, e);
	d->ecn |= (uint8_t)(1 << (f->ip.ip[IP_TOS] & IP_ECN));
	if (e->at == 0)
		take_headers(r, d, f);
	return ecn_is_sound(d) && (!d->headed || d->header + d->end <= IP_TOTAL_MAX);
}

bool reassembly_add(struct reassembler *r, const struct ip_fragment *f, uint64_t now, uint8_t *to,
		    struct reassembled *out)
{
	struct extent e;
	struct datagram *d;
	enum reason why;
	uint32_t i, before;

	reassembly_expire(r, now);
	if (!read_extent(r, f, &e)) {
		refuse(r, f, REASON_FRAG_INVALID);
		return false;
	}
	d = find(r, f, now);
	if (!d) {
		refuse(r, f, REASON_FRAG_FULL);
		return false;
	}
	i = place_of(d, &e);
	if (d->dead || is_repeat(d, i, &e)) {
		refuse_of(r, d, d->dead ? d->why : REASON_FRAG_OVERLAP, 0);
		return false;
	}
	before = d->count;
	if (!put(r, d, f, &e, i, &why)) {
		condemn(r, d, why, before);
		return false;
	}
	if (d->received != d->end)
		return false;
	finish(d, to, out);
	release(r, d);
	return true;
}

bool reassembly_is_empty(const struct reassembler *r)
{
	return TAILQ_EMPTY(&r->ages);
}

void reassembly_give_up(struct reassembler *r)
{
	while (!reassembly_is_empty(r))
		give_up(r, TAILQ_FIRST(&r->ages), REASON_FRAG_TIMEOUT);
}

void reassembly_expire(struct reassembler *r, uint64_t now)
{
	struct datagram *d;

	while ((d = TAILQ_FIRST(&r->ages)) && now - d->began > REASSEMBLY_NS)
		give_up(r, d, REASON_FRAG_TIMEOUT);
}
