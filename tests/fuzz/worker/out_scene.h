/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lane of the worker with two NICs, one of them jumbo, and the host's frames and the wire in memory. A frame bears
 * its number where the Ethernet destination is, which the worker hands through: so each packet on the wire says what it
 * was made of.
 *
 *   give() ──► waiting ──► outbound_run() ──► nic_takes(): the peer opens it, and it is what out_reference.h makes
 */
#ifndef TESTS_FUZZ_WORKER_OUT_SCENE_H
#define TESTS_FUZZ_WORKER_OUT_SCENE_H

#include <sanitizer/asan_interface.h>

#include "lanes.h"
#include "out/outbound.h"
#include "out_peer.h"
#include "out_reference.h"
#include "vectors/random.h"

#define GIVEN_MAX 400
/* What the longest super-packets of small pieces would come to takes seconds with the sanitizers. */
#define PACKETS_MAX 3000
#define BYTES_MAX   (1 << 20)
#define SLOT	    5
#define NO_SLOT	    0xfffff0
#define MTU_JUMBO   9000
#define MTU_USUAL   1500
#define MTU_MIN	    68
#define BEGINNING   (UINT64_C(1000) * 1000000000)
#define FIRST	    11 /* generation of each SA */

/* What inputs should be kept for, though the worker takes the same way as for others: an edge that libFuzzer sees. */
#define NOTE(condition) ((condition) ? (void)noted++ : (void)0)

/* The SAs that frames are tagged with. */
enum { SA_PLAIN, SA_WITH_ESN, SA_OF_HAND, SA_OF_OTHERS, SA_COMING_IN, SA_WITHOUT_KEY, SA_NOWHERE, SA_BEYOND, SAS };

struct nic {
	struct queue queue;
	struct memory_ring tx, completed;
	struct xdp_desc descs[RING_SIZE];
	uint64_t addrs[RING_SIZE];
	uint32_t frames, spans; /* of packet memory */
};

/* Frames that wait for the worker to read them. */
struct waiting {
	uint32_t frames[GIVEN_MAX];
	uint32_t count, next;
};

static struct lanes lanes;
static struct nic nics[2];
static struct nic *nic; /* the one of this input */
static struct waiting bulk, urgent;
static struct given given[GIVEN_MAX], wholes[GIVEN_MAX];
static uint32_t given_count, whole_count;
static uint32_t last_place[2]; /* of what left, by queue */
static uint64_t packets_given, bytes_given;
static uint64_t units;	/* of all that was given: what has to be sent or counted as dropped */
static uint64_t joined; /* of them, fragments that may become one packet with others */
static uint64_t fated[FATES], answers, wanted_answers, opened;
static bool sloppy;    /* something changed while frames were on their way: what becomes of them is either way's */
static bool foreign;   /* there are fragments of which nobody knows what they make */
static bool passed;    /* time has */
static bool cut_parts; /* there are fragments that say of themselves that they are super-packets */
static uint32_t most_mtu;
static volatile uint32_t noted;
static const uint8_t other_dst[4] = {198, 51, 100, 9};

static struct sa_state *state_of(uint32_t which)
{
	return &lanes.maps.sa[SLOT + which];
}

static uint32_t slot_of(uint32_t which)
{
	return which == SA_BEYOND ? NO_SLOT : SLOT + which;
}

static const uint8_t *dst_of(uint32_t which)
{
	return which == SA_OF_OTHERS ? other_dst : test_dst;
}

static size_t mtu_of(uint32_t which)
{
	const struct path_mtu *told = &state_of(which)->path_mtu;
	const size_t mtu = nic->queue.port.shared->mtu;

	if (told->mtu && told->mtu < mtu && told->until_s * UINT64_C(1000000000) > lanes.lane[1].now)
		return told->mtu;
	return mtu;
}

/* ---- SAs ---- */

static struct vault_entry key_of(uint32_t which, uint32_t generation)
{
	uint64_t seed = which * 1000 + generation;
	struct vault_entry key;

	random_bytes(&seed, (uint8_t *)&key, sizeof(key));
	key.generation = generation;
	key.iv_base = which == SA_OF_HAND ? UINT64_C(0xfffffffffffffff0) : 0;
	return key;
}

static uint32_t spi_of(uint32_t which, uint32_t generation)
{
	return (which + 1) << 16 | generation;
}

/* Of that generation, and if it is one that sends, the peer knows it. */
static void begin_sa(uint32_t which, uint32_t generation)
{
	struct sa_state *sa = state_of(which);
	const struct vault_entry key = key_of(which, generation);

	*sa = (struct sa_state){
		.generation = generation,
		.spi = spi_of(which, generation),
		.direction = which == SA_COMING_IN ? SA_INBOUND : SA_OUTBOUND,
		.flags = which == SA_WITH_ESN ? SA_ESN : 0,
		.replay_window = which == SA_COMING_IN ? 64 : 0,
	};
	memcpy(sa->src, test_src, 4);
	memcpy(sa->dst, dst_of(which), 4);
	if (which == SA_WITHOUT_KEY)
		return;
	lanes.vault.entries[SLOT + which] = key;
	peer_learn(sa->spi, sa->flags & SA_ESN, 0, &key);
}

/* Nothing is loaded that was not in this input. */
static void begin_sas(void)
{
	for (uint32_t i = 0; i < SAS; i++)
		state_of(i)->generation = 0;
	while (sa_cache_sweep(&lanes.lane[1].sas))
		;
	memset(&lanes.vault.entries[SLOT], 0, SAS * sizeof(struct vault_entry));
	for (uint32_t i = 0; i < SA_NOWHERE; i++)
		begin_sa(i, FIRST);
}

static bool sends(uint32_t which)
{
	return which <= SA_OF_OTHERS && slot_in_use(state_of(which)->generation);
}

/* ---- the host ---- */

static bool names(const struct given *g, uint32_t generation)
{
	struct tx_tag tag;

	memcpy(&tag, g->bytes + ETH_SRC, sizeof(tag));
	return tx_tag_slot(&tag) == slot_of(g->which) && tx_tag_is_of(&tag, generation);
}

static enum fate fate_of_sound(const struct given *g)
{
	const uint8_t *ip = g->bytes + g->l2;
	const size_t mtu = mtu_of(g->which);
	const bool fits = g->header + plain_sealed(longest_of(g)) <= mtu;

	if (memcmp(ip + IP_SRC, test_src, 4) != 0 || memcmp(ip + IP_DST, dst_of(g->which), 4) != 0)
		return FATE_NO_POLICY;
	if (g->fragment)
		return FATE_FRAGMENT;
	if (g->proto == PROTO_ESP)
		return FATE_NESTED;
	NOTE(!fits && mtu < nic->queue.port.shared->mtu && load_be16(ip + IP_FRAG) & IP_DF);
	NOTE(!fits && mtu < nic->queue.port.shared->mtu && !(load_be16(ip + IP_FRAG) & IP_DF));
	if (!fits && (load_be16(ip + IP_FRAG) & IP_DF || g->header + plain_sealed(longest_of(g)) > UINT16_MAX))
		return FATE_TOO_BIG;
	return FATE_SENT;
}

static enum fate fate_of(const struct given *g)
{
	if (!g->sound)
		return FATE_MALFORMED;
	if (g->which == SA_NOWHERE || g->which == SA_BEYOND || g->which == SA_WITHOUT_KEY ||
	    !slot_in_use(state_of(g->which)->generation) || !names(g, state_of(g->which)->generation))
		return FATE_NO_SA;
	if (g->which == SA_COMING_IN)
		return FATE_NO_POLICY;
	return fate_of_sound(g);
}

/* A frame for the worker, which is copied: bytes, virtio header, queue and SA are the caller's. NULL: there is no room
 * for more. */
static struct given *give(const struct given *from)
{
	struct given *g = &given[given_count];
	struct waiting *w = from->urgent ? &urgent : &bulk;

	if (given_count == GIVEN_MAX)
		return NULL;
	*g = *from;
	read_given(g);
	if (packets_given + g->count > PACKETS_MAX || bytes_given + g->len > BYTES_MAX)
		return NULL;
	g->bytes = malloc(from->len);
	require(g->bytes);
	memcpy(g->bytes, from->bytes, from->len);
	for (size_t i = 0; i < 6 && i < g->len; i++)
		g->bytes[i] = (uint8_t)(i < 2 ? 2 : given_count >> 8 * (5 - i) % 32);
	g->fate = fate_of(g);
	g->place = given_count;
	packets_given += g->count;
	bytes_given += g->len;
	foreign |= g->sound && g->fragment && !g->ours;
	units += g->fate == FATE_MALFORMED || g->fate == FATE_NESTED || g->fate == FATE_FRAGMENT ? 1 : g->count;
	cut_parts |= g->fragment && g->cuts;
	fated[g->fate] += g->fate == FATE_TOO_BIG || g->fate == FATE_NO_SA || g->fate == FATE_NO_POLICY ? g->count : 1;
	wanted_answers += g->fate == FATE_TOO_BIG && load_be16(g->bytes + g->l2 + IP_FRAG) & IP_DF;
	w->frames[w->count++] = given_count++;
	return g;
}

/* What is behind a frame is nobody's, but for a fragment: its datagram is put together there. */
static void put_into(uint8_t *buffer, const struct given *g)
{
	const size_t have = (g->len < ETH_LEN ? ETH_LEN : g->len) + HOST_TAIL;

	memcpy(buffer - sizeof(g->vnet), &g->vnet, sizeof(g->vnet));
	memcpy(buffer, g->bytes, g->len);
	memset(buffer + g->len, 0xc7, HOST_TAIL);
	if (!g->fragment)
		ASAN_POISON_MEMORY_REGION(buffer + have, HOST_FRAME_MAX + HOST_TAIL - have);
}

static void read_frames(struct host *h, uint32_t n)
{
	struct waiting *w = h->memory->user;

	require(!lanes.lane[1].settling);
	memset(h->ring.lengths, 0, sizeof(h->ring.lengths));
	for (uint32_t i = 0; i < h->asked; i++)
		ASAN_UNPOISON_MEMORY_REGION(host_ring_frame(&h->ring, i), HOST_FRAME_MAX + HOST_TAIL);
	for (uint32_t i = 0; i < n && w->next < w->count; i++) {
		const struct given *g = &given[w->frames[w->next++]];

		put_into(host_ring_frame(&h->ring, i), g);
		h->ring.lengths[i] = (uint32_t)(sizeof(g->vnet) + g->len);
	}
}

static struct given *given_of(const uint8_t *name)
{
	const uint32_t i = load_be32(name + 2);

	require(name[0] == 2 && name[1] == 2 && i < given_count);
	return &given[i];
}

/* The least that fits names itself, and the next byte does not fit. */
static void look_at_mtu(const struct given *g, size_t told)
{
	const size_t mtu = mtu_of(g->which);

	require(told >= g->header);
	if (sloppy)
		return;
	require(told == g->header || g->header + plain_sealed(told - g->header) <= mtu);
	require(g->header + plain_sealed(told - g->header + 1) > mtu);
}

/* ICMP "fragmentation needed", of a frame that may not be cut. */
static void look_at_answer(struct host *h, const struct iovec *pieces, int n)
{
	const uint8_t *reply = pieces[1].iov_base, *icmp;
	const struct given *g;
	size_t len = pieces[1].iov_len;

	(void)h;
	require(n == 2 && len >= ETH_LEN + IP_LEN_MIN + 8 + IP_LEN_MIN);
	g = given_of(reply + ETH_SRC);
	require(g->sound && (sloppy || g->fate == FATE_TOO_BIG));
	require(memcmp(reply, nic->queue.port.shared->mac, 6) == 0);
	require(load_be16(reply + g->l2 - 2) == HOST_TAG_ETHERTYPE);
	icmp = reply + g->l2 + IP_LEN_MIN;
	len -= g->l2 + IP_LEN_MIN;
	require(icmp[0] == 3 && icmp[1] == 4 && plain_fold(plain_sum(icmp, len, 0)) == 0xffff);
	require(memcmp(icmp + 8, g->bytes + g->l2, g->header) == 0);
	look_at_mtu(g, load_be16(icmp + 6));
	answers++;
}

static const struct host_memory bulk_memory = {.read = read_frames, .write = look_at_answer, .user = &bulk};
static const struct host_memory urgent_memory = {.read = read_frames, .write = look_at_answer, .user = &urgent};

/* ---- the wire ---- */

static void look_at_headers(const struct given *g, const struct came *c, uint32_t index)
{
	const uint8_t *ip = c->frame + c->l2, *had = g->bytes + g->l2;
	const bool as_it_is = g->header + plain_sealed(longest_of(g)) <= mtu_of(g->which);

	require(memcmp(ip + IP_SRC, had + IP_SRC, 8) == 0);
	require(ip[IP_TOS] == had[IP_TOS] && ip[IP_TTL] == had[IP_TTL]);
	if (c->cut)
		require(!(load_be16(had + IP_FRAG) & IP_DF) && (sloppy || !as_it_is));
	else
		require(memcmp(ip, had, 1) == 0 &&
			memcmp(ip + IP_LEN_MIN, had + IP_LEN_MIN, g->header - IP_LEN_MIN) == 0);
	if (!c->cut && !sloppy && as_it_is)
		require(load_be16(ip + IP_ID) == (uint16_t)(load_be16(had + IP_ID) + (g->cuts ? index : 0)) &&
			load_be16(ip + IP_FRAG) == load_be16(had + IP_FRAG));
}

static void look_at_payload(const struct given *g, const struct came *c, uint32_t index)
{
	static uint8_t expected[65536];
	const size_t len = make_expected(g, index, expected), clamp = nic->queue.port.shared->mss_clamp;
	size_t most = mss_of_path(mtu_of(g->which)), at;

	most = clamp < most ? clamp : most;
	require(c->proto == g->proto && c->len == len);
	if (!g->cuts && g->proto == PROTO_TCP && (at = mss_place(expected, len))) {
		if (sloppy)
			most = load_be16(c->l4 + at);
		if (clamp || sloppy)
			lower_mss(expected, len, most);
		/* Of a sum there are two ways to write nothing. */
		if (plain_fold(load_be16(c->l4 + TCP_CHECK) + 0xffffu) ==
		    plain_fold(load_be16(expected + TCP_CHECK) + 0xffffu))
			memcpy(expected + TCP_CHECK, c->l4 + TCP_CHECK, 2);
	}
	require(memcmp(c->l4, expected, len) == 0);
}

/* A packet that the peer has opened: the next of that frame. */
static void match(struct given *g, const struct came *c)
{
	struct given *is = g->whole ? g->whole : g;

	opened++;
	require(names(g, c->sa->spi & 0xffff) && c->sa->spi == spi_of(g->which, c->sa->spi & 0xffff));
	/* Of a datagram that others may have had a part in all is known that the peer has looked at. */
	if (g->fragment && (foreign || !g->whole))
		return;
	require(sloppy || is->fate == FATE_SENT);
	require(is->sound && is->proto != PROTO_ESP && is->left < is->count);
	require(is->place >= last_place[g->urgent]);
	last_place[g->urgent] = is->place;
	look_at_headers(is, c, is->left);
	look_at_payload(is, c, is->left);
	is->left++;
}

static void look_at_frame(const uint8_t *frame, size_t len)
{
	struct given *g = given_of(frame);
	const size_t mtu = sloppy ? most_mtu : mtu_of(g->which);
	struct came c;

	require(g->sound && len > g->l2 && len - g->l2 <= mtu);
	NOTE(!sloppy && len - g->l2 > mtu - 4);
	require(memcmp(frame + ETH_SRC, nic->queue.port.shared->mac, 6) == 0);
	require(memcmp(frame + ETH_TYPE, g->bytes + ETH_TYPE, g->l2 - ETH_TYPE) == 0);
	if (peer_take(frame, len, g->l2, &c))
		match(g, &c);
}

/* Up to n packets of those that the NIC was shown. */
static void nic_takes(uint32_t n)
{
	const struct umem *u = &nic->queue.port.q.umem;

	while (n-- && nic->tx.consumer != nic->tx.producer) {
		uint8_t frame[SPAN_SIZE];
		struct xdp_desc d;
		size_t len = 0;

		do {
			require(nic->tx.consumer != nic->tx.producer);
			d = nic->descs[nic->tx.consumer++ % RING_SIZE];
			require(d.addr + d.len <= u->size && d.addr % u->frame_size + d.len <= u->frame_size);
			require(len + d.len <= sizeof(frame));
			memcpy(frame + len, umem_data(u, d.addr), d.len);
			len += d.len;
			nic->addrs[nic->completed.producer++ % RING_SIZE] = d.addr;
		} while (!xdp_queue_is_last(&d));
		look_at_frame(frame, len);
	}
}

/* ---- once, and each time ---- */

static void open_nic(struct nic *n, uint32_t index, uint32_t mtu)
{
	struct port_queue *p = &n->queue.port;

	queue_open(&n->queue, &lanes, 1);
	packet_file_unmap(&n->queue.memory);
	packet_file_begin(&n->queue.memory, &p->q.umem, RING_SIZE, mtu);
	p->shared = &lanes.maps.port[PORT + index];
	require(host_open(&p->host, -1, false, &p->lane->reader) == 0);
	require(host_open(&p->express, -1, false, &p->lane->reader) == 0);
	p->host.memory = &bulk_memory;
	p->express.memory = &urgent_memory;
	p->q.rings.tx = RING_PROD(&n->tx, n->descs, RING_SIZE);
	p->q.rings.comp = RING_CONS(&n->completed, n->addrs, RING_SIZE);
	p->q.limit = RING_SIZE;
	p->lane->readers = 1;
	n->frames = p->q.umem.free_count;
	n->spans = p->q.umem.free_span_count;
	require(outbound_init(p, NULL) == 0);
}

static void scene_open(void)
{
	const struct aead *aead = aead_select("openssl", NULL);

	require(aead);
	lanes_open(&lanes, aead);
	lanes.ip_ids = (struct ip_ids){.key = {1, 2}};
	open_nic(&nics[0], 0, MTU_USUAL);
	open_nic(&nics[1], 1, MTU_JUMBO);
}

static void scene_begin(bool jumbo, uint32_t mtu, uint16_t clamp)
{
	struct port_queue *p;

	nic = &nics[jumbo];
	p = &nic->queue.port;
	lanes.maps.port[PORT + jumbo] =
		(struct port){.queues = 1, .mtu = mtu, .mss_clamp = clamp, .mac = {2, 9, 9, 9, 9, 9}};
	lanes.lane[1].now = BEGINNING;
	lanes.lane[1].low_latency = false;
	lanes.ip_ids.counter = 0;
	memset(&lanes.maps.worker_counts[1], 0, sizeof(lanes.maps.worker_counts[1]));
	p->q.limit = RING_SIZE;
	p->q.full_since = 0;
	p->host.wanted = p->express.wanted = HOST_RING_FRAMES;
	given_count = whole_count = 0;
	packets_given = bytes_given = units = joined = answers = wanted_answers = opened = 0;
	memset(fated, 0, sizeof(fated));
	memset(&bulk, 0, sizeof(bulk));
	memset(&urgent, 0, sizeof(urgent));
	memset(last_place, 0, sizeof(last_place));
	sloppy = foreign = passed = cut_parts = false;
	lanes.lane[1].settling = 0;
	most_mtu = mtu;
	peer_begin();
	begin_sas();
}

/* Whether there is something that a turn would go on with. */
static bool is_waiting(void)
{
	struct port_queue *p = &nic->queue.port;

	return bulk.next != bulk.count || urgent.next != urgent.count || !host_reads_next(&p->host) ||
	       !host_reads_next(&p->express) || outbound_waits_for_nic(p);
}

static bool is_pending(void)
{
	return is_waiting() || outbound_is_half_done(&nic->queue.port);
}

/* Something else is so from now on: what the NIC has is looked at by what was so before. */
static void before_change(void)
{
	nic_takes(UINT32_MAX);
	sloppy |= is_pending();
}

static void turn(void)
{
	outbound_run(&nic->queue.port);
	require(xdp_queue_unkicked(&nic->queue.port.q) == 0);
}

static uint64_t dropped(enum reason why)
{
	return *counts_at(&lanes.maps.worker_counts[1], why);
}

static uint64_t dropped_in_all(void)
{
	uint64_t n = 0;

	for (enum reason why = 0; why < REASON_COUNT; why++)
		n += why == REASON_SEALED ? 0 : dropped(why);
	return n;
}

/* What is counted when something is used up, or gone, is in no reference. */
static uint64_t dropped_late(void)
{
	return dropped(REASON_LIFETIME_EXPIRED) + dropped(REASON_SEQ_OVERFLOW) + dropped(REASON_TX_FULL);
}

#endif
