/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets that come before their key: a port of the worker on rings and packet memory that are made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "esp/esp_packet.h"
#include "in/inbound.h"

#define FRAME	   2048
#define HEADROOM   256
#define RING	   256
#define FRAMES	   512
#define SPANS	   packet_spans(RING_SIZE_MIN_JUMBO)
#define HEADERS	   (ETH_LEN + IP_LEN_MIN)
#define PROTO_TEST 253
#define SLOT	   3

static const uint8_t src[4] = {192, 0, 2, 1}, dst[4] = {192, 0, 2, 2};
static const uint8_t keymat[ESP_KEYMAT_SIZE] = {1, 2, 3};

struct bed {
	struct maps maps;
	struct vault vault;
	struct lane lane;
	struct port_queue port;
	struct inbound in;
	struct port shared;
	uint32_t produced, consumed, none;
	struct xdp_desc ring[RING];
	uint32_t written[RING]; /* what the host got, in its order */
	uint32_t writes;
};

/* ---- the port ---- */

static void note(void *user, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n, uint32_t packets)
{
	struct bed *b = user;

	(void)vnet;
	(void)packets;
	assert_int_equal(n, 2);
	memcpy(&b->written[b->writes++], (uint8_t *)pieces[1].iov_base + HEADERS, sizeof(uint32_t));
}

static void give_frame(void *user, uint64_t addr)
{
	umem_give(&((struct bed *)user)->port.q.umem, addr);
}

static void make_queue(struct bed *b)
{
	b->port.q.rings.rx.ring = b->ring;
	b->port.q.rings.rx.mask = RING - 1;
	b->port.q.rings.rx.size = RING;
	b->port.q.rings.rx.producer = &b->produced;
	b->port.q.rings.rx.consumer = &b->consumed;
	b->port.q.rings.fill.consumer = b->port.q.rings.fill.producer = &b->none;
}

static void make_umem(struct umem *u)
{
	u->frame_size = FRAME;
	u->spans_at = FRAMES * FRAME;
	u->size = u->spans_at + SPANS * SPAN_SIZE;
	u->area = aligned_alloc(FRAME, u->size);
	u->free_frames = calloc(FRAMES, sizeof(*u->free_frames));
	for (uint64_t i = 0; i < FRAMES; i++)
		umem_give(u, i * FRAME);
	u->spans = calloc(SPANS, sizeof(*u->spans));
	u->free_spans = calloc(SPANS, sizeof(*u->free_spans));
	for (uint32_t i = 0; i < SPANS; i++)
		u->free_spans[u->free_span_count++] = i;
}

static int setup(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));
	const struct coalesce_sink sink = {.user = b, .write = note, .release = give_frame};
	struct lane *l = &b->lane;
	struct fault f;

	b->maps.slots = SLOTS_DEFAULT;
	b->maps.sa = calloc(SLOTS_DEFAULT, sizeof(*b->maps.sa));
	b->maps.bitmaps = calloc(SLOTS_DEFAULT, sizeof(*b->maps.bitmaps));
	b->maps.turns = calloc(1, sizeof(*b->maps.turns));
	b->maps.worker_counts = calloc(1, sizeof(*b->maps.worker_counts));
	l->maps = &b->maps;
	l->count = 1;
	l->locks = aligned_alloc(64, SA_LOCKS * sizeof(*l->locks));
	memset(l->locks, 0, SA_LOCKS * sizeof(*l->locks));
	l->aead = aead_select("openssl", &f);
	l->now = 1000;
	assert_int_equal(vault_create(&b->vault, SLOTS_DEFAULT, &f), 0);
	assert_int_equal(sa_cache_create(&l->sas, l->aead, &b->maps, &b->vault, &f), 0);
	b->port.lane = l;
	b->port.shared = &b->shared;
	make_umem(&b->port.q.umem);
	make_queue(b);
	b->port.in = &b->in;
	coalesce_init(&b->in.coalescer, &sink, false);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	for (uint32_t slot = 0; slot < SLOTS_DEFAULT; slot++)
		b->maps.sa[slot].generation = 0;
	while (sa_cache_sweep(&b->lane.sas))
		;
	free(b->lane.sas.loaded);
	free(b->maps.turns);
	vault_close(&b->vault);
	munmap(b->lane.sas.records, b->lane.sas.size);
	free(b->maps.sa);
	free(b->maps.bitmaps);
	free(b->maps.worker_counts);
	free(b->lane.locks);
	free(b->port.q.umem.area);
	free(b->port.q.umem.free_frames);
	free(b->port.q.umem.spans);
	free(b->port.q.umem.free_spans);
	free(b);
	return 0;
}

/* ---- SAs ---- */

static void reserve(struct bed *b, uint32_t slot)
{
	struct sa_state *sa = &b->maps.sa[slot];

	sa->generation = 1;
	sa->spi = 0x1000 + slot;
	sa->direction = SA_INBOUND;
	memcpy(sa->src, src, 4);
	memcpy(sa->dst, dst, 4);
}

static void give_key(struct bed *b, uint32_t slot)
{
	b->maps.sa[slot].sel = (struct selector){SELECTOR_ANY_PORT};
	b->maps.sa[slot].replay_window = 64;
	b->maps.sa[slot].flags = SA_ESN;
	vault_store(&b->vault, slot, 1, OWNER_IKE, keymat, 0);
}

/* ---- packets ---- */

static size_t seal(struct bed *b, uint32_t slot, uint32_t number, uint8_t *out)
{
	struct sa_state state = {.generation = 1, .spi = 0x1000 + slot, .direction = SA_OUTBOUND, .flags = SA_ESN};
	struct vault_entry key = {.generation = 1};
	__u64 ring[REPLAY_WIDE_WORDS];
	struct esp_sa sa = {0};
	uint8_t payload[sizeof(number) + ESP_TAIL_MAX];
	void *ctx = aligned_alloc(64, b->lane.aead->ctx_size);
	size_t size;

	memset(ctx, 0, b->lane.aead->ctx_size);
	memcpy(key.key, keymat, ESP_KEY_SIZE);
	memcpy(key.salt, keymat + ESP_KEY_SIZE, ESP_SALT_SIZE);
	assert_int_equal(esp_sa_load(&sa, b->lane.aead, &state, 0, ring, &key, ctx), 0);
	memcpy(payload, &number, sizeof(number));
	size = esp_seal(b->lane.aead, &sa, number, PROTO_TEST, out, payload, sizeof(number));
	esp_sa_wipe(&sa, b->lane.aead);
	free(ctx);
	return size;
}

/* The packet with that number on the SA, as XDP hands it over; generation: that of the slot as XDP saw it. A jumbo
 * NIC's is in a span, as if it had been gathered. */
static void arrive(struct bed *b, uint32_t slot, uint32_t generation, uint32_t number)
{
	const struct rx_meta meta = {.slot = slot, .l3_offset = ETH_LEN, .generation = generation};
	struct umem *u = &b->port.q.umem;
	const uint64_t addr = (u->jumbo ? umem_take_span(u, 0) : umem_take(u)) + HEADROOM;
	uint8_t *frame = umem_data(u, addr), *ip = frame + ETH_LEN;
	const size_t esp = seal(b, slot, number, ip + IP_LEN_MIN);

	memcpy(frame - sizeof(meta), &meta, sizeof(meta));
	memset(frame, 0, HEADERS);
	ip[0] = 0x45;
	ip[IP_TTL] = 64;
	memcpy(ip + IP_SRC, src, 4);
	memcpy(ip + IP_DST, dst, 4);
	ip_finish(ip, IP_LEN_MIN, IP_LEN_MIN + esp, PROTO_ESP);
	b->ring[b->produced++ % RING] = (struct xdp_desc){.addr = addr, .len = (uint32_t)(HEADERS + esp)};
}

/* What the loop does with a port. */
static void turn(struct bed *b)
{
	inbound_retry(&b->port);
	while (inbound_run(&b->port))
		;
	inbound_end_turn(&b->port, false);
}

static void arrive_each(struct bed *b, uint32_t slot, uint32_t from, uint32_t to)
{
	for (uint32_t n = from; n <= to; n++)
		arrive(b, slot, 1, n);
}

static void assert_written(struct bed *b, uint32_t from, uint32_t to)
{
	assert_int_equal(b->writes, to - from + 1);
	for (uint32_t i = 0; i < b->writes; i++)
		assert_int_equal(b->written[i], from + i);
}

static uint64_t counted(const struct bed *b, enum reason reason)
{
	return counts_get(b->maps.worker_counts, reason);
}

static void assert_no_frame_is_held(struct bed *b)
{
	assert_false(inbound_waits_for_key(&b->port));
	assert_int_equal(b->port.q.umem.free_count, FRAMES);
	assert_int_equal(b->port.q.umem.free_span_count, SPANS);
}

/* ---- tests ---- */

static void waits_for_its_key(void **state)
{
	struct bed *b = *state;

	reserve(b, SLOT);
	arrive_each(b, SLOT, 1, 5);
	turn(b);
	turn(b);
	assert_int_equal(b->writes, 0);
	assert_true(inbound_waits_for_key(&b->port));
	assert_int_equal(counted(b, REASON_PARKED), 5);
	give_key(b, SLOT);
	turn(b);
	assert_written(b, 1, 5);
	assert_int_equal(b->maps.sa[SLOT].seq, 5);
	assert_int_equal(b->maps.sa[SLOT].packets, 5);
	assert_int_equal(counted(b, REASON_NO_SA), 0);
	assert_no_frame_is_held(b);
}

/* The key comes when the worker has already looked for it in this turn. */
static void stays_in_order(void **state)
{
	struct bed *b = *state;

	reserve(b, SLOT);
	arrive_each(b, SLOT, 1, 5);
	turn(b);
	inbound_retry(&b->port);
	give_key(b, SLOT);
	arrive_each(b, SLOT, 6, 8);
	inbound_run(&b->port);
	assert_int_equal(b->writes, 0);
	arrive_each(b, SLOT, 9, 10);
	turn(b);
	assert_written(b, 1, 10);
	assert_no_frame_is_held(b);
}

static void is_dropped_when_it_has_waited_too_long(void **state)
{
	struct bed *b = *state;

	reserve(b, SLOT);
	arrive_each(b, SLOT, 1, 5);
	turn(b);
	b->lane.now += PARK_NS - 1;
	turn(b);
	assert_int_equal(counted(b, REASON_NO_SA), 0);
	b->lane.now += 1;
	turn(b);
	assert_int_equal(counted(b, REASON_NO_SA), 5);
	assert_no_frame_is_held(b);
	give_key(b, SLOT);
	turn(b);
	assert_int_equal(b->writes, 0);
}

static void is_dropped_when_the_slot_is_given_back(void **state)
{
	struct bed *b = *state;

	reserve(b, SLOT);
	arrive_each(b, SLOT, 1, 5);
	turn(b);
	b->maps.sa[SLOT].generation = 2;
	turn(b);
	assert_int_equal(counted(b, REASON_NO_SA), 5);
	assert_no_frame_is_held(b);
	arrive(b, SLOT, 1, 6);
	arrive(b, SLOT, 2, 7);
	turn(b);
	assert_int_equal(counted(b, REASON_NO_SA), 7);
	assert_int_equal(counted(b, REASON_PARKED), 5);
	assert_no_frame_is_held(b);
}

/* A key without the rest, which is written before it, opens nothing. */
static void opens_nothing_without_a_window(void **state)
{
	struct bed *b = *state;

	reserve(b, SLOT);
	vault_store(&b->vault, SLOT, 1, OWNER_IKE, keymat, 0);
	arrive_each(b, SLOT, 1, 5);
	turn(b);
	assert_int_equal(b->writes, 0);
	b->lane.now += PARK_NS;
	turn(b);
	assert_int_equal(counted(b, REASON_NO_SA), 5);
	assert_no_frame_is_held(b);
}

/* Whoever guesses the SPI gets the room of that SA; what is forged goes, what is not stays. */
static void is_bounded(void **state)
{
	struct bed *b = *state;

	reserve(b, SLOT);
	arrive_each(b, SLOT, 1, PARK_FRAMES + 10);
	turn(b);
	assert_int_equal(counted(b, REASON_NO_SA), 10);
	for (uint32_t i = 1; i < PARK_SLOTS; i++) {
		reserve(b, SLOT + i);
		arrive(b, SLOT + i, 1, 1);
	}
	turn(b);
	assert_int_equal(counted(b, REASON_NO_SA), 10);
	reserve(b, SLOT + PARK_SLOTS);
	arrive(b, SLOT + PARK_SLOTS, 1, 1);
	turn(b);
	assert_int_equal(counted(b, REASON_NO_SA), 11);
	assert_int_equal(FRAMES - b->port.q.umem.free_count, PARK_FRAMES + PARK_SLOTS - 1);
	/* An SA with its key does not notice. */
	reserve(b, 100);
	give_key(b, 100);
	arrive_each(b, 100, 1, 50);
	turn(b);
	assert_written(b, 1, 50);
}

/* A jumbo NIC sends and receives by the same spans, and has few of them: both go on, and one SA has its room. */
static void leaves_spans_to_send(void **state)
{
	struct bed *b = *state;
	struct umem *u = &b->port.q.umem;
	uint64_t parked;

	u->jumbo = true;
	for (uint32_t i = 0; i < PARK_SLOTS; i++) {
		reserve(b, SLOT + i);
		arrive_each(b, SLOT + i, 1, PARK_FRAMES);
	}
	turn(b);
	parked = counted(b, REASON_PARKED);
	assert_in_range(parked, 2 * PARK_FRAMES, SPANS / 4);
	assert_int_equal(counted(b, REASON_NO_SA), PARK_SLOTS * PARK_FRAMES - parked);
	assert_int_equal(umem_left_to_send(u), SPANS - SPANS_FOR_RX - parked);
	/* What those that have their key make room for is others'. */
	give_key(b, SLOT);
	turn(b);
	assert_written(b, 1, PARK_FRAMES);
	arrive_each(b, SLOT + PARK_SLOTS - 1, 1, PARK_FRAMES);
	turn(b);
	assert_int_equal(counted(b, REASON_PARKED), parked + PARK_FRAMES);
	b->lane.now += PARK_NS;
	turn(b);
	assert_no_frame_is_held(b);
}

static void is_authenticated_as_ever(void **state)
{
	struct bed *b = *state;

	reserve(b, SLOT);
	arrive_each(b, SLOT, 1, 3);
	umem_data(&b->port.q.umem, b->ring[1].addr)[HEADERS + ESP_HEADER] ^= 1;
	arrive(b, SLOT, 1, 3);
	turn(b);
	give_key(b, SLOT);
	turn(b);
	assert_int_equal(b->writes, 2);
	assert_int_equal(b->written[0], 1);
	assert_int_equal(b->written[1], 3);
	assert_int_equal(counted(b, REASON_AUTH_FAILED), 1);
	assert_int_equal(counted(b, REASON_REPLAY), 1);
	assert_no_frame_is_held(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(waits_for_its_key, setup, teardown),
		cmocka_unit_test_setup_teardown(stays_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(is_dropped_when_it_has_waited_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(is_dropped_when_the_slot_is_given_back, setup, teardown),
		cmocka_unit_test_setup_teardown(opens_nothing_without_a_window, setup, teardown),
		cmocka_unit_test_setup_teardown(is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_spans_to_send, setup, teardown),
		cmocka_unit_test_setup_teardown(is_authenticated_as_ever, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
