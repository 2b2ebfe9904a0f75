/* SPDX-License-Identifier: BSD-2-Clause */
#include "inbound.h"

#include <errno.h>
#include <stdlib.h>

#include "esp_packet.h"
#include "gather.h"
#include "gre.h"
#include "mss.h"
#include "prefetch.h"

/* Packets that go through the passes together: as many as one super-packet can take. */
#define BATCH 64
/* Of them, so many are opened while as many are on their way into the cache. */
#define TOGETHER 4

/*
 * Datagrams that are being put together. Room for one is touched only as far as it
 * is filled; these are 16 MiB at most, and take what 16 peers at once lose in
 * REASSEMBLY_NS. A peer with more than a quota's worth on the way at one time is
 * losing packets, and its oldest are not going to be completed.
 */
#define DATAGRAMS_IN	  256
#define DATAGRAMS_OF_PEER 16
/*
 * Later fragments that came before their first: across two queues, or on two
 * paths. They pass with no SPI, so an attacker who knows the addresses can fill these; he
 * pushes out others of their kind only.
 */
#define HEADLESS_MAX 64
/* A first fragment shows all of the smallest ESP packet that needs another, so no field of ESP is ever in two. */
#define FIRST_MIN 40

struct item {
	uint64_t addr;
	uint8_t *frame;
	size_t l2;
	struct ip_view ip;
	uint32_t slot;
	uint32_t generation;
	struct esp_sa *sa;
	uint64_t seq;
	struct esp_opened opened;
};

/* Other lanes and programs read. */
static void store(__u64 *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static void drop_item(struct port_queue *p, const struct item *item, enum reason why)
{
	drop(p->lane, item->sa ? item->sa->state : NULL, why, 1);
	umem_give(&p->q.umem, item->addr);
}

/* The packet, and the SA that XDP found. XDP's word is taken for nothing but the slot and where IP begins. */
static bool parse(struct port_queue *p, const struct xdp_desc *desc, struct item *item)
{
	struct rx_meta meta;

	*item = (struct item){.addr = desc->addr, .frame = umem_data(&p->q.umem, desc->addr)};
	memcpy(&meta, item->frame - sizeof(meta), sizeof(meta));
	item->l2 = meta.l3_offset;
	item->slot = meta.slot;
	item->generation = meta.generation;
	if (item->l2 < ETH_LEN || item->l2 > ETH_LEN_MAX || item->l2 > desc->len ||
	    !ip_parse(&item->ip, item->frame + item->l2, desc->len - item->l2))
		return false;
	/* The header gets a new checksum when the packet is taken out, and a wrong one must not become right by that.
	 */
	return ip_check_is_right(item->ip.ip, item->ip.header);
}

static uint8_t *esp_of(const struct item *item)
{
	return item->ip.ip + item->ip.header;
}

static size_t esp_len(const struct item *item)
{
	return item->ip.total - item->ip.header;
}

/* The packet's SA and its place in the window. */
static bool look_up(struct port_queue *p, struct item *item, enum reason *why)
{
	*why = REASON_NO_SA;
	if (!park_holds(&p->in->park, item->slot, item->generation))
		item->sa = sa_cache_get(&p->lane->sas, item->slot, item->generation);
	if (!item->sa)
		return false;
	return esp_precheck(item->sa, esp_of(item), esp_len(item), &item->seq, why);
}

/*
 * The Ethernet and IP headers move up to the payload, over the ESP header, and
 * the IP header tells of what is inside now.
 */
static void take_out(struct item *item)
{
	size_t headers = item->l2 + item->ip.header;

	headers_copy(item->frame + ESP_HEADER, item->frame, headers);
	item->frame += ESP_HEADER;
	item->ip.ip += ESP_HEADER;
	item->ip.total = item->ip.header + item->opened.payload_len;
	ip_finish(item->ip.ip, item->ip.header, item->ip.total, item->opened.next_header);
}

static struct sa_lock *lock_of(const struct port_queue *p, const struct esp_sa *sa)
{
	return &p->lane->locks[sa->state - p->lane->maps->sa];
}

/*
 * Marks what is authentic (RFC 4303 section 3.4.3): of n packets of one SA, in their order, those that nobody has
 * taken before. The others' sequence number becomes 0.
 */
static void mark_run(struct port_queue *p, struct item *items, uint32_t n)
{
	struct esp_sa *sa = items[0].sa;
	struct sa_state *state = sa->state;
	uint64_t packets = 0, bytes = 0;

	sa_lock_take(lock_of(p, sa));
	for (uint32_t i = 0; i < n; i++) {
		if (replay_update(state, sa->bitmap, items[i].seq)) {
			packets++;
			bytes += items[i].opened.payload_len;
		} else {
			items[i].seq = 0;
		}
	}
	store(&state->packets, state->packets + packets);
	store(&state->bytes, state->bytes + bytes);
	store(&state->last_used_ns, p->lane->now);
	sa_lock_give(lock_of(p, sa));
}

/* Only of what is marked is looked at what it says (RFC 4301 section 5.2). */
static bool accept_item(const struct item *item, enum reason *why)
{
	const uint8_t *ip = item->ip.ip;

	*why = REASON_REPLAY;
	if (item->seq == 0)
		return false;
	*why = REASON_DUMMY;
	if (item->opened.next_header == ESP_NEXT_DUMMY)
		return false;
	*why = REASON_SELECTOR_MISMATCH;
	return esp_selector_matches(item->sa, ip + IP_SRC, ip + IP_DST, item->opened.next_header,
				    item->ip.ip + item->ip.header + ESP_HEADER, item->opened.payload_len);
}

static void write_to_host(void *user, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n, uint32_t packets)
{
	struct port_queue *p = user;

	if (host_write(&p->host, vnet, pieces, n))
		count(p->lane, REASON_OPENED, packets);
	else
		drop(p->lane, NULL, REASON_HOST_FULL, packets);
}

/* One packet, past the coalescer, with its checksums for the host to check. */
static void write_alone(struct port_queue *p, uint8_t *frame, size_t len)
{
	const struct virtio_net_hdr vnet = {0};
	struct iovec pieces[2] = {[1] = {frame, len}};

	write_to_host(p, &vnet, pieces, 2, 1);
}

static bool is_gre(const struct item *item)
{
	return item->opened.next_header == PROTO_GRE && (item->sa->state->flags & SA_GRE);
}

/* Out of ESP and GRE, and alone: which packets of a group belong together its receiver cannot tell. */
static void write_from_gre(struct port_queue *p, const struct item *item)
{
	const uint32_t slot = (uint32_t)(item->sa->state - p->lane->maps->sa);
	const struct tx_tag tag = {.generation = item->sa->generation, .slot = (uint16_t)slot};
	struct gre_packet packet = {.frame = item->frame, .l2 = item->l2, .ip = item->ip};

	if (gre_take_out(&packet, item->ip.ip + item->ip.header + ESP_HEADER, item->opened.payload_len, &tag))
		write_alone(p, packet.frame, packet.l2 + packet.ip.total);
	else
		drop(p->lane, item->sa->state, REASON_GRE_REFUSED, 1);
}

static bool accept_alone(struct port_queue *p, struct item *item, enum reason *why)
{
	mark_run(p, item, 1);
	return accept_item(item, why);
}

/* What came in pieces goes through the same steps, by itself, and to the host as one, however long. */
static void take_whole(struct port_queue *p, const struct reassembled *whole)
{
	struct item item = {
		.frame = p->fragments->whole,
		.l2 = whole->l2,
		.slot = whole->slot,
		.generation = whole->generation,
	};
	enum reason why = REASON_MALFORMED;

	if (!ip_parse(&item.ip, item.frame + item.l2, whole->len - item.l2) || !look_up(p, &item, &why) ||
	    !esp_open(p->lane->aead, item.sa, esp_of(&item), esp_len(&item), item.seq, &item.opened, &why) ||
	    !accept_alone(p, &item, &why)) {
		drop(p->lane, item.sa ? item.sa->state : NULL, why, 1);
		return;
	}
	if (is_gre(&item)) {
		write_from_gre(p, &item);
		return;
	}
	take_out(&item);
	/* After what came before it. */
	coalesce_flush(&p->in->coalescer);
	write_alone(p, item.frame, item.l2 + item.ip.total);
}

static void reassemble_here(struct port_queue *p, const struct ip_fragment *f)
{
	struct reassembled whole;

	if (reassembly_add(&p->fragments->reassembler, f, p->lane->now, p->fragments->whole, &whole))
		take_whole(p, &whole);
}

/* The lane that puts the fragment's datagram together: one that has queues of the NIC, and always the same. */
static struct lane *assembler_of(const struct port_queue *p, const uint8_t *ip)
{
	const uint32_t lanes = p->lane->count < p->shared->queues ? p->lane->count : p->shared->queues;
	const uint32_t key = load_be32(ip + IP_SRC) ^ load_be32(ip + IP_DST) ^ load_be16(ip + IP_ID);

	return &p->lane->lanes[lane_of_queue(p->index, (key * 0x9e3779b1u >> 16) % lanes, p->lane->count)];
}

static void hand_over(struct port_queue *p, struct lane *to, const struct item *item)
{
	const struct handoff_item what = {
		.port = p->index,
		.slot = item->slot,
		.generation = item->generation,
		.l2 = (uint32_t)item->l2,
		.len = (uint32_t)(item->l2 + item->ip.total),
	};

	if (!handoff_put(&to->handoffs[p->lane->index], &what, item->frame)) {
		drop(p->lane, NULL, REASON_RX_FULL, 1);
		return;
	}
	/* The first one since the lane has looked wakes it. */
	if (!__atomic_exchange_n(&to->handed, 1, __ATOMIC_SEQ_CST))
		lane_wake(to);
}

static void reassemble(struct port_queue *p, const struct item *item)
{
	const struct ip_fragment f = {
		.frame = item->frame,
		.l2 = item->l2,
		.ip = item->ip,
		.slot = item->slot,
		.generation = item->generation,
	};
	struct lane *assembler = p->lane->count > 1 ? assembler_of(p, item->ip.ip) : p->lane;

	if (assembler == p->lane)
		reassemble_here(p, &f);
	else
		hand_over(p, assembler, item);
	umem_give(&p->q.umem, item->addr);
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
		reassemble_here(p, &f);
}

/* As much as the lane takes of a queue of its own: others may hand over faster than this one can take, for as long as
 * somebody floods. */
static uint32_t take_from(struct lane *l, struct handoff *h)
{
	struct handoff_item item;
	uint32_t taken = 0;
	uint8_t *frame;

	for (; taken < BATCH && handoff_look(h, &item, &frame); taken++) {
		take_handed(l, &item, frame);
		handoff_next(h);
	}
	return taken;
}

uint32_t inbound_take_handed(struct lane *l)
{
	bool more = false;
	uint32_t all = 0;

	__atomic_store_n(&l->handed, 0, __ATOMIC_SEQ_CST);
	for (uint32_t from = 0; from < l->count; from++) {
		const uint32_t taken = take_from(l, &l->handoffs[from]);

		more |= taken == BATCH;
		all += taken;
	}
	/* The loop does not sleep after so much. */
	if (more)
		__atomic_store_n(&l->handed, 1, __ATOMIC_SEQ_CST);
	return all;
}

/* ---- a batch ---- */

/* Its SA is there, and the key is not yet: it waits, if there is room. */
static bool park_frame(struct port_queue *p, const struct item *item, const struct xdp_desc *desc)
{
	if (!sa_cache_awaits(&p->lane->sas, item->slot, item->generation) ||
	    !park_add(&p->in->park, item->slot, item->generation, desc, p->lane->now))
		return false;
	count(p->lane, REASON_PARKED, 1);
	return true;
}

/* Of packets whose first lines have been asked for; runs of one SA ask once. */
static void prefetch_sas(const struct port_queue *p, const struct xdp_desc *descs, uint32_t n)
{
	uint32_t last = SLOTS_MAX;

	for (uint32_t i = 0; i < n; i++) {
		struct rx_meta meta;

		memcpy(&meta, umem_data(&p->q.umem, descs[i].addr) - sizeof(meta), sizeof(meta));
		if (meta.slot == last)
			continue;
		last = meta.slot;
		sa_cache_prefetch(&p->lane->sas, last);
	}
}

static uint32_t pass_look_up(struct port_queue *p, const struct xdp_desc *descs, uint32_t n, struct item *items)
{
	uint32_t kept = 0;

	/* The packet's first cache line, and the one before it, where XDP's word stands. */
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *frame = umem_data(&p->q.umem, descs[i].addr);

		__builtin_prefetch(frame - sizeof(struct rx_meta));
		__builtin_prefetch(frame);
	}
	prefetch_sas(p, descs, n);
	for (uint32_t i = 0; i < n; i++) {
		struct item *item = &items[kept];
		enum reason why = REASON_MALFORMED;

		if (!parse(p, &descs[i], item))
			drop_item(p, item, why);
		else if (ip_is_fragment(item->ip.ip))
			reassemble(p, item);
		else if (look_up(p, item, &why))
			kept++;
		else if (why != REASON_NO_SA || item->sa || !park_frame(p, item, &descs[i]))
			drop_item(p, item, why);
	}
	return kept;
}

/* An item that a pass lets through goes where the pass before it has left no gap. */
static void keep(struct item *items, uint32_t *kept, uint32_t i)
{
	if (*kept != i)
		items[*kept] = items[i];
	++*kept;
}

/* They were written by the CPU that took them from the wire, and have to come from there. */
static void prefetch_packets(const struct aead_call *calls, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		prefetch_lines(calls[i].in, calls[i].len + CACHE_LINE);
}

static void open_calls(const struct aead *aead, struct aead_call *calls, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += TOGETHER) {
		const uint32_t now = n - i < TOGETHER ? n - i : TOGETHER, left = n - i - now;

		prefetch_packets(&calls[i + now], left < TOGETHER ? left : TOGETHER);
		aead->open_all(&calls[i], now);
	}
}

static uint32_t pass_open(struct port_queue *p, struct item *items, uint32_t n)
{
	struct aead_call calls[BATCH];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		esp_open_begin(items[i].sa, esp_of(&items[i]), esp_len(&items[i]), items[i].seq, &calls[i]);
	open_calls(p->lane->aead, calls, n);
	for (uint32_t i = 0; i < n; i++) {
		enum reason why;

		if (esp_open_end(items[i].sa, &calls[i], items[i].seq, &items[i].opened, &why))
			keep(items, &kept, i);
		else
			drop_item(p, &items[i], why);
	}
	return kept;
}

static void mark_all(struct port_queue *p, struct item *items, uint32_t n)
{
	for (uint32_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && items[i + run].sa == items[i].sa; run++)
			;
		mark_run(p, &items[i], run);
	}
}

static uint32_t pass_accept(struct port_queue *p, struct item *items, uint32_t n)
{
	uint32_t kept = 0;

	mark_all(p, items, n);
	for (uint32_t i = 0; i < n; i++) {
		enum reason why;

		if (accept_item(&items[i], &why))
			keep(items, &kept, i);
		else
			drop_item(p, &items[i], why);
	}
	return kept;
}

static void pass_deliver(struct port_queue *p, struct item *items, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct coalesce_packet packet;

		if (is_gre(&items[i])) {
			write_from_gre(p, &items[i]);
			umem_give(&p->q.umem, items[i].addr);
			continue;
		}
		take_out(&items[i]);
		if (p->shared->mss_clamp)
			mss_clamp(p->shared, &items[i].ip, items[i].opened.next_header, port_mtu(p));
		packet = (struct coalesce_packet){
			.frame = items[i].frame,
			.l2 = items[i].l2,
			.ip = items[i].ip,
			.addr = items[i].addr,
		};
		coalesce_add(&p->in->coalescer, &packet);
	}
}

static void run_batch(struct port_queue *p, const struct xdp_desc *descs, uint32_t n)
{
	struct item items[BATCH];
	uint32_t kept = pass_look_up(p, descs, n, items);

	kept = pass_open(p, items, kept);
	kept = pass_accept(p, items, kept);
	pass_deliver(p, items, kept);
}

uint32_t inbound_run(struct port_queue *p)
{
	struct xdp_desc descs[BATCH];
	uint32_t n = xdp_queue_receive(&p->q, descs, BATCH);

	if (n)
		run_batch(p, descs, p->q.umem.jumbo ? gather_packets(p, descs, n) : n);
	/* Also when nothing came: frames that the coalescer held may be free again. */
	xdp_queue_refill(&p->q);
	return n;
}

/* ---- what came before its key ---- */

static void drop_parked(struct port_queue *p, const struct xdp_desc *descs, uint32_t n)
{
	drop(p->lane, NULL, REASON_NO_SA, n);
	for (uint32_t i = 0; i < n; i++)
		umem_give(&p->q.umem, descs[i].addr);
}

static uint32_t unpark(struct port_queue *p, struct parked *entry)
{
	struct sa_cache *sas = &p->lane->sas;
	struct xdp_desc descs[BATCH];
	uint32_t n;

	_Static_assert(PARK_FRAMES <= BATCH, "what waits for an SA goes through the passes together");
	if (sa_cache_get(sas, entry->slot, entry->generation)) {
		n = park_take(&p->in->park, entry, descs);
		run_batch(p, descs, n);
		return n;
	}
	if (p->lane->now < entry->until && sa_cache_awaits(sas, entry->slot, entry->generation))
		return 0;
	n = park_take(&p->in->park, entry, descs);
	drop_parked(p, descs, n);
	return n;
}

uint32_t inbound_retry(struct port_queue *p)
{
	uint32_t done = 0;

	for (uint32_t i = 0; p->in->park.waiting && i < PARK_SLOTS; i++)
		if (p->in->park.slots[i].count)
			done += unpark(p, &p->in->park.slots[i]);
	return done;
}

void inbound_expire(struct port_queue *p)
{
	reassembly_expire(&p->fragments->reassembler, p->lane->now);
}

void inbound_end_turn(struct port_queue *p, bool more)
{
	if (more)
		coalesce_hold(&p->in->coalescer);
	else
		coalesce_flush(&p->in->coalescer);
}

static void release_frame(void *user, uint64_t addr)
{
	struct port_queue *p = user;

	umem_give(&p->q.umem, addr);
}

static int make_fragments(struct port_queue *p, struct fault *f)
{
	const struct reassembly_limits limits = {
		.datagrams = DATAGRAMS_IN,
		.per_source = DATAGRAMS_OF_PEER,
		.headless = HEADLESS_MAX,
		.first_min = FIRST_MIN,
	};

	p->fragments = calloc(1, sizeof(*p->fragments));
	if (p->fragments)
		p->fragments->whole = malloc(HOST_FRAME_MAX);
	if (!p->fragments || !p->fragments->whole)
		return fault(f, ENOMEM, "%.15s: not enough memory", p->shared->name);
	return reassembly_create(&p->fragments->reassembler, &limits, port_drop_fragments, p, f);
}

int inbound_init(struct port_queue *p, struct fragments_in *fragments, struct fault *f)
{
	const struct coalesce_sink sink = {.user = p, .write = write_to_host, .release = release_frame};

	p->in = calloc(1, sizeof(*p->in));
	if (!p->in)
		return fault(f, ENOMEM, "%.15s: not enough memory", p->shared->name);
	coalesce_init(&p->in->coalescer, &sink, p->host.udp_segments);
	p->fragments = fragments;
	return fragments ? 0 : make_fragments(p, f);
}

void inbound_free(struct port_queue *p)
{
	free(p->in);
	p->in = NULL;
}

void inbound_free_fragments(struct fragments_in *fragments)
{
	if (!fragments)
		return;
	reassembly_destroy(&fragments->reassembler);
	free(fragments->whole);
	free(fragments);
}
