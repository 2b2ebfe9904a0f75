/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the wire to the host, by the worker's real passes: frames as they come, and packets that a peer has sealed
 * around any content, whole or in fragments, changed on the way or not. What must hold: what the host gets is a
 * well-formed packet of the SA's two hosts, bytes of it that were sealed, and no ESP; every frame of packet memory is
 * in the pool again.
 *
 *   step: u8 what, then as put_raw() and put_sealed() read it
 */
#define _GNU_SOURCE
#include "esp_ends.h"
#include "packet/fragment.h"
#include "fuzz.h"
#include "lanes.h"
#include "packets.h"

#define STEPS_MAX 40
#define SLOT	  5
#define SLOTS_OF  3 /* of the same key: for all, with SA_GRE, for BGP alone */
#define PLAIN_MAX 1400

enum { STEP_SEALED, STEP_RAW, STEP_PIECES, STEP_TURN, STEPS };

static struct lanes lanes;
static struct queue queue;
static struct end ends[SLOTS_OF];
static uint64_t number;
static uint64_t key_seed = 7;
static uint32_t written;

/* ---- the host ---- */

static void flatten(uint8_t *frame, size_t *len, const struct iovec *pieces, int n)
{
	*len = 0;
	for (int i = 1; i < n; i++) {
		require(*len + pieces[i].iov_len <= HOST_FRAME_MAX);
		memcpy(frame + *len, pieces[i].iov_base, pieces[i].iov_len);
		*len += pieces[i].iov_len;
	}
}

/* Of what came in GRE only its form is known here. */
static void look_at_frame(struct host *h, const struct iovec *pieces, int n)
{
	static uint8_t frame[HOST_FRAME_MAX];
	struct ip_view ip;
	size_t len, l2;
	bool gre;

	(void)h;
	flatten(frame, &len, pieces, n);
	written++;
	l2 = eth_ipv4_offset(frame, len);
	gre = !l2;
	for (size_t at = ETH_LEN; gre && at <= ETH_LEN + VLAN_LEN; at += VLAN_LEN)
		if (!l2 && load_be16(frame + at - 2) == GRE_TAG_ETHERTYPE)
			l2 = at;
	require(l2 && ip_parse(&ip, frame + l2, len - l2) && l2 + ip.total == len);
	require(csum_ipv4_header(ip.ip, ip.header) == 0);
	require(gre || (ip.ip[IP_PROTO] != PROTO_ESP && memcmp(ip.ip + IP_SRC, test_src, 4) == 0 &&
			memcmp(ip.ip + IP_DST, test_dst, 4) == 0));
}

static const struct host_memory memory = {.write = look_at_frame};

/* ---- once ---- */

static void open_sa(uint32_t i)
{
	struct sa_state *sa = &lanes.maps.sa[SLOT + i];

	*sa = (struct sa_state){.generation = key.generation,
				.spi = 0x12345678 + i,
				.direction = SA_INBOUND,
				.flags = i == 1	  ? SA_GRE | SA_ESN
					 : i == 2 ? 0
						  : SA_ESN,
				.replay_window = 64,
				.sel = {.local_port_max = UINT16_MAX, .remote_port_max = UINT16_MAX}};
	if (i == 2)
		sa->sel = (struct selector){179, 179, 0, UINT16_MAX, PROTO_TCP};
	memcpy(sa->src, test_src, 4);
	memcpy(sa->dst, test_dst, 4);
	memset(&lanes.maps.bitmaps[SLOT + i], 0, sizeof(lanes.maps.bitmaps[0]));
	lanes.vault.entries[SLOT + i] = key;
}

static void open_all(void)
{
	backend = aead_select("openssl", NULL);
	require(backend);
	random_bytes(&key_seed, (uint8_t *)&key, sizeof(key));
	key.generation = 7;
	lanes_open(&lanes, backend);
	lanes.maps.port[PORT] = (struct port){.queues = 1, .mtu = 1500, .mss_clamp = MSS_CLAMP_FIT};
	queue_open(&queue, &lanes, 0);
	queue.port.host.memory = &memory;
	for (uint32_t i = 0; i < SLOTS_OF; i++) {
		struct end *e = &ends[i];

		open_sa(i);
		e->ctx = aligned_alloc(64, backend->ctx_size);
		require(e->ctx);
		memset(e->ctx, 0, backend->ctx_size);
		e->state = lanes.maps.sa[SLOT + i];
		e->state.direction = SA_OUTBOUND;
		require(esp_sa_load(&e->sa, backend, &e->state, 0, NULL, &key, e->ctx) == 0);
	}
}

/* ---- a frame arrives ---- */

static void turn(void)
{
	while (inbound_run(&queue.port))
		;
	inbound_retry(&queue.port);
	inbound_end_turn(&queue.port, false);
}

static void arrive(const uint8_t *frame, size_t len, uint32_t slot, uint8_t l3)
{
	const struct rx_meta meta = {.slot = slot, .l3_offset = l3, .generation = key.generation};

	if (len > PLAIN_MAX + 300)
		return;
	if (!queue_receive(&queue, &meta, frame, (uint32_t)len)) {
		turn();
		queue_receive(&queue, &meta, frame, (uint32_t)len);
	}
}

/* u8 slot, u8 where IP begins, part: frame */
static void put_raw(struct input *in)
{
	const uint8_t slot = input_u8(in), l3 = input_u8(in);
	size_t size;
	uint8_t *frame = input_part(in, false, &size);

	arrive(frame, size, slot == 255 ? SLOT_NONE : slot, l3);
	free(frame);
}

/* Tags and options as `shape` has them. Where ESP goes. */
static uint8_t *put_headers(uint8_t *frame, uint8_t shape, size_t *l2, size_t *header)
{
	uint8_t *ip;

	*l2 = ETH_LEN + (shape & 3) % 3 * VLAN_LEN;
	*header = IP_LEN_MIN + (shape >> 2 & 3) * 4;
	memset(frame, 2, 12);
	for (size_t at = 12; at < *l2; at += 2)
		store_be16(frame + at, at + 2 == *l2 ? 0x0800 : at % 4 ? 7 : 0x8100);
	ip = frame + *l2;
	memset(ip, 1, *header);
	ip[0] = (uint8_t)(0x40 | *header / 4);
	ip[IP_TOS] = shape >> 4 & 3;
	store_be16(ip + IP_FRAG, 0);
	memcpy(ip + IP_SRC, test_src, 4);
	memcpy(ip + IP_DST, test_dst, 4);
	return ip + *header;
}

/* Sealed as it stands there, trailer and all: a peer may write any. */
static size_t seal_plain(const struct end *e, uint64_t seq, uint8_t *esp, uint8_t *plain, size_t len)
{
	const uint64_t iv = htobe64(seq + e->sa.iv_base);
	struct aead_call call;

	store_be32(esp, e->sa.spi);
	store_be32(esp + 4, (uint32_t)seq);
	memcpy(esp + 8, &iv, sizeof(iv));
	esp_set_nonce_and_aad(&call, &e->sa, seq, (const uint8_t *)&iv);
	call.in = plain;
	call.out = esp + ESP_HEADER;
	call.tag = esp + ESP_HEADER + len;
	call.len = (uint32_t)len;
	backend->seal_all(&call, 1);
	return ESP_HEADER + len + ESP_ICV;
}

static void arrive_in_pieces(uint8_t *frame, size_t l2, size_t header, size_t esp_len, unsigned mtu)
{
	uint8_t piece[PLAIN_MAX + 300];
	struct fragmenter f;

	fragment_begin(&f, frame, l2, (uint16_t)number, frame + l2 + header, esp_len, mtu);
	while (fragment_left(&f)) {
		const size_t n = fragment_next(&f, piece);
		const bool first = !(load_be16(piece + l2 + IP_FRAG) & IP_OFFSET);

		arrive(piece, n, first ? SLOT : SLOT_NONE, (uint8_t)l2);
	}
}

/*
 * u8 SA, u8 shape, u8 number (below 128: the next, and that; else one before), u8 bits, u8 next header,
 * part: content. bits: 1: trailer as it has to be, 2: ICV is wrong, 4: SPI is another's
 */
static void put_sealed(struct input *in, bool pieces)
{
	static uint8_t frame[ETH_LEN_MAX + IP_LEN_MAX + ESP_HEADER + PLAIN_MAX + 64];
	const unsigned which = input_u8(in) % SLOTS_OF;
	const uint8_t shape = input_u8(in), step = input_u8(in), bits = input_u8(in), next = input_u8(in);
	uint8_t plain[PLAIN_MAX + ESP_TAIL_MAX], *esp;
	size_t size, l2, header, len;
	uint8_t *content = input_part(in, false, &size);
	const uint64_t seq = step < 128 ? number + step + 1 : number > step ? number - step : 1;

	size = size < PLAIN_MAX ? size : PLAIN_MAX;
	if (size)
		memcpy(plain, content, size);
	free(content);
	esp = put_headers(frame, shape, &l2, &header);
	len = bits & 1 ? esp_write_trailer(plain, size, next) : size & ~3U;
	if (len < 4)
		return;
	len = seal_plain(&ends[which], seq, esp, plain, len);
	number = seq > number ? seq : number;
	esp[len - 1] ^= bits >> 1 & 1;
	esp[3] ^= bits >> 2 & 1;
	ip_finish(frame + l2, header, header + len, PROTO_ESP);
	if (pieces && header == IP_LEN_MIN)
		arrive_in_pieces(frame, l2, header, len, 68 + shape * 4u);
	else
		arrive(frame, l2 + header + len, SLOT + which, (uint8_t)l2);
}

/* All that is neither in the pool nor with the kernel to receive into is held by somebody. */
static uint32_t owned(void)
{
	return queue.port.q.umem.free_count + queue.fill.producer - queue.fill.consumer;
}

static void begin(void)
{
	for (uint32_t i = 0; i < SLOTS_OF; i++) {
		lanes.maps.sa[SLOT + i].seq = 0;
		memset(&lanes.maps.bitmaps[SLOT + i], 0, sizeof(lanes.maps.bitmaps[0]));
	}
	number = 0;
	written = 0;
}

static void run(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	const uint32_t before = owned();

	begin();
	for (unsigned i = 0; i < STEPS_MAX && in.left; i++) {
		const unsigned step = input_u8(&in) % STEPS;

		if (step == STEP_RAW)
			put_raw(&in);
		else if (step == STEP_TURN)
			turn();
		else
			put_sealed(&in, step == STEP_PIECES);
	}
	turn();
	lanes.lane[0].now += REASSEMBLY_NS + PARK_NS;
	fragments_in_expire(&queue.port);
	inbound_retry(&queue.port);
	require(owned() == before && !inbound_waits_for_key(&queue.port));
}

/* ---- seeds ---- */

static void seed_sealed(struct seed *s, unsigned step, unsigned which, unsigned shape, unsigned bits, uint8_t next,
			const uint8_t *data, size_t size)
{
	const uint8_t head[] = {(uint8_t)step, (uint8_t)which, (uint8_t)shape, 0, (uint8_t)bits, next};

	seed_bytes(s, head, sizeof(head));
	seed_part(s, data, size);
}

static void seed_stream(unsigned which, unsigned shape, unsigned bits, unsigned step)
{
	struct tcp_spec t = {.sport = 4, .dport = 179, .seq = 1, .flags = TCP_ACK_FLAG, .options = 12};
	struct seed s = {0};
	uint8_t frame[1600];

	for (unsigned i = 0; i < 3; i++, t.seq += 100) {
		const size_t len = make_tcp(frame, &t, 100, i, 1) - ETH_LEN - IP_LEN_MIN;

		seed_sealed(&s, step, which, shape, bits, PROTO_TCP, frame + ETH_LEN + IP_LEN_MIN, len);
	}
	fuzz_seed(s.data, s.size);
}

static void seed_gre(unsigned shape)
{
	uint8_t frame[400] = {0}, *gre = frame + 10;
	struct seed s = {0};
	size_t len;

	make_udp(frame + 200, 5, 6, 40, 7);
	len = IP_LEN_MIN + UDP_LEN + 40;
	memset(gre, 0, 4);
	store_be16(gre + 2, 0x0800);
	memcpy(gre + 4, frame + 200 + ETH_LEN, len);
	seed_sealed(&s, STEP_SEALED, 1, shape, 1, PROTO_GRE, gre, 4 + len);
	fuzz_seed(s.data, s.size);
}

static void seeds(void)
{
	static const uint8_t nested[24] = {1}, trailer[8] = {1, 2, 3, 4, 1, 2, 2, 17};
	struct seed s = {0};

	for (unsigned i = 0; i < 8; i++) {
		seed_stream(i % 3, i * 21, i < 5 ? 1 : i, STEP_SEALED);
		seed_stream(0, i * 32, 1, STEP_PIECES);
		seed_gre(i * 19);
	}
	seed_sealed(&s, STEP_SEALED, 0, 0, 1, PROTO_ESP, nested, sizeof(nested));
	seed_sealed(&s, STEP_SEALED, 0, 0, 1, ESP_NEXT_DUMMY, nested, sizeof(nested));
	seed_sealed(&s, STEP_SEALED, 0, 0, 0, 0, trailer, sizeof(trailer));
	fuzz_seed(s.data, s.size);
}

FUZZER(.name = "inbound", .open = open_all, .run = run, .seeds = seeds)
