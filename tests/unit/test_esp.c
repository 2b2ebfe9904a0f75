/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../vectors/random.h"
#include "../vectors/vectors.h"
#include "esp.h"
#include "replay.h"
#include "seq.h"

#define VECTORS	   "tests/vectors/esp-aes256-gcm.rsp"
#define PACKET_MAX 2048
#define CANARY	   0xee

/* An SA's two ends: what one seals, the other opens. */
struct end {
	struct sa_state state;
	struct replay_bitmap bitmap;
	struct esp_sa sa;
	void *ctx;
};

static const struct aead *backend;
static struct end sender, receiver;
static struct vault_entry key;

static void load(struct end *e, uint8_t direction)
{
	e->state.direction = direction;
	e->state.replay_window = direction == SA_INBOUND ? 1024 : 0;
	assert_int_equal(esp_sa_load(&e->sa, backend, &e->state, &e->bitmap, &key, e->ctx), 0);
}

static void clear_end(struct end *e)
{
	void *ctx = e->ctx;

	esp_sa_wipe(&e->sa, backend);
	memset(e, 0, sizeof(*e));
	e->ctx = ctx;
}

/* Both ends anew, at the same number. */
static void connect_ends(uint8_t flags, uint64_t seq)
{
	const struct sa_state state = {.generation = key.generation, .spi = 0x12345678, .flags = flags, .seq = seq};

	clear_end(&sender);
	clear_end(&receiver);
	sender.state = receiver.state = state;
	load(&sender, SA_OUTBOUND);
	load(&receiver, SA_INBOUND);
}

static int use_backend(const char *name)
{
	uint64_t rnd = 11;

	backend = aead_select(name, NULL);
	assert_non_null(backend);
	sender.ctx = aligned_alloc(64, backend->ctx_size);
	receiver.ctx = aligned_alloc(64, backend->ctx_size);
	assert_true(sender.ctx && receiver.ctx);
	memset(sender.ctx, 0, backend->ctx_size);
	memset(receiver.ctx, 0, backend->ctx_size);
	random_bytes(&rnd, (uint8_t *)&key, sizeof(key));
	key.generation = 7;
	return 0;
}

static int use_openssl(void **unused)
{
	(void)unused;
	return use_backend("openssl");
}

#ifdef HAVE_IPSEC_MB
static int use_ipsec_mb(void **unused)
{
	(void)unused;
	return use_backend("ipsec-mb");
}
#endif

static int put_away(void **unused)
{
	(void)unused;
	clear_end(&sender);
	clear_end(&receiver);
	free(sender.ctx);
	free(receiver.ctx);
	return 0;
}

/* All of the way in, as the datapath goes it. REASON_OPENED if it arrives. */
static enum reason receive(uint8_t *esp, size_t len, struct esp_opened *out)
{
	enum reason why;
	uint64_t seq;

	if (!esp_precheck(&receiver.sa, esp, len, &seq, &why) ||
	    !esp_open(backend, &receiver.sa, esp, len, seq, out, &why))
		return why;
	return replay_update(&receiver.state, &receiver.bitmap, seq) ? REASON_OPENED : REASON_REPLAY;
}

/* The next packet in order, sealed in place. Returns its length. */
static size_t send_packet(uint8_t *esp, const uint8_t *payload, size_t len)
{
	enum reason why;
	uint64_t seq;

	assert_true(seq_take(&sender.state, 1, len, &seq, &why));
	memcpy(esp + ESP_HEADER, payload, len);
	return esp_seal(backend, &sender.sa, seq, IPPROTO_UDP, esp, esp + ESP_HEADER, len);
}

/* ---- against another implementation ---- */

static void load_vector(const struct vector *v)
{
	memcpy(key.key, vector_get(v, "Key")->bytes, sizeof(key.key));
	memcpy(key.salt, vector_get(v, "Salt")->bytes, sizeof(key.salt));
	key.iv_base = vector_number(v, "IVBase");
	connect_ends(vector_number(v, "ESN") ? SA_ESN : 0, vector_number(v, "Seq") - 1);
	clear_end(&sender);
	sender.state = receiver.state;
	sender.state.spi = (uint32_t)vector_number(v, "SPI");
	load(&sender, SA_OUTBOUND);
	receiver.sa.spi = sender.state.spi;
}

static void assert_sealed_as(const struct vector *v, const uint8_t *esp, size_t len)
{
	assert_int_equal(len, vector_get(v, "ESP")->len);
	assert_memory_equal(esp, vector_get(v, "ESP")->bytes, len);
}

static void packets_of_another_implementation(void **unused)
{
	static struct vector v;
	FILE *file = vectors_open(VECTORS);
	int count = 0;

	(void)unused;
	for (; vectors_next(file, &v); count++) {
		const struct vector_field *payload = vector_get(&v, "Payload");
		uint8_t next_header = (uint8_t)vector_number(&v, "NextHeader");
		uint64_t seq = vector_number(&v, "Seq");
		uint8_t esp[PACKET_MAX], clear[PACKET_MAX];
		struct esp_opened opened;
		size_t len;

		load_vector(&v);
		memcpy(clear, payload->bytes, payload->len);
		len = esp_seal(backend, &sender.sa, seq, next_header, esp, clear, payload->len);
		assert_sealed_as(&v, esp, len);
		memcpy(esp + ESP_HEADER, payload->bytes, payload->len);
		len = esp_seal(backend, &sender.sa, seq, next_header, esp, esp + ESP_HEADER, payload->len);
		assert_sealed_as(&v, esp, len);

		assert_int_equal(receive(esp, len, &opened), REASON_OPENED);
		assert_int_equal(opened.seq, seq);
		assert_int_equal(opened.next_header, next_header);
		assert_int_equal(opened.payload_len, payload->len);
		assert_memory_equal(esp + ESP_HEADER, payload->bytes, payload->len);
	}
	fclose(file);
	assert_int_equal(count, 12);
}

/* ---- sizes and memory ---- */

static void sizes_fit_each_other(void **unused)
{
	(void)unused;
	assert_int_equal(esp_sealed_size(0), ESP_MIN);
	assert_int_equal(esp_sealed_size(2), ESP_MIN);
	assert_int_equal(esp_sealed_size(3), ESP_MIN + 4);
	assert_int_equal(esp_max_payload(ESP_MIN - 1), 0);
	assert_int_equal(esp_max_payload(1480), 1446);
	for (size_t room = ESP_MIN; room < 10000; room++) {
		assert_true(esp_sealed_size(esp_max_payload(room)) <= room);
		assert_true(esp_sealed_size(esp_max_payload(room) + 1) > room);
	}
}

static void assert_canaries(const uint8_t *from, const uint8_t *to)
{
	for (; from < to; from++)
		assert_int_equal(*from, CANARY);
}

static void writes_only_where_it_says(void **unused)
{
	uint8_t out[PACKET_MAX], payload[PACKET_MAX];

	(void)unused;
	connect_ends(SA_ESN, 0);
	for (size_t len = 0; len < 300; len++) {
		memset(out, CANARY, sizeof(out));
		memset(payload, CANARY, sizeof(payload));
		size_t n = esp_seal(backend, &sender.sa, 1, IPPROTO_TCP, out + 64, payload + 64, len);

		assert_int_equal(n, esp_sealed_size(len));
		assert_canaries(out, out + 64);
		assert_canaries(out + 64 + n, out + sizeof(out));
		assert_canaries(payload, payload + 64 + len);
		assert_canaries(payload + 64 + len + ESP_TAIL_MAX, payload + sizeof(payload));
	}
}

static void every_length_comes_back(void **unused)
{
	uint8_t payload[1501], esp[PACKET_MAX];
	struct esp_opened opened;
	uint64_t rnd = 12;

	(void)unused;
	connect_ends(SA_ESN, 0);
	random_bytes(&rnd, payload, sizeof(payload));
	for (size_t len = 0; len <= 1500; len++) {
		size_t n = send_packet(esp, payload, len);

		assert_int_equal(n % 4, 0);
		assert_int_equal(receive(esp, n, &opened), REASON_OPENED);
		assert_int_equal(opened.payload_len, len);
		assert_int_equal(opened.next_header, IPPROTO_UDP);
		assert_memory_equal(esp + ESP_HEADER, payload, len);
	}
}

/* ---- hostile packets ---- */

static void replayed_packet(void **unused)
{
	uint8_t esp[PACKET_MAX], copy[PACKET_MAX], payload[64] = {1};
	struct esp_opened opened;
	enum reason why;
	uint64_t seq;
	size_t n;

	(void)unused;
	connect_ends(SA_ESN, 0);
	n = send_packet(esp, payload, sizeof(payload));
	memcpy(copy, esp, n);
	assert_int_equal(receive(copy, n, &opened), REASON_OPENED);
	/* Told before anything is decrypted. */
	assert_false(esp_precheck(&receiver.sa, esp, n, &seq, &why));
	assert_int_equal(why, REASON_REPLAY);
}

static void duplicate_in_one_batch(void **unused)
{
	uint8_t esp[2][PACKET_MAX], payload[64] = {1};
	struct esp_opened opened;
	enum reason why;
	uint64_t seq[2];
	size_t n;

	(void)unused;
	connect_ends(SA_ESN, 0);
	n = send_packet(esp[0], payload, sizeof(payload));
	memcpy(esp[1], esp[0], n);
	for (int i = 0; i < 2; i++)
		assert_true(esp_precheck(&receiver.sa, esp[i], n, &seq[i], &why));
	for (int i = 0; i < 2; i++) {
		assert_true(esp_open(backend, &receiver.sa, esp[i], n, seq[i], &opened, &why));
		assert_int_equal(replay_update(&receiver.state, &receiver.bitmap, seq[i]), i == 0);
	}
}

/* Which reason a flip ends in depends on where it is; that nothing arrives does not. */
static void flip_bits(uint8_t flags, uint64_t seq)
{
	uint8_t esp[PACKET_MAX], copy[PACKET_MAX], payload[61] = {1};
	struct esp_opened opened;
	size_t n;

	connect_ends(flags, seq);
	n = send_packet(esp, payload, sizeof(payload));
	for (size_t bit = 0; bit < 8 * n; bit++) {
		enum reason why;

		memcpy(copy, esp, n);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		why = receive(copy, n, &opened);
		if (bit < 32)
			assert_int_equal(why, REASON_NO_SA);
		else if (bit >= 64)
			assert_int_equal(why, REASON_AUTH_FAILED);
		else
			assert_true(why == REASON_AUTH_FAILED || why == REASON_REPLAY);
	}
	memcpy(copy, esp, n);
	assert_int_equal(receive(copy, n, &opened), REASON_OPENED);
}

static void every_flipped_bit(void **unused)
{
	(void)unused;
	flip_bits(0, 0);
	flip_bits(SA_ESN, 0);
	flip_bits(SA_ESN, 0x5fffffff0);
}

static void every_truncation(void **unused)
{
	uint8_t esp[PACKET_MAX], payload[100] = {1};
	struct esp_opened opened;
	size_t n;

	(void)unused;
	connect_ends(SA_ESN, 0);
	n = send_packet(esp, payload, sizeof(payload));
	for (size_t len = 0; len < n; len++) {
		uint8_t *copy = malloc(len + 1); /* of the very size, for valgrind and sanitizers to watch */
		enum reason why;

		memcpy(copy, esp, len);
		why = receive(copy, len, &opened);
		assert_int_equal(why, len < ESP_MIN || len % 4 ? REASON_MALFORMED : REASON_AUTH_FAILED);
		free(copy);
	}
	assert_int_equal(receive(esp, 65536, &opened), REASON_MALFORMED);
}

/* A packet that authenticates, with this in its encrypted part. */
static size_t forge(uint8_t *esp, const uint8_t *body, size_t len)
{
	const uint64_t seq = receiver.state.seq + 1;
	uint8_t nonce[AEAD_IV_SIZE] = {0}, aad[12] = {0x12, 0x34, 0x56, 0x78};

	for (int i = 0; i < 8; i++)
		aad[4 + i] = (uint8_t)(seq >> (56 - 8 * i));
	memcpy(esp, aad, 4);
	memcpy(esp + 4, aad + 8, 4);
	memset(esp + 8, 1, 8);
	memcpy(nonce, key.salt, sizeof(key.salt));
	memcpy(nonce + 4, esp + 8, 8);
	backend->seal(sender.sa.ctx, nonce, aad, sizeof(aad), esp + ESP_HEADER, body, len, esp + ESP_HEADER + len);
	return ESP_HEADER + len + ESP_ICV;
}

static enum reason receive_forged(const uint8_t *body, size_t len, struct esp_opened *opened)
{
	uint8_t esp[PACKET_MAX];
	size_t n = forge(esp, body, len);

	return receive(esp, n, opened);
}

static void padding_must_be_1_2_3(void **unused)
{
	static const struct {
		uint8_t body[12];
		enum reason expected;
		uint16_t payload_len;
	} cases[] = {
		{{9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 0, 17}, REASON_OPENED, 10},
		{{9, 9, 9, 9, 9, 9, 9, 9, 9, 1, 1, 17}, REASON_OPENED, 9},
		{{9, 9, 9, 9, 9, 1, 2, 3, 4, 5, 5, 17}, REASON_OPENED, 5}, /* more than it needs */
		{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 17}, REASON_OPENED, 0},
		{{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 17}, REASON_MALFORMED, 0}, /* the IV before it ends in 1 */
		{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255, 17}, REASON_MALFORMED, 0},
		{{9, 9, 9, 9, 9, 9, 9, 9, 9, 0, 1, 17}, REASON_MALFORMED, 0},
		{{9, 9, 9, 9, 9, 9, 9, 9, 9, 2, 1, 17}, REASON_MALFORMED, 0},
		{{9, 9, 9, 9, 9, 9, 9, 1, 2, 4, 3, 17}, REASON_MALFORMED, 0},
		{{9, 9, 9, 9, 9, 9, 9, 3, 2, 1, 3, 17}, REASON_MALFORMED, 0},
		{{9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 3, 17}, REASON_MALFORMED, 0},
	};
	struct esp_opened opened;

	(void)unused;
	connect_ends(SA_ESN, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum reason why = receive_forged(cases[i].body, sizeof(cases[i].body), &opened);

		assert_int_equal(why, cases[i].expected);
		if (why == REASON_OPENED)
			assert_int_equal(opened.payload_len, cases[i].payload_len);
	}
}

static void longest_padding(void **unused)
{
	uint8_t body[10 + 255 + 3];
	struct esp_opened opened;
	uint8_t *pad = body + 11;

	(void)unused;
	connect_ends(SA_ESN, 0);
	for (int i = 0; i < 255; i++)
		pad[i] = (uint8_t)(i + 1);
	pad[255] = 255;
	pad[256] = IPPROTO_TCP;
	assert_int_equal(receive_forged(body, sizeof(body), &opened), REASON_OPENED);
	assert_int_equal(opened.payload_len, 11);
	pad[254] = 0;
	assert_int_equal(receive_forged(body, sizeof(body), &opened), REASON_MALFORMED);
}

static void dummy_may_hold_anything(void **unused)
{
	static const uint8_t body[] = {0xde, 0xad, 0xbe, 0xef, 0xff, 0xff, 0xff, ESP_NEXT_DUMMY};
	struct esp_opened opened;

	(void)unused;
	connect_ends(SA_ESN, 0);
	assert_int_equal(receive_forged(body, sizeof(body), &opened), REASON_OPENED);
	assert_int_equal(opened.next_header, ESP_NEXT_DUMMY);
	assert_int_equal(opened.payload_len, 0);
}

static void esp_in_esp(void **unused)
{
	static const uint8_t body[] = {1, 2, 3, 4, 5, 1, 1, IPPROTO_ESP};
	struct esp_opened opened;

	(void)unused;
	connect_ends(SA_ESN, 0);
	assert_int_equal(receive_forged(body, sizeof(body), &opened), REASON_NESTED_ESP);
}

/* The window is looked at before, and moves only after, authentication. */
static void forged_number_moves_nothing(void **unused)
{
	uint8_t esp[PACKET_MAX], payload[64] = {1};
	struct esp_opened opened;
	size_t n;

	(void)unused;
	connect_ends(SA_ESN, 100);
	n = send_packet(esp, payload, sizeof(payload));
	esp[5] ^= 0x80;
	assert_int_equal(receive(esp, n, &opened), REASON_AUTH_FAILED);
	assert_int_equal(receiver.state.seq, 100);
	n = send_packet(esp, payload, sizeof(payload));
	assert_int_equal(receive(esp, n, &opened), REASON_OPENED);
	assert_int_equal(receiver.state.seq, 102);
}

/* ---- extended sequence numbers ---- */

static void across_the_32_bit_wrap(void **unused)
{
	uint8_t esp[PACKET_MAX], late[PACKET_MAX], payload[64] = {1};
	struct esp_opened opened;
	size_t n, late_n;

	(void)unused;
	connect_ends(SA_ESN, 0xffffff00);
	late_n = send_packet(late, payload, sizeof(payload));
	for (uint64_t seq = 0xffffff02; seq < 0x100000100; seq++) {
		n = send_packet(esp, payload, sizeof(payload));
		assert_int_equal(receive(esp, n, &opened), REASON_OPENED);
		assert_int_equal(opened.seq, seq);
	}
	assert_int_equal(receive(late, late_n, &opened), REASON_OPENED);
	assert_int_equal(opened.seq, 0xffffff01);
}

/* The high half is not on the wire, but it is authenticated. */
static void high_half_is_authenticated(void **unused)
{
	uint8_t esp[PACKET_MAX], payload[64] = {1};
	struct esp_opened opened;
	size_t n;

	(void)unused;
	connect_ends(SA_ESN, 0x300000000);
	n = send_packet(esp, payload, sizeof(payload));
	receiver.state.seq = 0x200000000;
	assert_int_equal(receive(esp, n, &opened), REASON_AUTH_FAILED);
}

static void without_esn_stops_at_the_wrap(void **unused)
{
	uint8_t esp[PACKET_MAX], payload[64] = {1};
	struct esp_opened opened;
	enum reason why;
	uint64_t seq;
	size_t n;

	(void)unused;
	connect_ends(0, 0xfffffffe);
	n = send_packet(esp, payload, sizeof(payload));
	assert_int_equal(receive(esp, n, &opened), REASON_OPENED);
	assert_false(seq_take(&sender.state, 1, 1, &seq, &why));
	assert_int_equal(why, REASON_SEQ_OVERFLOW);
	n = esp_seal(backend, &sender.sa, 0, IPPROTO_UDP, esp, esp + ESP_HEADER, 64);
	assert_int_equal(receive(esp, n, &opened), REASON_REPLAY);
}

/* ---- the SA ---- */

static void iv_is_number_plus_base(void **unused)
{
	static const uint8_t expected[] = {0x12, 0x34, 0x56, 0x78, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2};
	uint8_t esp[PACKET_MAX];

	(void)unused;
	key.iv_base = UINT64_MAX - 2;
	connect_ends(SA_ESN, 0);
	esp_seal(backend, &sender.sa, 5, IPPROTO_UDP, esp, esp + ESP_HEADER, 20);
	assert_memory_equal(esp, expected, sizeof(expected));
}

static void assert_unloaded(const struct end *e)
{
	static const struct esp_sa empty;

	assert_memory_equal(&e->sa, &empty, sizeof(empty));
	for (size_t i = 0; i < backend->ctx_size; i++)
		assert_int_equal(((const uint8_t *)e->ctx)[i], 0);
}

static int try_load(struct end *e, uint32_t generation, uint8_t direction, uint16_t window)
{
	clear_end(e);
	e->state.generation = generation;
	e->state.direction = direction;
	e->state.replay_window = window;
	return esp_sa_load(&e->sa, backend, &e->state, &e->bitmap, &key, e->ctx);
}

static void loads_one_generation_only(void **unused)
{
	(void)unused;
	assert_int_equal(try_load(&receiver, key.generation, SA_INBOUND, 64), 0);
	assert_int_equal(receiver.sa.generation, key.generation);
	assert_int_equal(try_load(&receiver, key.generation + 2, SA_INBOUND, 64), -ESTALE);
	assert_unloaded(&receiver);
	assert_int_equal(try_load(&receiver, key.generation + 1, SA_INBOUND, 64), -ESTALE);
	assert_unloaded(&receiver);
}

static void inbound_window_must_be_in_range(void **unused)
{
	(void)unused;
	assert_int_equal(try_load(&receiver, key.generation, SA_INBOUND, 63), -EINVAL);
	assert_unloaded(&receiver);
	assert_int_equal(try_load(&receiver, key.generation, SA_INBOUND, 8193), -EINVAL);
	assert_int_equal(try_load(&receiver, key.generation, SA_INBOUND, 8192), 0);
	assert_int_equal(try_load(&receiver, key.generation, SA_OUTBOUND, 0), 0);
}

static void wipe_leaves_nothing(void **unused)
{
	(void)unused;
	connect_ends(SA_ESN, 0);
	esp_sa_wipe(&receiver.sa, backend);
	assert_unloaded(&receiver);
	esp_sa_wipe(&receiver.sa, backend);
	assert_unloaded(&receiver);
}

/* ---- selectors ---- */

static const uint8_t a[] = {192, 0, 2, 1}, b[] = {192, 0, 2, 2}, c[] = {192, 0, 2, 3};
/* Ports 40000 and 179. */
static const uint8_t ports[] = {0x9c, 0x40, 0x00, 0xb3};

static struct esp_sa sa_for(uint8_t proto, uint16_t dst_min, uint16_t dst_max)
{
	return (struct esp_sa){
		.sel_proto = proto,
		.src_port_max = UINT16_MAX,
		.dst_port_min = dst_min,
		.dst_port_max = dst_max,
		.src = {192, 0, 2, 1},
		.dst = {192, 0, 2, 2},
	};
}

static bool takes(const struct esp_sa *sa, uint8_t proto, size_t l4_len)
{
	return esp_selector_matches(sa, a, b, proto, ports, l4_len);
}

static bool takes_dst(uint8_t sel_proto, uint16_t min, uint16_t max, uint8_t proto)
{
	const struct esp_sa sa = sa_for(sel_proto, min, max);

	return takes(&sa, proto, 4);
}

static void addresses_must_be_the_sas(void **unused)
{
	const struct esp_sa sa = sa_for(0, 0, UINT16_MAX);

	(void)unused;
	assert_true(esp_selector_matches(&sa, a, b, 1, ports, 0));
	assert_false(esp_selector_matches(&sa, b, a, 1, ports, 0));
	assert_false(esp_selector_matches(&sa, c, b, 1, ports, 0));
	assert_false(esp_selector_matches(&sa, a, c, 1, ports, 0));
}

static void protocol_must_be_the_sas(void **unused)
{
	const struct esp_sa all = sa_for(0, 0, UINT16_MAX), tcp = sa_for(6, 0, UINT16_MAX);

	(void)unused;
	assert_true(takes(&all, 47, 0));
	assert_true(takes(&tcp, 6, 0));
	assert_false(takes(&tcp, 17, 4));
}

/* Each end's port has its own range, and both ends of a range belong to it. */
static void ports_must_be_within_their_ranges(void **unused)
{
	static const uint8_t with_ports[] = {6, 17, 33, 132, 136};
	struct esp_sa sa;

	(void)unused;
	for (size_t i = 0; i < sizeof(with_ports); i++) {
		assert_true(takes_dst(with_ports[i], 179, 179, with_ports[i]));
		assert_true(takes_dst(with_ports[i], 100, 179, with_ports[i]));
		assert_true(takes_dst(with_ports[i], 179, 200, with_ports[i]));
		assert_false(takes_dst(with_ports[i], 180, 200, with_ports[i]));
		assert_false(takes_dst(with_ports[i], 100, 178, with_ports[i]));
		assert_false(takes_dst(with_ports[i], 40000, 40000, with_ports[i]));
	}
	assert_false(takes_dst(6, 179, 179, 17));
	sa = sa_for(6, 179, 179);
	sa.src_port_min = sa.src_port_max = 40000;
	assert_true(takes(&sa, 6, 4));
	sa.src_port_min = sa.src_port_max = 40001;
	assert_false(takes(&sa, 6, 4));
}

static void either_end_may_have_the_port(void **unused)
{
	struct esp_sa sa = sa_for(6, 40000, 40000);

	(void)unused;
	assert_false(takes(&sa, 6, 4));
	sa.either_end = true;
	assert_true(takes(&sa, 6, 4));
	sa.dst_port_min = sa.dst_port_max = 179;
	assert_true(takes(&sa, 6, 4));
	sa.dst_port_min = sa.dst_port_max = 180;
	assert_false(takes(&sa, 6, 4));
}

/* The SA has this host's view, a packet a source and a destination. */
static void ranges_are_turned_by_direction(void **unused)
{
	(void)unused;
	connect_ends(SA_ESN | SA_EITHER_END, 0);
	esp_sa_wipe(&sender.sa, backend);
	esp_sa_wipe(&receiver.sa, backend);
	receiver.state.sel = sender.state.sel = (struct selector){1, 2, 3, 4, 6};
	load(&sender, SA_OUTBOUND);
	load(&receiver, SA_INBOUND);
	assert_int_equal(sender.sa.src_port_min, 1);
	assert_int_equal(sender.sa.src_port_max, 2);
	assert_int_equal(sender.sa.dst_port_min, 3);
	assert_int_equal(sender.sa.dst_port_max, 4);
	assert_int_equal(receiver.sa.src_port_min, 3);
	assert_int_equal(receiver.sa.src_port_max, 4);
	assert_int_equal(receiver.sa.dst_port_min, 1);
	assert_int_equal(receiver.sa.dst_port_max, 2);
	assert_int_equal(receiver.sa.sel_proto, 6);
	assert_true(receiver.sa.either_end && receiver.sa.esn);
}

/* Type 8, code 0, and what follows is no port. */
static void icmp_is_told_by_type_and_code(void **unused)
{
	static const uint8_t echo[] = {8, 0, 0x12, 0x34}, unreachable[] = {3, 4, 0, 0};
	struct esp_sa sa = sa_for(1, 0x0800, 0x08ff);

	(void)unused;
	sa.src_port_min = 0x0800;
	sa.src_port_max = 0x08ff;
	assert_true(esp_selector_matches(&sa, a, b, 1, echo, 4));
	assert_false(esp_selector_matches(&sa, a, b, 1, unreachable, 4));
}

static void port_that_cannot_be_read(void **unused)
{
	const struct esp_sa sa = sa_for(6, 179, 179), gre = sa_for(47, 179, 179);

	(void)unused;
	for (size_t len = 0; len < 4; len++)
		assert_false(takes(&sa, 6, len));
	assert_false(takes(&gre, 47, 4));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(packets_of_another_implementation),
	cmocka_unit_test(sizes_fit_each_other),
	cmocka_unit_test(writes_only_where_it_says),
	cmocka_unit_test(every_length_comes_back),
	cmocka_unit_test(replayed_packet),
	cmocka_unit_test(duplicate_in_one_batch),
	cmocka_unit_test(every_flipped_bit),
	cmocka_unit_test(every_truncation),
	cmocka_unit_test(padding_must_be_1_2_3),
	cmocka_unit_test(longest_padding),
	cmocka_unit_test(dummy_may_hold_anything),
	cmocka_unit_test(esp_in_esp),
	cmocka_unit_test(forged_number_moves_nothing),
	cmocka_unit_test(across_the_32_bit_wrap),
	cmocka_unit_test(high_half_is_authenticated),
	cmocka_unit_test(without_esn_stops_at_the_wrap),
	cmocka_unit_test(iv_is_number_plus_base),
	cmocka_unit_test(loads_one_generation_only),
	cmocka_unit_test(inbound_window_must_be_in_range),
	cmocka_unit_test(wipe_leaves_nothing),
	cmocka_unit_test(addresses_must_be_the_sas),
	cmocka_unit_test(protocol_must_be_the_sas),
	cmocka_unit_test(ports_must_be_within_their_ranges),
	cmocka_unit_test(either_end_may_have_the_port),
	cmocka_unit_test(ranges_are_turned_by_direction),
	cmocka_unit_test(icmp_is_told_by_type_and_code),
	cmocka_unit_test(port_that_cannot_be_read),
};

int main(void)
{
	int failed = cmocka_run_group_tests_name("esp, openssl", tests, use_openssl, put_away);

#ifdef HAVE_IPSEC_MB
	if (aead_ipsec_mb.available())
		failed += cmocka_run_group_tests_name("esp, ipsec-mb", tests, use_ipsec_mb, put_away);
#endif
	return failed;
}
