/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lanes do when neither NIC nor host takes any time: both are memory. Each lane, a thread, has a queue whose rings
 * are arrays, and a host whose frames are there already. What outbound has sealed is put, by the bench and off the
 * clock, into the RX ring, with the metadata that XDP would have left, and inbound takes it from there: all of the
 * worker's own code runs, from the tag in the Ethernet header to the coalesced packet for the host.
 *
 *   lane_bench BYTES LANES SAS ROUNDS      JSON on stdout, for out, in and the bare cipher: packets a second of all
 *                                          lanes, by the clock on the wall and by that of their threads; clocks per
 *                                          packet
 *
 * BYTES: of UDP payload. SAS: each way, of each lane, in turn from packet to packet. A round is ROUND packets. All
 * lanes do the same at the same time: they wait for each other, off the clock, before each part of a round. The bare
 * cipher is what the machine allows: it seals the same number of packets of that size, with one key for each lane, and
 * nothing else is done. What two lanes of it do, of one's, shows what two CPUs do here for whoever needs no memory in
 * common.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "in/inbound.h"
#include "lib/huge_file.h"
#include "out/outbound.h"
#include "nic/packet_file.h"
#include "lane/port.h"
#include "unit/worker/memory_ring.h"

#define ROUND	256
#define BATCH	64
#define STRIDE	2048
#define WARM_UP 8
/* So many times each SA carries something before the clock starts, and at least as often while it runs: below that,
 * what the machine itself does at the first touches of a page is most of what is measured. */
#define PASSES 4
#define SPINS  10000
#define PORT   0
/* As many as are read while a round is sent: what is read of a batch may be sent in the next. */
#define HEADERS_AHEAD (2 * ROUND)
#define HEADERS	      (ETH_LEN + IP_LEN_MIN + UDP_LEN)

static const uint8_t nic_mac[6] = {2, 0, 0, 0, 0, 1};

/* Of a frame, up to what is behind IP's. */
struct header {
	uint8_t bytes[ETH_LEN + IP_LEN_MIN];
};

/* What one direction has taken. */
struct spent {
	uint64_t wall_ns, thread_ns, clocks;
};

struct seat {
	struct lane *lane;
	struct port_queue p;
	struct packet_file memory_file;
	struct memory_ring rx, tx, fill, comp;
	struct xdp_desc rx_descs[RING_SIZE], tx_descs[RING_SIZE];
	uint64_t fill_addrs[RING_SIZE], comp_addrs[RING_SIZE];
	struct host_memory memory;
	struct header headers[HEADERS_AHEAD]; /* of frames that the host is going to have */
	uint32_t made, taken;		      /* of these, in all */
	uint32_t sa_count, first_slot, next_sa;
	size_t bytes;
	uint32_t rounds, nonce;
	uint64_t delivered, packets;
	struct spent out, in, cipher;
	struct aead_call calls[BATCH]; /* of the bare cipher; in place */
	uint8_t *texts;		       /* ROUND of them, STRIDE each */
};

static struct maps maps;
static struct vault vault;
static struct port port;

static void die(const char *what)
{
	fprintf(stderr, "lane_bench: %s\n", what);
	exit(1);
}

/* The expanded keys need not be locked: there are none here that anybody had to keep. */
int __wrap_mlock2(const void *addr, size_t len, unsigned int flags);
int __wrap_mlock2(const void *addr, size_t len, unsigned int flags)
{
	(void)addr;
	(void)len;
	(void)flags;
	return 0;
}

static void *zeroed(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) & ~(size_t)63);

	if (!p)
		die("out of memory");
	memset(p, 0, size);
	return p;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint64_t clocks(void)
{
#ifdef __x86_64__
	return __rdtsc();
#else
	return 0;
#endif
}

/* ---- SAs: slot 2n out, 2n + 1 in, of the same key ---- */

static void address(uint8_t out[4], uint32_t n)
{
	store_be32(out, 0xc6120000 + n);
}

static void make_sa(uint32_t slot, enum sa_direction direction)
{
	struct sa_state *sa = &maps.sa[slot];
	uint8_t keymat[ESP_KEYMAT_SIZE] = {(uint8_t)(slot / 2), (uint8_t)(slot / 512), 1};

	sa->generation = 1;
	sa->spi = 0x1000 + slot / 2;
	sa->direction = (uint8_t)direction;
	address(sa->src, 1);
	address(sa->dst, 2 + slot / 2);
	sa->replay_window = 1024;
	sa->flags = SA_ESN;
	sa->sel = (struct selector){SELECTOR_ANY_PORT};
	vault_store(&vault, slot, 1, OWNER_IKE, keymat, false);
}

/* As a BPF map is mapped: in the smallest pages. */
static void *like_a_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("out of memory");
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

static uint32_t slots_for(uint32_t sas)
{
	const uint32_t slots = (2 * sas + SLOTS_STEP - 1) / SLOTS_STEP * SLOTS_STEP;

	return slots < SLOTS_DEFAULT ? SLOTS_DEFAULT : slots;
}

static void make_sas(uint32_t count)
{
	maps.slots = slots_for(count);
	maps.sa = like_a_map(maps.slots * sizeof(*maps.sa));
	maps.bitmaps = like_a_map(maps.slots * sizeof(*maps.bitmaps));
	maps.turns = zeroed(sizeof(*maps.turns));
	maps.worker_counts = zeroed(LANES_MAX * sizeof(*maps.worker_counts));
	maps.port = &port;
	for (uint32_t i = 0; i < count; i++) {
		make_sa(2 * i, SA_OUTBOUND);
		make_sa(2 * i + 1, SA_INBOUND);
	}
}

/* ---- a host in memory ---- */

/* A UDP packet, but for what is of its SA: tc egress puts a tag in place of the source address. */
static void write_frame(const struct seat *s, uint8_t *frame)
{
	uint8_t *ip = frame + ETH_LEN, *udp = ip + IP_LEN_MIN;

	memcpy(frame, nic_mac, 6);
	store_be16(frame + ETH_TYPE, 0x0800);
	memset(ip, 0, IP_LEN_MIN);
	ip[0] = 0x45;
	store_be16(ip + IP_FRAG, IP_DF);
	ip[IP_TTL] = 64;
	memcpy(ip + IP_SRC, maps.sa[s->first_slot].src, 4);
	store_be16(udp, 1000);
	store_be16(udp + 2, 2000);
	store_be16(udp + UDP_LENGTH, (uint16_t)(UDP_LEN + s->bytes));
	store_be16(udp + UDP_CHECK, 0);
}

/* For the next SA. */
static void address_frame(struct seat *s, uint8_t *frame)
{
	const uint32_t slot = s->first_slot + 2 * s->next_sa;
	const struct tx_tag tag = tx_tag_of(slot, 1);
	uint8_t *ip = frame + ETH_LEN;

	s->next_sa = s->next_sa + 1 == s->sa_count ? 0 : s->next_sa + 1;
	memcpy(frame + ETH_SRC, &tag, sizeof(tag));
	address(ip + IP_DST, 2 + slot / 2);
	ip_finish(ip, IP_LEN_MIN, IP_LEN_MIN + UDP_LEN + s->bytes, PROTO_UDP);
}

/* Off the clock, as it is the host's work: the headers of those frames that are read next. */
static void make_headers(struct seat *s)
{
	for (; s->made - s->taken < HEADERS_AHEAD; s->made++) {
		uint8_t frame[HEADERS];

		write_frame(s, frame);
		address_frame(s, frame);
		memcpy(&s->headers[s->made % HEADERS_AHEAD], frame, sizeof(struct header));
	}
}

/* The frames are there, but for what differs from one to the other. */
static void read_frames(struct host *h, uint32_t n)
{
	struct seat *s = h->memory->user;

	if (s->made - s->taken < n)
		die("the host has no more headers");
	for (uint32_t i = 0; i < n; i++) {
		memcpy(host_ring_frame(&h->ring, i), &s->headers[s->taken++ % HEADERS_AHEAD], sizeof(struct header));
		h->ring.lengths[i] = (uint32_t)(sizeof(struct virtio_net_hdr) + HEADERS + s->bytes);
	}
}

static void write_frames(struct host *h, const struct iovec *pieces, int n)
{
	struct seat *s = h->memory->user;

	(void)pieces;
	s->delivered += n > 1 ? (uint64_t)n - 1 : 0;
}

/* ---- a NIC in memory ---- */

/* Off the clock: what was sent arrives, each packet in a frame of the fill ring, and the sent frames are completed. */
static uint32_t carry(struct seat *s)
{
	const uint32_t n = s->tx.producer - s->tx.consumer, mask = RING_SIZE - 1;

	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc sent = s->tx_descs[s->tx.consumer++ & mask];
		const uint64_t to = s->fill_addrs[s->fill.consumer++ & mask] + 256;
		const uint8_t *frame = umem_data(&s->p.q.umem, sent.addr);
		const uint32_t spi = load_be32(frame + ETH_LEN + IP_LEN_MIN);
		const struct rx_meta meta = {.slot = 2 * (spi - 0x1000) + 1, .l3_offset = ETH_LEN, .generation = 1};

		memcpy(umem_data(&s->p.q.umem, to), frame, sent.len);
		memcpy(umem_data(&s->p.q.umem, to) - sizeof(meta), &meta, sizeof(meta));
		s->rx_descs[s->rx.producer++ & mask] = (struct xdp_desc){.addr = to, .len = sent.len};
		s->comp_addrs[s->comp.producer++ & mask] = sent.addr;
	}
	return n;
}

static void make_queue(struct seat *s, struct fault *f)
{
	struct xdp_queue *q = &s->p.q;
	struct umem_place place;

	q->fd = -1;
	if (packet_file_map(&s->memory_file, huge_file_make(packet_file_size(1, RING_SIZE, 1500)), 1, RING_SIZE, 1500,
			    f))
		die(f->text);
	place = packet_file_place(&s->memory_file, 0);
	umem_create(&q->umem, &place);
	q->rings.rx = RING_CONS(&s->rx, s->rx_descs, RING_SIZE);
	q->rings.tx = RING_PROD(&s->tx, s->tx_descs, RING_SIZE);
	q->rings.fill = RING_PROD(&s->fill, s->fill_addrs, RING_SIZE);
	q->rings.comp = RING_CONS(&s->comp, s->comp_addrs, RING_SIZE);
	q->limit = RING_SIZE;
	xdp_queue_refill(q);
}

/* As much as ESP encrypts of a packet of that size, and all that authenticates it. */
static void make_cipher(struct seat *s)
{
	static const uint8_t key[AEAD_KEY_SIZE];
	const struct aead *a = s->lane->aead;
	void *ctx = zeroed(a->ctx_size);

	s->texts = zeroed(ROUND * STRIDE);
	if (a->expand(ctx, key))
		die("the cipher takes no key");
	for (uint32_t i = 0; i < BATCH; i++)
		s->calls[i] = (struct aead_call){
			.ctx = ctx,
			.len = (uint32_t)(esp_sealed_size(UDP_LEN + s->bytes) - ESP_HEADER - ESP_ICV),
			.aad_len = 12};
}

static struct seat *make_seat(struct lane *l, size_t bytes, uint32_t sas, uint32_t rounds)
{
	struct seat *s = zeroed(sizeof(*s));
	struct fault f;

	s->lane = l;
	s->bytes = bytes;
	s->sa_count = sas;
	s->rounds = rounds > PASSES * sas / ROUND ? rounds : PASSES * sas / ROUND;
	s->first_slot = 2 * l->index * sas;
	s->memory = (struct host_memory){.read = read_frames, .write = write_frames, .user = s};
	s->p.lane = l;
	s->p.index = PORT;
	s->p.shared = &port;
	make_queue(s, &f);
	if (host_open(&s->p.host, -1, true, &l->reader))
		die("out of memory");
	s->p.host.memory = &s->memory;
	for (uint32_t i = 0; i < HOST_RING_FRAMES; i++)
		write_frame(s, host_ring_frame(&s->p.host.ring, i));
	if (inbound_init(&s->p, NULL, &f) || outbound_init(&s->p, &f))
		die(f.text);
	make_cipher(s);
	return s;
}

/* ---- the clock ---- */

/* By these names callgrind knows when to count. */
static __attribute__((noinline)) void send_some(struct seat *s)
{
	const uint32_t before = s->tx.producer;

	while (s->tx.producer - before < ROUND)
		outbound_run(&s->p);
}

static __attribute__((noinline)) void receive_all(struct seat *s)
{
	while (s->rx.consumer != s->rx.producer) {
		inbound_run(&s->p);
		inbound_end_turn(&s->p, s->rx.consumer != s->rx.producer);
	}
}

static __attribute__((noinline)) void cipher_alone(struct seat *s)
{
	for (uint32_t first = 0; first < ROUND; first += BATCH) {
		for (uint32_t i = 0; i < BATCH; i++) {
			struct aead_call *c = &s->calls[i];

			store_be32(c->iv, ++s->nonce);
			c->in = c->out = s->texts + (size_t)(first + i) * STRIDE;
			c->tag = c->out + c->len;
		}
		s->lane->aead->seal_all(s->calls, BATCH);
	}
}

/* Spinning, for a lane that has slept would begin with cold caches; a lane that is off its CPU gets it. */
static void wait_for_all(const struct seat *s)
{
	static uint32_t arrived, passed;
	const uint32_t turn = __atomic_load_n(&passed, __ATOMIC_ACQUIRE);

	if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == s->lane->count) {
		__atomic_store_n(&arrived, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&passed, turn + 1, __ATOMIC_RELEASE);
	}
	for (uint32_t spins = 1; __atomic_load_n(&passed, __ATOMIC_ACQUIRE) == turn; spins++)
		if (spins % SPINS == 0)
			sched_yield();
}

static void spend(struct spent *spent, struct seat *s, void (*work)(struct seat *s))
{
	uint64_t wall, thread, before;

	wait_for_all(s);
	wall = now_ns(CLOCK_MONOTONIC);
	thread = now_ns(CLOCK_THREAD_CPUTIME_ID);
	before = clocks();
	work(s);
	spent->clocks += clocks() - before;
	spent->thread_ns += now_ns(CLOCK_THREAD_CPUTIME_ID) - thread;
	spent->wall_ns += now_ns(CLOCK_MONOTONIC) - wall;
}

static void run_round(struct seat *s)
{
	s->lane->now = now_ns(CLOCK_BOOTTIME);
	make_headers(s);
	spend(&s->out, s, send_some);
	s->packets += carry(s);
	spend(&s->in, s, receive_all);
	spend(&s->cipher, s, cipher_alone);
}

static void *run(void *arg)
{
	struct seat *s = arg;

	for (uint32_t i = 0; i < WARM_UP + PASSES * s->sa_count / ROUND; i++)
		run_round(s);
	s->out = s->in = s->cipher = (struct spent){0};
	s->packets = s->delivered = 0;
	for (uint32_t i = 0; i < s->rounds; i++)
		run_round(s);
	return NULL;
}

static struct lane *make_lanes(uint32_t count)
{
	struct lane *lanes = zeroed(count * sizeof(*lanes));
	struct sa_lock *locks = zeroed(SA_LOCKS * sizeof(*locks));
	static struct ip_ids ip_ids;
	struct fault f;

	if (ip_id_init(&ip_ids, &f))
		die(f.text);

	for (uint32_t i = 0; i < count; i++) {
		struct lane *l = &lanes[i];

		l->maps = &maps;
		l->locks = locks;
		l->ip_ids = &ip_ids;
		l->aead = aead_select("auto", &f);
		if (!l->aead || lane_init(l, lanes, i, count, &f) ||
		    sa_cache_create(&l->sas, l->aead, &maps, &vault, &f))
			die(f.text);
	}
	return lanes;
}

/* Of all lanes: what each did in the time that it took for it; clocks are those of a lane's packet. */
static void report_direction(const char *name, struct seat **seats, size_t direction)
{
	const uint32_t lanes = seats[0]->lane->count;
	double wall = 0, thread = 0, per_packet = 0;

	for (uint32_t i = 0; i < lanes; i++) {
		const struct spent *spent = (const struct spent *)((const uint8_t *)seats[i] + direction);
		const double packets = (double)seats[i]->packets;

		wall += packets * 1e3 / (double)spent->wall_ns;
		thread += packets * 1e3 / (double)spent->thread_ns;
		per_packet += (double)spent->clocks / packets / lanes;
	}
	printf(",\"%s\":{\"mpps\":%.4f,\"mpps_by_thread\":%.4f,\"clocks\":%.1f}", name, wall, thread, per_packet);
}

static void report(struct seat **seats)
{
	for (uint32_t i = 0; i < seats[0]->lane->count; i++)
		if (seats[i]->delivered != seats[i]->packets)
			die("packets were lost");
	printf("{\"aead\":\"%s\",\"round\":%d", seats[0]->lane->aead->name, ROUND);
	report_direction("out", seats, offsetof(struct seat, out));
	report_direction("in", seats, offsetof(struct seat, in));
	report_direction("cipher", seats, offsetof(struct seat, cipher));
	puts("}");
}

int main(int argc, char **argv)
{
	struct seat *seats[LANES_MAX];
	pthread_t threads[LANES_MAX];
	uint32_t count, sas;
	struct lane *lanes;
	struct fault f;

	if (argc != 5)
		die("usage: lane_bench BYTES LANES SAS ROUNDS");
	count = (uint32_t)atoi(argv[2]);
	sas = (uint32_t)atoi(argv[3]);
	if (count < 1 || count > LANES_MAX || sas < 1 || 2 * sas * count > SLOTS_MAX || atoi(argv[1]) > 1400)
		die("at most 1400 bytes, 64 lanes, and 131072 SAs each way in all");
	if (vault_create(&vault, slots_for(sas * count), &f))
		die(f.text);
	make_sas(sas * count);
	port = (struct port){.mtu = 1500, .mtu_room = 1500, .queues = count, .tx_queues = count, .ring = RING_SIZE};
	memcpy(port.mac, nic_mac, 6);
	lanes = make_lanes(count);
	for (uint32_t i = 0; i < count; i++)
		seats[i] = make_seat(&lanes[i], (size_t)atoi(argv[1]), sas, (uint32_t)atoi(argv[4]));
	for (uint32_t i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, run, seats[i]);
	for (uint32_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	report(seats);
	return 0;
}
