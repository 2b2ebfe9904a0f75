/* SPDX-License-Identifier: BSD-2-Clause */
#include "inbound.h"

#include <errno.h>
#include <stdlib.h>

#include "esp/esp_packet.h"
#include "fragments_in.h"
#include "inbound_capture.h"
#include "item.h"
#include "gather.h"
#include "packet/gre.h"
#include "maps/worn.h"
#include "lane/mss.h"
#include "packet/prefetch.h"

/* Packets that go through the passes together: as many as one super-packet can take. */
#define BATCH 64
/* What is asked for is of packets so many later than the one that is looked at: their first lines, and then, by XDP's
 * word in these, their SAs. */
#define FRAMES_AHEAD 10
#define FRAME_BEGIN  (3 * CACHE_LINE)
#define SAS_AHEAD    6

/* Other lanes and programs read. */
static void store(__u64 *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static __attribute__((cold, noinline)) void drop_item(struct port_queue *p, const struct item *item, enum reason why)
{
	drop_other(p->lane, inbound_capture_key(p, item->addr), item->sa ? item->sa->state : NULL, why, 1);
	umem_give(&p->q.umem, item->addr);
}

/* The packet, and the SA that XDP found. XDP's word is taken for nothing but the slot and where IP begins. What later
 * steps fill in is not cleared first. */
static bool parse(struct port_queue *p, const struct xdp_desc *desc, struct item *item)
{
	struct rx_meta meta;

	item->addr = desc->addr;
	item->frame = umem_data(&p->q.umem, desc->addr);
	item->sa = NULL;
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

/*
 * What came in an SA is for this host, whatever its Ethernet header says, which nobody vouches for: a bridge would hand
 * on, and flood in clear, what is for another station or a group. A macvlan is told by its own address.
 */
static void readdress(const struct port_queue *p, uint8_t *frame)
{
	if (frame[0] & 1 || !p->shared->keeps_mac)
		memcpy(frame, p->shared->mac, sizeof(p->shared->mac));
}

static struct sa_lock *lock_of(const struct port_queue *p, const struct esp_sa *sa)
{
	if (p->lane->count == 1)
		return NULL;
	return sa_lock_of(p->lane->locks, (uint32_t)(sa->state - p->lane->maps->sa));
}

/*
 * Marks what is authentic (RFC 4303 section 3.4.3): of n packets of one SA, in their order, those that nobody has
 * taken before. The others' sequence number becomes 0.
 */
static void mark_run(struct port_queue *p, struct item *items, uint32_t n)
{
	struct esp_sa *sa = items[0].sa;
	struct sa_state *state = sa->state;
	struct sa_lock *lock = lock_of(p, sa);
	uint64_t packets = 0, bytes = 0;

	sa_lock_take(lock);
	for (uint32_t i = 0; i < n; i++) {
		/* Who may write the maps can have had an outbound one loaded in its place since it was looked up. */
		if (sa->ring && replay_update(state, sa->ring, sa->replay_window, items[i].seq)) {
			packets++;
			bytes += items[i].opened.payload_len;
		} else {
			items[i].seq = 0;
		}
	}
	packets += state->packets;
	bytes += state->bytes;
	store(&state->packets, packets);
	store(&state->bytes, bytes);
	store(&state->last_used_ns, p->lane->now);
	if (__builtin_expect(worn_any(state, packets, bytes), 0))
		worn_tell_limits(state, packets, bytes);
	sa_lock_give(lock);
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

/* Asked for each batch. What became of its packets is shown at the end of the turn. */
static bool is_captured(const struct port_queue *p)
{
	return __builtin_expect(p->lane->capture != NULL, 0);
}

/* ---- to the host ---- */

static __attribute__((cold, noinline)) void drop_at_host(struct port_queue *p, const struct iovec *pieces, int n,
							 uint32_t packets)
{
	drop(p->lane, NULL, REASON_HOST_FULL, packets);
	if (p->lane->capture)
		inbound_capture_refused(p, pieces, n);
}

static void write_to_host(void *user, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n, uint32_t packets)
{
	struct port_queue *p = user;

	if (host_write(&p->host, vnet, pieces, n))
		count(p->lane, REASON_OPENED, packets);
	else
		drop_at_host(p, pieces + 1, n - 1, packets);
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

static __attribute__((cold, noinline)) void refuse_gre(struct port_queue *p, const struct item *item)
{
	drop_other(p->lane, item->frame, item->sa->state, REASON_GRE_REFUSED, 1);
}

/* Out of ESP and GRE, and alone: which packets of a group belong together its receiver cannot tell. */
static void write_from_gre(struct port_queue *p, const struct item *item)
{
	const uint32_t slot = (uint32_t)(item->sa->state - p->lane->maps->sa);
	const struct tx_tag tag = tx_tag_of(slot, item->sa->generation);
	struct gre_packet packet = {.frame = item->frame, .l2 = item->l2, .ip = item->ip};

	if (gre_take_out(&packet, item->ip.ip + item->ip.header + ESP_HEADER, item->opened.payload_len, &tag)) {
		write_alone(p, packet.frame, packet.l2 + packet.ip.total);
		return;
	}
	refuse_gre(p, item);
}

static bool accept_alone(struct port_queue *p, struct item *item, enum reason *why)
{
	mark_run(p, item, 1);
	return accept_item(item, why);
}

static bool open_whole(struct port_queue *p, const struct reassembled *whole, struct item *item)
{
	enum reason why = REASON_MALFORMED;

	*item = (struct item){
		.frame = p->fragments->whole,
		.l2 = whole->l2,
		.slot = whole->slot,
		.generation = whole->generation,
	};
	if (ip_parse(&item->ip, item->frame + item->l2, whole->len - item->l2) && look_up(p, item, &why) &&
	    esp_open(p->lane->aead, item->sa, esp_of(item), esp_len(item), item->seq, &item->opened, &why) &&
	    accept_alone(p, item, &why))
		return true;
	drop(p->lane, item->sa ? item->sa->state : NULL, why, 1);
	return false;
}

/* Its fragments are in the capture, and the whole is only where it is dropped. */
static bool open_whole_captured(struct port_queue *p, const struct reassembled *whole, struct item *item)
{
	struct capture *capture = p->lane->capture;
	const bool alone = capture->count == 0;
	bool opened;

	inbound_capture_whole(p, p->fragments->whole, whole->len);
	capture_choose(capture, p->fragments->whole);
	opened = open_whole(p, whole, item);
	capture_choose(capture, NULL);
	if (opened) {
		capture_forget(capture, p->fragments->whole);
		inbound_capture_opened(p, item, 1);
	}
	if (alone)
		capture_publish(capture);
	return opened;
}

/* What came in pieces goes through the same steps, by itself, and to the host as one, however long. */
static void take_whole(struct port_queue *p, const struct reassembled *whole)
{
	struct item item;

	if (p->lane->capture ? !open_whole_captured(p, whole, &item) : !open_whole(p, whole, &item))
		return;
	readdress(p, item.frame);
	if (is_gre(&item)) {
		write_from_gre(p, &item);
		return;
	}
	take_out(&item);
	/* After what came before it. */
	coalesce_flush(&p->in->coalescer);
	write_alone(p, item.frame, item.l2 + item.ip.total);
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

	if (is_captured(p))
		capture_choose(p->lane->capture, inbound_capture_key(p, item->addr));
	fragments_in_take(p, &f);
	if (is_captured(p))
		capture_choose(p->lane->capture, NULL);
	umem_give(&p->q.umem, item->addr);
}

/* ---- a batch ---- */

/* Its SA is there, and the key is not yet: it waits, if there is room. */
static __attribute__((cold, noinline)) bool park_frame(struct port_queue *p, const struct item *item,
						       const struct xdp_desc *desc)
{
	if (!sa_cache_awaits(&p->lane->sas, item->slot, item->generation) ||
	    p->in->park.packets >= park_room(&p->q.umem) ||
	    !park_add(&p->in->park, item->slot, item->generation, desc, p->lane->now))
		return false;
	count(p->lane, REASON_PARKED, 1);
	if (p->lane->capture)
		capture_forget(p->lane->capture, inbound_capture_key(p, item->addr));
	return true;
}

/* A packet's first lines, and the one before them, where XDP's word stands. They were written by the CPU that took the
 * packet from the wire, and have to come from there; of a long one the CPU asks for the rest by itself. */
static void prefetch_frame(const struct port_queue *p, const struct xdp_desc *desc)
{
	const uint8_t *frame = umem_data(&p->q.umem, desc->addr);

	prefetch_line(frame - sizeof(struct rx_meta));
	prefetch_lines(frame, FRAME_BEGIN);
}

static uint32_t slot_of_frame(const struct port_queue *p, const struct xdp_desc *desc)
{
	struct rx_meta meta;

	memcpy(&meta, umem_data(&p->q.umem, desc->addr) - sizeof(meta), sizeof(meta));
	return meta.slot;
}

/* Of packet i, whose first lines have been asked for; runs of one SA ask once. */
static void prefetch_sa(const struct port_queue *p, const struct xdp_desc *descs, uint32_t i)
{
	const uint32_t slot = slot_of_frame(p, &descs[i]);

	if (i == 0 || slot != slot_of_frame(p, &descs[i - 1]))
		sa_cache_prefetch(&p->lane->sas, slot);
}

static void prefetch_first(const struct port_queue *p, const struct xdp_desc *descs, uint32_t n)
{
	for (uint32_t i = 0; i < n && i < FRAMES_AHEAD; i++)
		prefetch_frame(p, &descs[i]);
	for (uint32_t i = 0; i < n && i < SAS_AHEAD; i++)
		prefetch_sa(p, descs, i);
}

static void prefetch_next(const struct port_queue *p, const struct xdp_desc *descs, uint32_t n, uint32_t i)
{
	if (n - i > FRAMES_AHEAD)
		prefetch_frame(p, &descs[i + FRAMES_AHEAD]);
	if (n - i > SAS_AHEAD)
		prefetch_sa(p, descs, i + SAS_AHEAD);
}

/* What of its SA the item at the end of those that are kept takes when it is opened, and when it is marked. */
static void prefetch_to_open(const struct port_queue *p, const struct item *items, uint32_t kept)
{
	const struct item *item = &items[kept];

	if (kept && item->sa == item[-1].sa)
		return;
	if (kept < AEAD_AHEAD)
		p->lane->aead->prefetch(item->sa->ctx, esp_len(item));
	replay_prefetch(item->sa->ring, item->sa->replay_window, item->seq);
	sa_lock_prefetch(lock_of(p, item->sa));
}

static uint32_t pass_look_up(struct port_queue *p, const struct xdp_desc *descs, uint32_t n, struct item *items)
{
	uint32_t kept = 0;

	prefetch_first(p, descs, n);
	for (uint32_t i = 0; i < n; i++) {
		struct item *item = &items[kept];
		enum reason why = REASON_MALFORMED;

		prefetch_next(p, descs, n, i);
		if (!parse(p, &descs[i], item))
			drop_item(p, item, why);
		else if (ip_is_fragment(item->ip.ip))
			reassemble(p, item);
		else if (look_up(p, item, &why))
			prefetch_to_open(p, items, kept++);
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

static uint32_t pass_open(struct port_queue *p, struct item *items, uint32_t n)
{
	struct aead_call calls[BATCH];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		esp_open_begin(items[i].sa, esp_of(&items[i]), esp_len(&items[i]), items[i].seq, &calls[i]);
	p->lane->aead->open_all(calls, n);
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

		readdress(p, items[i].frame);
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
	if (is_captured(p))
		inbound_capture_opened(p, items, kept);
	pass_deliver(p, items, kept);
}

/* The next batch: how many descriptors it had, and how many packets they are now. */
static uint32_t receive(struct port_queue *p, struct xdp_desc *descs, uint32_t *packets)
{
	const uint32_t n = xdp_queue_receive(&p->q, descs, BATCH);

	*packets = n && p->q.umem.jumbo ? gather_packets(p, descs, n) : n;
	return n;
}

uint32_t inbound_run(struct port_queue *p)
{
	struct xdp_desc descs[BATCH];
	uint32_t packets;
	const uint32_t n = receive(p, descs, &packets);

	if (packets && is_captured(p))
		inbound_capture_received(p, descs, packets);
	if (packets)
		run_batch(p, descs, packets);
	/* Also when nothing came: frames that the coalescer held may be free again. */
	xdp_queue_refill(&p->q);
	return n;
}

/* ---- what waits ---- */

/* For its key, or for the lane. */
static void drop_waiting(struct port_queue *p, const struct xdp_desc *descs, uint32_t n, enum reason why)
{
	if (p->lane->capture)
		inbound_capture_dropped(p, descs, n, why);
	drop(p->lane, NULL, why, n);
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
		if (is_captured(p))
			inbound_capture_received(p, descs, n);
		run_batch(p, descs, n);
		return n;
	}
	if (p->lane->now < entry->until && sa_cache_awaits(sas, entry->slot, entry->generation))
		return 0;
	n = park_take(&p->in->park, entry, descs);
	drop_waiting(p, descs, n, REASON_NO_SA);
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

void inbound_end_turn(struct port_queue *p, bool more)
{
	if (more)
		coalesce_hold(&p->in->coalescer);
	else
		coalesce_flush(&p->in->coalescer);
	if (is_captured(p))
		capture_publish(p->lane->capture);
}

void inbound_give_up(struct port_queue *p)
{
	struct xdp_desc descs[PARK_FRAMES];

	inbound_end_turn(p, false);
	reassembly_give_up(&p->fragments->reassembler);
	for (uint32_t i = 0; p->in->park.waiting && i < PARK_SLOTS; i++)
		if (p->in->park.slots[i].count)
			drop_waiting(p, descs, park_take(&p->in->park, &p->in->park.slots[i], descs), REASON_NO_SA);
}

void inbound_refuse(struct port_queue *p)
{
	struct xdp_desc descs[BATCH];
	uint32_t packets;

	while (receive(p, descs, &packets))
		drop_waiting(p, descs, packets, REASON_NO_WORKER);
}

static void release_frame(void *user, uint64_t addr)
{
	struct port_queue *p = user;

	umem_give(&p->q.umem, addr);
}

int inbound_init(struct port_queue *p, struct fragments_in *fragments, struct fault *f)
{
	const struct coalesce_sink sink = {.user = p, .write = write_to_host, .release = release_frame};

	p->fragments = fragments;
	p->in = calloc(1, sizeof(*p->in));
	if (!p->in)
		return fault(f, ENOMEM, "%.15s: not enough memory", p->shared->name);
	coalesce_init(&p->in->coalescer, &sink, p->host.udp_segments);
	return fragments ? 0 : fragments_in_create(p, take_whole, f);
}

void inbound_free(struct port_queue *p)
{
	free(p->in);
	p->in = NULL;
}
