/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker/burst.c and both sides of worker/outbound.c: the host's frames are in memory, the NIC is two rings, and a
 * peer opens whatever the NIC was shown. Nothing is shown to the NIC before the cipher was called for it.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "burst.h"
#include "esp_ends.h"
#include "lanes.h"
#include "outbound.h"
#include "packets.h"

#define SLOT	       5
#define FRAMES_MAX     256
#define NEW_GENERATION 9
/* What nobody may write to. */
#define CANARY 0xc7
/* More turns than anything here takes. */
#define TURNS 1000

/* Frames that wait in one of the host's two queues. */
struct waiting {
	uint8_t *bytes[FRAMES_MAX];
	size_t len[FRAMES_MAX];
	struct virtio_net_hdr vnet[FRAMES_MAX];
	uint32_t count, next;
	bool endless; /* the last one comes again and again */
};

struct wire {
	uint64_t seq;
	uint32_t len;
	uint8_t proto;
	uint8_t payload[9216];
};

static struct lanes lanes;
static struct queue queue;
static struct aead watched;
static struct waiting bulk, urgent;
static struct wire sent[FRAMES_MAX];
static uint32_t sent_count, calls, call_sizes[FRAMES_MAX];
static struct memory_ring tx, completed;
static struct xdp_desc tx_descs[RING_SIZE];
static uint64_t completed_addrs[RING_SIZE];
static void (*on_write)(void);

/* ---- the cipher ---- */

static bool is_shown(const uint8_t *out)
{
	const struct umem *u = &queue.port.q.umem;

	for (uint32_t i = tx.consumer; i != tx.producer; i++)
		if (out >= umem_data(u, tx_descs[i % RING_SIZE].addr) &&
		    out < umem_data(u, tx_descs[i % RING_SIZE].addr) + tx_descs[i % RING_SIZE].len)
			return true;
	return false;
}

static void watch(const struct aead_call *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_false(is_shown(c[i].out));
	call_sizes[calls++ % FRAMES_MAX] = n;
	backend->seal_all(c, n);
}

/* ---- the host ---- */

static uint8_t *end_of_room(struct host *h, uint32_t i)
{
	/* The next frame's virtio header, or the end of all. */
	return host_ring_frame(&h->ring, i) + HOST_FRAME_MAX + HOST_TAIL;
}

/* Over whatever was there, as the kernel does. */
static void read_frames(struct host *h, uint32_t n)
{
	struct waiting *w = h->memory->user;

	memset(h->ring.lengths, 0, sizeof(h->ring.lengths));
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *frame = host_ring_frame(&h->ring, i);

		memset(frame, CANARY, HOST_FRAME_MAX + HOST_TAIL);
		if (w->next == w->count)
			continue;
		memcpy(frame - sizeof(struct virtio_net_hdr), &w->vnet[w->next], sizeof(struct virtio_net_hdr));
		memcpy(frame, w->bytes[w->next], w->len[w->next]);
		h->ring.lengths[i] = (uint32_t)(sizeof(struct virtio_net_hdr) + w->len[w->next]);
		if (!w->endless || w->next + 1 < w->count)
			w->next++;
	}
}

static void write_frame(struct host *h, const struct iovec *pieces, int n)
{
	(void)h;
	(void)pieces;
	(void)n;
	if (on_write)
		on_write();
}

static const struct host_memory bulk_memory = {.read = read_frames, .write = write_frame, .user = &bulk};
static const struct host_memory urgent_memory = {.read = read_frames, .write = write_frame, .user = &urgent};

static void put(struct waiting *w, const uint8_t *frame, size_t len, uint32_t generation, uint16_t gso)
{
	const struct tx_tag tag = {.slot = SLOT, .generation = generation};
	const uint32_t i = w->count++;

	assert_true(i < FRAMES_MAX);
	w->bytes[i] = malloc(len);
	w->len[i] = len;
	w->vnet[i] = (struct virtio_net_hdr){0};
	if (gso)
		w->vnet[i] = (struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = gso};
	memcpy(w->bytes[i], frame, len);
	memcpy(w->bytes[i] + ETH_SRC, &tag, sizeof(tag));
}

/* A datagram that goes as it is. */
static void put_datagram(struct waiting *w, size_t payload, uint32_t seed, uint32_t generation)
{
	uint8_t frame[10000];

	put(w, frame, make_udp(frame, 1, 2, payload, seed), generation, 0);
}

static void put_stream(struct waiting *w, size_t payload, uint32_t seed, uint16_t gso)
{
	static uint8_t frame[HOST_FRAME_MAX];
	const struct tcp_spec t = {.sport = 3, .dport = 4, .flags = TCP_ACK_FLAG};

	put(w, frame, make_tcp(frame, &t, payload, seed, 9), key.generation, gso);
}

static void forget(struct waiting *w)
{
	for (uint32_t i = 0; i < w->count; i++)
		free(w->bytes[i]);
	memset(w, 0, sizeof(*w));
}

/* ---- the NIC, and the peer ---- */

static void open_packet(const uint8_t *packet, size_t len)
{
	struct wire *w = &sent[sent_count % FRAMES_MAX];
	struct esp_opened opened;
	uint8_t esp[10000];
	enum reason why;

	memcpy(esp, packet, len);
	w->seq = load_be32(esp + 4);
	assert_true(esp_open(backend, &receiver.sa, esp, len, w->seq, &opened, &why));
	w->len = opened.payload_len;
	w->proto = opened.next_header;
	memcpy(w->payload, esp + ESP_HEADER, opened.payload_len);
	sent_count++;
}

/* Fragments come in order, and other packets between them. */
static void open_frame(const uint8_t *frame, uint32_t len)
{
	static uint8_t whole[10000];
	static size_t have;
	const uint8_t *ip = frame + ETH_LEN, *esp = ip + IP_LEN_MIN;
	const uint16_t fragment = load_be16(ip + IP_FRAG);
	const size_t esp_len = len - ETH_LEN - IP_LEN_MIN;

	assert_memory_equal(frame + ETH_SRC, lanes.maps.port[PORT].mac, 6);
	assert_int_equal(ip[IP_PROTO], PROTO_ESP);
	assert_int_equal(load_be16(ip + IP_TOTAL_LEN), len - ETH_LEN);
	assert_in_range(load_be16(ip + IP_TOTAL_LEN), 0, lanes.maps.port[PORT].mtu);
	assert_int_equal(csum_ipv4_header(ip, IP_LEN_MIN), 0);
	if (!ip_is_fragment(ip)) {
		open_packet(esp, esp_len);
		return;
	}
	have = fragment & IP_OFFSET ? have : 0;
	assert_int_equal((fragment & IP_OFFSET) * 8, have);
	memcpy(whole + have, esp, esp_len);
	have += esp_len;
	if (!(fragment & IP_MF))
		open_packet(whole, have);
}

/* Sends up to n packets of those that it was shown. */
static void nic_sends(uint32_t n)
{
	while (n-- && tx.consumer != tx.producer) {
		uint8_t whole[10000];
		struct xdp_desc d;
		uint32_t len = 0;

		do {
			d = tx_descs[tx.consumer++ % RING_SIZE];
			memcpy(whole + len, umem_data(&queue.port.q.umem, d.addr), d.len);
			len += d.len;
			completed_addrs[completed.producer++ % RING_SIZE] = d.addr;
		} while (!xdp_queue_is_last(&d));
		open_frame(whole, len);
	}
}

static void turn(void)
{
	outbound_run(&queue.port);
	assert_int_equal(xdp_queue_unkicked(&queue.port.q), 0);
}

static uint32_t is_left(const struct waiting *w)
{
	return w->count - w->next;
}

static void run_until_all_is_sent(uint32_t each_turn)
{
	uint32_t turns = 0;

	do {
		turn();
		nic_sends(each_turn);
		assert_true(++turns < TURNS);
	} while (is_left(&bulk) || is_left(&urgent) || outbound_waits_for_nic(&queue.port) ||
		 tx.consumer != tx.producer);
}

/* That datagram, and no byte of it is another's. */
static void assert_datagram(const struct wire *w, size_t payload, uint32_t seed)
{
	uint8_t frame[10000];
	const size_t len = make_udp(frame, 1, 2, payload, seed), headers = ETH_LEN + IP_LEN_MIN;

	assert_int_equal(w->len, len - headers);
	assert_int_equal(w->proto, PROTO_UDP);
	assert_memory_equal(w->payload, frame + headers, w->len);
}

static void assert_numbers_rise(uint64_t first)
{
	for (uint32_t i = 0; i < sent_count; i++)
		assert_int_equal(sent[i].seq, first + i);
}

/* All packet memory is in the pool, or with the kernel to receive into. */
static uint32_t owned(void)
{
	return queue.port.q.umem.free_count + queue.port.q.umem.free_span_count;
}

/* ---- */

static void open_host(struct host *h, const struct host_memory *memory)
{
	assert_int_equal(host_open(h, memfd_create("host", MFD_CLOEXEC), false, &lanes.lane[1].reader), 0);
	h->memory = memory;
}

static void open_queue(uint32_t mtu)
{
	struct port_queue *p = &queue.port;

	queue_open(&queue, &lanes, 1);
	umem_destroy(&p->q.umem);
	assert_int_equal(umem_create(&p->q.umem, RING_SIZE, mtu, NULL), 0);
	close(p->host.fd);
	open_host(&p->host, &bulk_memory);
	open_host(&p->express, &urgent_memory);
	p->q.rings.tx = RING_PROD(&tx, tx_descs, RING_SIZE);
	p->q.rings.comp = RING_CONS(&completed, completed_addrs, RING_SIZE);
	p->q.limit = RING_SIZE;
	p->lane->readers = 2;
	p->host.wanted = p->express.wanted = HOST_RING_FRAMES;
	assert_int_equal(outbound_init(p, NULL), 0);
}

static void open_all(uint32_t mtu)
{
	struct sa_state *sa;

	tx = completed = (struct memory_ring){0};
	sent_count = calls = 0;
	on_write = NULL;
	watched = *backend;
	watched.seal_all = watch;
	lanes_open(&lanes, &watched);
	connect_ends(0, 0);
	sa = &lanes.maps.sa[SLOT];
	*sa = sender.state;
	memcpy(sa->src, test_src, 4);
	memcpy(sa->dst, test_dst, 4);
	lanes.vault.entries[SLOT] = key;
	lanes.maps.port[PORT] = (struct port){.queues = 1, .mtu = mtu, .mac = {2, 9, 9, 9, 9, 9}};
	open_queue(mtu);
}

static int set_up(void **unused)
{
	(void)unused;
	open_all(1500);
	return 0;
}

static int set_up_jumbo(void **unused)
{
	(void)unused;
	open_all(9000);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	outbound_free(&queue.port);
	host_ring_close(&queue.port.host.ring);
	host_close(&queue.port.express);
	queue_close(&queue);
	lanes_close(&lanes);
	forget(&bulk);
	forget(&urgent);
	return 0;
}

static struct sa_state *state(void)
{
	return &lanes.maps.sa[SLOT];
}

/* ---- a burst ---- */

/* Of every remainder that padding has. */
static size_t length_of(uint32_t i)
{
	return i * 67 % 1400;
}

static void put_datagrams(struct waiting *w, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put_datagram(w, length_of(i), i, key.generation);
}

static void assert_datagrams(uint32_t n)
{
	assert_int_equal(sent_count, n);
	for (uint32_t i = 0; i < n; i++)
		assert_datagram(&sent[i], length_of(i), i);
}

static void a_burst_is_one_call_with_numbers_in_a_row(void **unused)
{
	const uint32_t before = owned();
	uint64_t bytes = 0;

	(void)unused;
	put_datagrams(&bulk, 20);
	turn();
	assert_int_equal(calls, 1);
	assert_int_equal(call_sizes[0], 20);
	nic_sends(FRAMES_MAX);
	assert_datagrams(20);
	assert_numbers_rise(1);
	for (uint32_t i = 0; i < 20; i++)
		bytes += UDP_LEN + length_of(i);
	assert_int_equal(state()->seq, 20);
	assert_int_equal(state()->packets, 20);
	assert_int_equal(state()->bytes, bytes);
	assert_int_equal(counted(&lanes, REASON_SEALED), 20);
	xdp_queue_reap(&queue.port.q);
	assert_int_equal(owned(), before);
}

/* The next batch is read over the frames of the last. */
static void frames_are_sealed_before_others_come_over_them(void **unused)
{
	(void)unused;
	put_datagrams(&bulk, 100);
	queue.port.host.wanted = 3;
	run_until_all_is_sent(FRAMES_MAX);
	assert_datagrams(100);
	assert_numbers_rise(1);
}

/* Bursts and super-packets by turns keep their order. */
static void a_super_packet_goes_behind_the_burst(void **unused)
{
	(void)unused;
	put_datagrams(&bulk, 3);
	put_stream(&bulk, 4000, 50, 1000);
	put_datagrams(&bulk, 3);
	run_until_all_is_sent(FRAMES_MAX);
	assert_int_equal(sent_count, 10);
	assert_numbers_rise(1);
	for (uint32_t i = 0; i < 4; i++) {
		uint8_t expected[1000];

		fill_payload(expected, sizeof(expected), 50 + 1000 * i);
		assert_datagram(&sent[i < 3 ? i : 7], length_of(i % 3), i % 3);
		assert_int_equal(sent[3 + i].len, TCP_LEN_MIN + sizeof(expected));
		assert_memory_equal(sent[3 + i].payload + TCP_LEN_MIN, expected, sizeof(expected));
	}
}

/* ---- limits ---- */

static void expect_as_many(uint32_t n, uint64_t first, enum reason why)
{
	const uint32_t before = owned();

	put_datagrams(&bulk, 20);
	run_until_all_is_sent(FRAMES_MAX);
	xdp_queue_reap(&queue.port.q);
	assert_datagrams(n);
	assert_numbers_rise(first);
	assert_int_equal(counted(&lanes, REASON_SEALED), n);
	assert_int_equal(counted(&lanes, why), 20 - n);
	assert_int_equal(counts_get(&state()->drops, why), 20 - n);
	assert_int_equal(owned(), before);
}

static void as_many_go_as_there_are_numbers(void **unused)
{
	(void)unused;
	state()->seq = UINT32_MAX - 5;
	expect_as_many(5, UINT32_MAX - 4, REASON_SEQ_OVERFLOW);
	assert_int_equal(state()->seq, UINT32_MAX);
}

static void as_many_go_as_packets_are_left(void **unused)
{
	(void)unused;
	state()->hard_packets = 7;
	expect_as_many(7, 1, REASON_LIFETIME_EXPIRED);
}

static void no_more_go_than_bytes_are_left(void **unused)
{
	(void)unused;
	/* The first one's header, and not the second one. */
	state()->hard_bytes = UDP_LEN;
	expect_as_many(1, 1, REASON_LIFETIME_EXPIRED);
	assert_int_equal(state()->bytes, UDP_LEN);
}

static void of_a_super_packet_none_go_without_numbers(void **unused)
{
	(void)unused;
	state()->seq = UINT32_MAX;
	put_stream(&bulk, 4000, 1, 1000);
	put_datagrams(&bulk, 2);
	run_until_all_is_sent(FRAMES_MAX);
	assert_int_equal(sent_count, 0);
	assert_int_equal(counted(&lanes, REASON_SEQ_OVERFLOW), 6);
}

/* ---- no room ---- */

static void a_full_nic_loses_nothing(void **unused)
{
	(void)unused;
	queue.port.q.limit = 8;
	put_datagrams(&bulk, 100);
	turn();
	assert_int_equal(tx.producer, 8);
	assert_true(outbound_waits_for_nic(&queue.port));
	run_until_all_is_sent(5);
	assert_datagrams(100);
	assert_numbers_rise(1);
}

static void without_packet_memory_nothing_is_lost(void **unused)
{
	struct umem *u = &queue.port.q.umem;

	(void)unused;
	u->free_count = 5;
	put_datagrams(&bulk, 50);
	turn();
	assert_int_equal(tx.producer, 5);
	run_until_all_is_sent(3);
	assert_datagrams(50);
	assert_numbers_rise(1);
	xdp_queue_reap(&queue.port.q);
	assert_int_equal(u->free_count, 5);
}

static void nor_without_spans(void **unused)
{
	struct umem *u = &queue.port.q.umem;

	(void)unused;
	u->free_span_count = SPANS_FOR_RX + 3;
	for (uint32_t i = 0; i < 20; i++)
		put_datagram(&bulk, 400 * i, i, key.generation);
	turn();
	assert_int_equal(u->free_span_count, SPANS_FOR_RX);
	run_until_all_is_sent(2);
	assert_int_equal(sent_count, 20);
	assert_numbers_rise(1);
	for (uint32_t i = 0; i < 20; i++)
		assert_datagram(&sent[i], 400 * i, i);
	xdp_queue_reap(&queue.port.q);
	assert_int_equal(u->free_span_count, SPANS_FOR_RX + 3);
}

/* Three descriptors may be one packet's. */
static void a_burst_of_long_packets_fits_the_ring(void **unused)
{
	(void)unused;
	queue.port.q.limit = 20;
	for (uint32_t i = 0; i < 30; i++)
		put_datagram(&bulk, 8900, i, key.generation);
	run_until_all_is_sent(FRAMES_MAX);
	assert_int_equal(sent_count, 30);
	assert_int_equal(counted(&lanes, REASON_TX_FULL), 0);
	assert_numbers_rise(1);
}

/* Sealed as one, cut, and half on its way when the NIC is full. */
static void what_is_too_long_is_sealed_before_it_is_cut(void **unused)
{
	(void)unused;
	queue.port.q.limit = 3;
	put_datagrams(&bulk, 2);
	put_datagram(&bulk, 8000, 2, key.generation);
	store_be16(bulk.bytes[2] + ETH_LEN + IP_FRAG, 0);
	put_datagram(&bulk, length_of(3), 3, key.generation);
	put_datagrams(&urgent, 1);
	turn();
	put_datagram(&urgent, 0, 0, key.generation);
	run_until_all_is_sent(1);
	assert_int_equal(sent_count, 6);
	assert_datagram(&sent[4], 8000, 2);
	assert_datagram(&sent[5], length_of(3), 3);
	assert_int_equal(state()->seq, 6);
	assert_int_equal(counted(&lanes, REASON_SEALED), 6);
}

/* ---- another SA in the slot ---- */

static void change_sa(void)
{
	lanes.vault.entries[SLOT].generation = NEW_GENERATION;
	memset(lanes.vault.entries[SLOT].key, 0x77, sizeof(key.key));
	lanes.maps.sa[SLOT].generation = NEW_GENERATION;
}

/* What was gathered is sealed by the SA that it was for. That the slot's numbers begin again meanwhile, turns.h
 * prevents. */
static void another_sa_in_the_slot_is_another_burst(void **unused)
{
	(void)unused;
	put_datagrams(&bulk, 3);
	put_datagram(&bulk, 3000, 0, key.generation); /* does not fit: the host is told, and the slot changes hands */
	put_datagram(&bulk, 100, 0, key.generation);
	put_datagram(&bulk, 100, 1, NEW_GENERATION);
	on_write = change_sa;
	turn();
	assert_int_equal(tx.producer, 4);
	nic_sends(3);
	assert_datagrams(3);
	assert_int_equal(counted(&lanes, REASON_NO_SA), 1);
	/* The peer has the new one, too. */
	key = lanes.vault.entries[SLOT];
	connect_ends(0, 0);
	nic_sends(1);
	assert_int_equal(sent_count, 4);
	assert_datagram(&sent[3], 100, 1);
	assert_numbers_rise(1);
	key.generation = 7;
}

/* ---- the host's memory ---- */

/* Padding and trailer, whatever the length, within what is said of them. */
static void a_trailer_stays_within_its_bytes(void **unused)
{
	uint8_t bytes[64 + ESP_TAIL_MAX + 8];

	(void)unused;
	_Static_assert(ESP_TAIL_MAX <= HOST_TAIL, "a trailer fits behind a frame");
	for (size_t len = 0; len <= 64; len++) {
		memset(bytes, CANARY, sizeof(bytes));
		assert_int_equal(esp_write_trailer(bytes, len, 253), esp_sealed_size(len) - ESP_HEADER - ESP_ICV);
		for (size_t i = 0; i < sizeof(bytes); i++)
			if (i < len || i >= len + ESP_TAIL_MAX)
				assert_int_equal(bytes[i], CANARY);
	}
}

static void nothing_is_written_behind_the_longest_frame(void **unused)
{
	struct host *h = &queue.port.host;
	uint8_t *end = end_of_room(h, 0);

	(void)unused;
	memset(end, CANARY, 16);
	put_stream(&bulk, 65535 - IP_LEN_MIN - TCP_LEN_MIN, 3, 1400);
	h->wanted = 1;
	turn();
	nic_sends(FRAMES_MAX);
	assert_int_equal(sent_count, (65535 - IP_LEN_MIN - TCP_LEN_MIN + 1399) / 1400);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(end[i], CANARY);
	/* And what is behind the frame itself is as it was. */
	for (uint8_t *at = host_ring_frame(&h->ring, 0) + ETH_LEN + 65535; at < end; at++)
		assert_int_equal(*at, CANARY);
}

/* ---- what is urgent ---- */

static void what_is_urgent_leaves_first(void **unused)
{
	(void)unused;
	put_stream(&bulk, 4000, 1, 1000);
	put_datagrams(&urgent, 3);
	turn();
	nic_sends(FRAMES_MAX);
	assert_int_equal(sent_count, 7);
	assert_numbers_rise(1);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(sent[i].proto, i < 3 ? PROTO_UDP : PROTO_TCP);
}

/* A super-packet that waits for room lets it pass, and is not behind the peer's window afterwards. */
static void numbers_rise_on_the_wire_whatever_passes(void **unused)
{
	(void)unused;
	queue.port.q.limit = 8;
	put_stream(&bulk, 60000, 1, 1000);
	turn();
	for (uint32_t i = 0; i < 50; i++) {
		put_datagram(&urgent, 10, i, key.generation);
		nic_sends(3);
		turn();
	}
	run_until_all_is_sent(8);
	assert_int_equal(sent_count, 60 + 50);
	assert_numbers_rise(1);
}

/* A flood of what is urgent takes most of the NIC, and not all. */
static void bulk_passes_beside_a_flood(void **unused)
{
	uint32_t streamed = 0;

	(void)unused;
	queue.port.q.limit = 16;
	put_datagrams(&urgent, 1);
	urgent.endless = true;
	put_stream(&bulk, 20000, 1, 1000);
	for (uint32_t i = 0; i < 12; i++) {
		turn();
		nic_sends(16);
	}
	for (uint32_t i = 0; i < sent_count; i++)
		streamed += sent[i].proto == PROTO_TCP;
	assert_in_range(streamed, 20, 20);
	assert_true(sent_count - streamed > 100);
	assert_numbers_rise(1);
}

/* Only what was sent before bulk gives it a turn first: not turns in which the NIC took nothing. */
static void what_is_urgent_stays_first_while_the_nic_is_slow(void **unused)
{
	(void)unused;
	queue.port.q.limit = 8;
	put_stream(&bulk, 60000, 1, 1000);
	for (uint32_t i = 0; i < 10; i++)
		turn();
	put_datagrams(&urgent, 1);
	queue.port.express.skip = 0;
	nic_sends(4);
	turn();
	nic_sends(5);
	assert_int_equal(sent_count, 9);
	assert_int_equal(sent[8].proto, PROTO_UDP);
}

/* However many queues a lane has, one that was idle is looked at before long. */
static void an_idle_queue_is_not_forgotten(void **unused)
{
	uint32_t turns = 0;

	(void)unused;
	queue.port.lane->readers = 1000;
	turn();
	put_datagrams(&urgent, 1);
	while (is_left(&urgent)) {
		turn();
		assert_true(++turns <= 16);
	}
}

#define WITH(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define JUMBO(test) cmocka_unit_test_setup_teardown(test, set_up_jumbo, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_burst_is_one_call_with_numbers_in_a_row),
		WITH(frames_are_sealed_before_others_come_over_them),
		WITH(a_super_packet_goes_behind_the_burst),
		WITH(as_many_go_as_there_are_numbers),
		WITH(as_many_go_as_packets_are_left),
		WITH(no_more_go_than_bytes_are_left),
		WITH(of_a_super_packet_none_go_without_numbers),
		WITH(a_full_nic_loses_nothing),
		WITH(without_packet_memory_nothing_is_lost),
		JUMBO(nor_without_spans),
		JUMBO(a_burst_of_long_packets_fits_the_ring),
		WITH(what_is_too_long_is_sealed_before_it_is_cut),
		WITH(another_sa_in_the_slot_is_another_burst),
		cmocka_unit_test(a_trailer_stays_within_its_bytes),
		WITH(nothing_is_written_behind_the_longest_frame),
		WITH(what_is_urgent_leaves_first),
		WITH(numbers_rise_on_the_wire_whatever_passes),
		WITH(bulk_passes_beside_a_flood),
		WITH(what_is_urgent_stays_first_while_the_nic_is_slow),
		WITH(an_idle_queue_is_not_forgotten),
	};

	return RUN_WITH_EACH_AEAD("burst", tests);
}
