/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/esp/esp.h: packets, sealed and opened, as they should be and as nobody should have sent them. */
#include "esp_ends.h"
#include "esp/esp_packet.h"

#include <netinet/in.h>

#include "esp/replay.h"
#include "esp/seq.h"
#include "vectors/vectors.h"

#define VECTORS	   "tests/vectors/esp-aes256-gcm.rsp"
#define PACKET_MAX 2048
#define CANARY	   0xee

/* All of the way in, as the datapath goes it. REASON_OPENED if it arrives. */
static enum reason receive(uint8_t *esp, size_t len, struct esp_opened *out)
{
	enum reason why;
	uint64_t seq;

	if (!esp_precheck(&receiver.sa, esp, len, &seq, &why) ||
	    !esp_open(backend, &receiver.sa, esp, len, seq, out, &why))
		return why;
	return replay_update(&receiver.state, receiver.ring, receiver.state.replay_window, seq) ? REASON_OPENED
												: REASON_REPLAY;
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
		assert_int_equal(replay_update(&receiver.state, receiver.ring, receiver.state.replay_window, seq[i]),
				 i == 0);
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
	uint8_t body[10 + 255 + 3] = {0};
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

/* ---- sequence numbers and IVs ---- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return RUN_WITH_EACH_AEAD("esp", tests);
}
