/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way out of one queue, without a kernel: frames wait in memory in the place of the host's two queues (put_stream,
 * put_datagram), the NIC is two rings (nic_sends), and a peer opens whatever the NIC was shown (sent). The NIC is shown
 * nothing before the cipher was called for it.
 */
#ifndef TESTS_UNIT_SENDER_H
#define TESTS_UNIT_SENDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "esp_ends.h"
#include "lanes.h"
#include "loop.h"
#include "out/outbound.h"
#include "packets.h"

#define SLOT	   5
#define FRAMES_MAX 256
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
static uint32_t sent_count;
static uint32_t calls, call_sizes[FRAMES_MAX]; /* of the cipher */
static struct memory_ring tx, completed;
static struct xdp_desc tx_descs[RING_SIZE];
static uint64_t completed_addrs[RING_SIZE];
static void (*on_write)(void); /* called when the host is told something; or NULL */
static void (*on_read)(void);  /* called before the host is asked for frames; or NULL */

/* ---- the cipher ---- */

static inline bool is_shown(const uint8_t *out)
{
	const struct umem *u = &queue.port.q.umem;

	for (uint32_t i = tx.consumer; i != tx.producer; i++)
		if (out >= umem_data(u, tx_descs[i % RING_SIZE].addr) &&
		    out < umem_data(u, tx_descs[i % RING_SIZE].addr) + tx_descs[i % RING_SIZE].len)
			return true;
	return false;
}

static inline void watch(const struct aead_call *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_false(is_shown(c[i].out));
	call_sizes[calls++ % FRAMES_MAX] = n;
	backend->seal_all(c, n);
}

/* ---- the host ---- */

/* Over whatever was there, as the kernel does. */
static inline void read_frames(struct host *h, uint32_t n)
{
	struct waiting *w = h->memory->user;

	if (on_read)
		on_read();
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

static inline void write_frame(struct host *h, const struct iovec *pieces, int n)
{
	(void)h;
	(void)pieces;
	(void)n;
	if (on_write)
		on_write();
}

static const struct host_memory bulk_memory = {.read = read_frames, .write = write_frame, .user = &bulk};
static const struct host_memory urgent_memory = {.read = read_frames, .write = write_frame, .user = &urgent};

static inline void put(struct waiting *w, const uint8_t *frame, size_t len, uint32_t generation, uint16_t gso)
{
	const struct tx_tag tag = tx_tag_of(SLOT, generation);
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
static inline void put_datagram(struct waiting *w, size_t payload, uint32_t seed, uint32_t generation)
{
	uint8_t frame[10000];

	put(w, frame, make_udp(frame, 1, 2, payload, seed), generation, 0);
}

static inline void put_stream(struct waiting *w, size_t payload, uint32_t seed, uint16_t gso)
{
	static uint8_t frame[HOST_FRAME_MAX];
	const struct tcp_spec t = {.sport = 3, .dport = 4, .flags = TCP_ACK_FLAG};

	put(w, frame, make_tcp(frame, &t, payload, seed, 9), key.generation, gso);
}

static inline void forget(struct waiting *w)
{
	for (uint32_t i = 0; i < w->count; i++)
		free(w->bytes[i]);
	memset(w, 0, sizeof(*w));
}

/* ---- the NIC, and the peer ---- */

static inline void open_packet(const uint8_t *packet, size_t len)
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
static inline void open_frame(const uint8_t *frame, uint32_t len)
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
static inline void nic_sends(uint32_t n)
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

static inline void turn(void)
{
	outbound_run(&queue.port);
	assert_int_equal(xdp_queue_unkicked(&queue.port.q), 0);
}

static inline uint32_t is_left(const struct waiting *w)
{
	return w->count - w->next;
}

static inline void run_until_all_is_sent(uint32_t each_turn)
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
static inline void assert_datagram(const struct wire *w, size_t payload, uint32_t seed)
{
	uint8_t frame[10000];
	const size_t len = make_udp(frame, 1, 2, payload, seed), headers = ETH_LEN + IP_LEN_MIN;

	assert_int_equal(w->len, len - headers);
	assert_int_equal(w->proto, PROTO_UDP);
	assert_memory_equal(w->payload, frame + headers, w->len);
}

static inline void assert_numbers_rise(uint64_t first)
{
	for (uint32_t i = 0; i < sent_count; i++)
		assert_int_equal(sent[i].seq, first + i);
}

/* All packet memory is in the pool, or with the kernel to receive into. */
static inline uint32_t owned(void)
{
	return queue.port.q.umem.free_count + queue.port.q.umem.free_span_count;
}

/* ---- */

static inline void open_host(struct host *h, const struct host_memory *memory)
{
	assert_int_equal(host_open(h, memfd_create("host", MFD_CLOEXEC), false, &lanes.lane[1].reader), 0);
	h->memory = memory;
}

static inline void open_queue(uint32_t mtu)
{
	struct lane_order order = {.add = TAILQ_HEAD_INITIALIZER(order.add), .remove = -1};
	struct port_queue *p = &queue.port;

	queue_open(&queue, &lanes, 1);
	packet_file_unmap(&queue.memory);
	packet_file_begin(&queue.memory, &p->q.umem, RING_SIZE, mtu);
	close(p->host.fd);
	open_host(&p->host, &bulk_memory);
	open_host(&p->express, &urgent_memory);
	p->q.rings.tx = RING_PROD(&tx, tx_descs, RING_SIZE);
	p->q.rings.comp = RING_CONS(&completed, completed_addrs, RING_SIZE);
	p->q.limit = RING_SIZE;
	TAILQ_INSERT_TAIL(&order.add, p, of_lane);
	loop_obey(p->lane, &order);
	p->host.wanted = p->express.wanted = HOST_RING_FRAMES;
	assert_int_equal(outbound_init(p, NULL), 0);
}

static inline void open_all(uint32_t mtu)
{
	struct sa_state *sa;

	tx = completed = (struct memory_ring){0};
	sent_count = calls = 0;
	on_write = on_read = NULL;
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

static inline int set_up(void **unused)
{
	(void)unused;
	open_all(1500);
	return 0;
}

static inline int set_up_jumbo(void **unused)
{
	(void)unused;
	open_all(9000);
	return 0;
}

static inline int tear_down(void **unused)
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

static inline struct sa_state *state(void)
{
	return &lanes.maps.sa[SLOT];
}

/* ---- many datagrams ---- */

/* Of every remainder that padding has. */
static inline size_t length_of(uint32_t i)
{
	return i * 67 % 1400;
}

static inline void put_datagrams(struct waiting *w, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put_datagram(w, length_of(i), i, key.generation);
}

static inline void assert_datagrams(uint32_t n)
{
	assert_int_equal(sent_count, n);
	for (uint32_t i = 0; i < n; i++)
		assert_datagram(&sent[i], length_of(i), i);
}

#define WITH(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define JUMBO(test) cmocka_unit_test_setup_teardown(test, set_up_jumbo, tear_down)

#endif
