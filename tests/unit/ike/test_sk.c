/* SPDX-License-Identifier: BSD-2-Clause */
/* SK and SKF: what flight.c seals, sk.c and reassembly.c open; whole, in pieces, in any order, and changed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/gcm.h"
#include "sealed.h"
#include "crypto/sk.h"

#define MAX 300 /* of a datagram */

static const struct ike_header header = {.spi_i = 1,
					 .spi_r = 2,
					 .version = IKE_VERSION,
					 .exchange = EXCHANGE_IKE_AUTH,
					 .flags = FLAG_INITIATOR,
					 .id = 1};
static const struct sk_key key = {.key = {1, 2, 3}, .salt = {4, 5, 6, 7}};

static struct body body;
static struct message m;
static uint8_t plain[70000];

/* A nonce of so many bytes. */
static void make_body(size_t size)
{
	body_init(&body);
	payload_begin(&body, PAYLOAD_NONCE);
	for (size_t i = 0; i < size; i++)
		write_u8(&body.w, (uint8_t)(i * 7));
	payload_end(&body);
}

static void seal(struct flight *f, size_t size, size_t max, uint64_t iv)
{
	struct sk_key k = key;

	k.iv = iv;
	make_body(size);
	assert_int_equal(flight_seal(f, &header, &body, &k, max), 0);
	assert_true(k.iv == iv + f->count);
}

/* Parses the nth datagram of a flight. */
static void parse_nth(const struct flight *f, unsigned n)
{
	const uint8_t *at = f->data;

	for (unsigned i = 0; i < n; i++)
		at += f->sizes[i];
	assert_true(message_parse(&m, at, f->sizes[n]));
}

static void assert_whole(size_t size)
{
	const struct payload *p = message_find(&m, PAYLOAD_NONCE);

	assert_non_null(p);
	assert_int_equal(p->size, size);
	assert_memory_equal(p->data, body.data + 4, size);
}

/* ---- whole ---- */

static void sealed_is_opened(void **state)
{
	struct flight f;
	bool authentic;

	(void)state;
	for (size_t size = 0; size < 1000; size += 111) {
		seal(&f, size, 0, size);
		assert_int_equal(f.count, 1);
		assert_int_equal(f.id, 1);
		parse_nth(&f, 0);
		assert_int_equal(m.header.next, PAYLOAD_SK);
		assert_int_equal(sk_open(&m, &key, plain, &authentic), 0);
		assert_true(authentic);
		assert_whole(size);
		flight_free(&f);
	}
}

/* An empty exchange, as liveness is. */
static void nothing_is_sealed_too(void **state)
{
	struct sk_key k = key;
	struct flight f;
	bool authentic;

	(void)state;
	body_init(&body);
	assert_int_equal(flight_seal(&f, &header, &body, &k, 1200), 0);
	parse_nth(&f, 0);
	assert_int_equal(sk_open(&m, &key, plain, &authentic), 0);
	assert_int_equal(m.count, 0);
	flight_free(&f);
}

static void no_nonce_comes_twice(void **state)
{
	struct sk_key k = key;
	struct flight a, b;

	(void)state;
	make_body(1000);
	assert_int_equal(flight_seal(&a, &header, &body, &k, MAX), 0);
	assert_int_equal(flight_seal(&b, &header, &body, &k, MAX), 0);
	assert_true(k.iv == a.count + b.count);
	parse_nth(&a, a.count - 1);
	assert_int_equal(m.payloads[0].data[4 + 7], a.count);
	parse_nth(&b, 0);
	assert_int_equal(m.payloads[0].data[4 + 7], a.count + 1);
	flight_free(&a);
	flight_free(&b);
}

/* Header, SK header, IV, text, ICV: any bit. */
static void changed_is_not_authentic(void **state)
{
	struct flight f;
	bool authentic;

	(void)state;
	seal(&f, 20, 0, 1);
	for (size_t bit = 0; bit < f.sizes[0] * 8U; bit++) {
		f.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (message_parse(&m, f.data, f.sizes[0])) {
			assert_int_equal(sk_open(&m, &key, plain, &authentic), -EBADMSG);
			assert_false(authentic);
		}
		f.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	flight_free(&f);
}

static void another_key_or_salt_opens_nothing(void **state)
{
	struct sk_key other = key;
	struct flight f;
	bool authentic;

	(void)state;
	seal(&f, 20, 0, 1);
	parse_nth(&f, 0);
	other.salt[3] ^= 1;
	assert_int_equal(sk_open(&m, &other, plain, &authentic), -EBADMSG);
	other = key;
	other.key[31] ^= 1;
	assert_int_equal(sk_open(&m, &other, plain, &authentic), -EBADMSG);
	flight_free(&f);
}

/* header | SK header | IV | text | ICV around what is given. */
static size_t seal_raw(uint8_t *out, uint8_t next, const uint8_t *text, size_t size)
{
	const size_t all = IKE_HEADER_SIZE + 4 + SK_IV_SIZE + size + SK_ICV_SIZE;
	struct writer w = {.data = out, .room = all};
	struct ike_header h = header;

	h.next = PAYLOAD_SK;
	h.length = (uint32_t)all;
	header_write(&w, &h);
	write_u8(&w, next);
	write_u8(&w, 0);
	write_u16(&w, (uint16_t)(all - IKE_HEADER_SIZE));
	write_u64(&w, 77);
	assert_true(gcm_seal(&key, out + 32, out, 32, text, size, out + 40));
	return all;
}

/* Padding of any length that is there is taken off (other implementations pad); more than there is, is an error. */
static void padding_is_taken_off(void **state)
{
	uint8_t text[300] = {0, 0, 0, 6, 'a', 'b'}, datagram[400];
	bool authentic;
	size_t size;

	(void)state;
	for (size_t pad = 0; pad < 256; pad++) {
		text[6 + pad] = (uint8_t)pad;
		assert_true(message_parse(&m, datagram, seal_raw(datagram, PAYLOAD_NONCE, text, 7 + pad)));
		assert_int_equal(sk_open(&m, &key, plain, &authentic), 0);
		assert_int_equal(message_find(&m, PAYLOAD_NONCE)->size, 2);
		text[6 + pad] = 0;
	}
	text[6] = 7;
	assert_true(message_parse(&m, datagram, seal_raw(datagram, PAYLOAD_NONCE, text, 7)));
	assert_int_equal(sk_open_part(&m, m.payloads, 0, &key, plain, &size, &authentic), -EBADMSG);
	assert_true(authentic);
	/* Not even a pad length. */
	assert_true(message_parse(&m, datagram, seal_raw(datagram, 0, text, 0)));
	assert_int_equal(sk_open(&m, &key, plain, &authentic), -EBADMSG);
	assert_false(authentic);
}

/* Parses one of that type and size: zeros but for fragment 1 of 1. In memory of its own; the caller's to free. */
static uint8_t *parse_short(uint8_t type, size_t size)
{
	uint8_t datagram[IKE_HEADER_SIZE + 40] = {0}, *copy = malloc(IKE_HEADER_SIZE + size);
	struct writer w = {.data = datagram, .room = sizeof(datagram)};
	struct ike_header h = header;

	h.next = type;
	h.length = (uint32_t)(IKE_HEADER_SIZE + size);
	header_write(&w, &h);
	write_u16(&w, 0);
	write_u16(&w, (uint16_t)size);
	write_u32(&w, 1U << 16 | 1);
	memcpy(copy, datagram, IKE_HEADER_SIZE + size);
	assert_true(message_parse(&m, copy, IKE_HEADER_SIZE + size));
	return copy;
}

static void too_short_for_an_iv_and_an_icv(void **state)
{
	struct reassembly r = {0};
	uint8_t *copy, *whole;
	bool authentic;

	(void)state;
	for (size_t size = 4; size < 4 + 25; size++) {
		copy = parse_short(PAYLOAD_SK, size);
		assert_int_equal(sk_open(&m, &key, plain, &authentic), -EBADMSG);
		free(copy);
	}
	for (size_t size = 4; size < 8 + 25; size++) {
		copy = parse_short(PAYLOAD_SKF, size);
		assert_int_equal(reassembly_add(&r, &m, &key, &whole), -EBADMSG);
		free(copy);
	}
}

/* ---- in pieces ---- */

static void flight_has_no_datagram_too_large(void **state)
{
	struct flight f;

	(void)state;
	for (size_t size = 0; size < 3000; size += 13) {
		size_t all = 0;

		seal(&f, size, MAX, 0);
		for (unsigned i = 0; i < f.count; i++) {
			assert_true(f.sizes[i] <= MAX);
			all += f.sizes[i];
			/* RFC 7383 section 2.5: the first one tells what begins, the others nothing. */
			parse_nth(&f, i);
			assert_int_equal(m.payloads[0].next, i ? PAYLOAD_NONE : PAYLOAD_NONCE);
		}
		/* Nothing is split that need not be. */
		assert_int_equal(f.count == 1, body.w.size + 57 <= MAX);
		assert_true(f.count == 1 || all == body.w.size + f.count * 61);
		flight_free(&f);
	}
}

static void what_takes_too_many_is_not_sent(void **state)
{
	struct sk_key k = key;
	struct flight f;

	(void)state;
	make_body(64 * (MAX - 61) - 4);
	assert_int_equal(flight_seal(&f, &header, &body, &k, MAX), 0);
	assert_int_equal(f.count, 64);
	flight_free(&f);
	make_body(64 * (MAX - 61) - 3);
	assert_int_equal(flight_seal(&f, &header, &body, &k, MAX), -EMSGSIZE);
	body.w.bad = true;
	assert_int_equal(flight_seal(&f, &header, &body, &k, 0), -EMSGSIZE);
	assert_null(f.data);
}

static int add(struct reassembly *r, const struct flight *f, unsigned n, uint8_t **whole)
{
	parse_nth(f, n);
	return reassembly_add(r, &m, &key, whole);
}

/* In order, with strides, backwards (a stride of 4 among 5); and each one twice. */
static void pieces_come_in_any_order(void **state)
{
	struct reassembly r = {0};
	struct flight f;

	(void)state;
	seal(&f, 1000, MAX, 0);
	assert_int_equal(f.count, 5);
	for (unsigned stride = 1; stride < 5; stride++) {
		uint8_t *whole = NULL;

		for (unsigned i = 0; i < 5; i++) {
			assert_int_equal(add(&r, &f, (4 + i * stride) % 5, &whole), i == 4);
			if (i < 4)
				assert_int_equal(add(&r, &f, (4 + i * stride) % 5, &whole), 0);
		}
		assert_whole(1000);
		free(whole);
		assert_int_equal(r.have, 0);
	}
	flight_free(&f);
	reassembly_free(&r);
}

/* One that is not authentic changes nothing, whatever it says. */
static void forged_piece_is_not_kept(void **state)
{
	struct reassembly r = {0};
	uint8_t *whole = NULL;
	struct flight f;

	(void)state;
	seal(&f, 1000, MAX, 0);
	assert_int_equal(add(&r, &f, 0, &whole), 0);
	f.data[f.sizes[0] + f.sizes[1] - 1] ^= 1;
	assert_int_equal(add(&r, &f, 1, &whole), -EBADMSG);
	assert_int_equal(r.have, 1);
	f.data[f.sizes[0] + f.sizes[1] - 1] ^= 1;
	/* With a larger total in the clear part: it would start all over. */
	parse_nth(&f, 2);
	((uint8_t *)m.payloads[0].data)[3] = 9;
	assert_int_equal(reassembly_add(&r, &m, &key, &whole), -EBADMSG);
	assert_int_equal(r.have, 1);
	assert_int_equal(r.total, 5);
	((uint8_t *)m.payloads[0].data)[3] = 5;
	for (unsigned n = 1; n < 5; n++)
		assert_int_equal(add(&r, &f, n, &whole), n == 4);
	assert_whole(1000);
	free(whole);
	flight_free(&f);
}

static void larger_total_starts_over_and_smaller_is_dropped(void **state)
{
	struct reassembly r = {0};
	uint8_t *whole = NULL;
	struct flight large, small;

	(void)state;
	seal(&large, 1000, 500, 0);
	seal(&small, 1000, MAX, 100);
	assert_int_equal(large.count, 3);
	assert_int_equal(small.count, 5);
	assert_int_equal(add(&r, &large, 0, &whole), 0);
	assert_int_equal(add(&r, &large, 1, &whole), 0);
	assert_int_equal(add(&r, &small, 4, &whole), 0);
	assert_int_equal(r.have, 1);
	assert_int_equal(r.total, 5);
	assert_int_equal(add(&r, &large, 2, &whole), 0);
	assert_int_equal(r.have, 1);
	for (unsigned n = 0; n < 4; n++)
		assert_int_equal(add(&r, &small, n, &whole), n == 3);
	assert_whole(1000);
	free(whole);
	flight_free(&large);
	flight_free(&small);
}

static void another_message_starts_over(void **state)
{
	struct ike_header h = header;
	struct reassembly r = {0};
	uint8_t *whole = NULL;
	struct sk_key k = key;
	struct flight f, next;

	(void)state;
	seal(&f, 1000, MAX, 0);
	h.id = 2;
	assert_int_equal(flight_seal(&next, &h, &body, &k, MAX), 0);
	assert_int_equal(add(&r, &f, 0, &whole), 0);
	assert_int_equal(add(&r, &f, 1, &whole), 0);
	assert_int_equal(add(&r, &next, 2, &whole), 0);
	assert_int_equal(r.have, 1);
	assert_int_equal(r.id, 2);
	reassembly_free(&r);
	flight_free(&f);
	flight_free(&next);
}

/* A fragment of nothing: number and total as they are on the wire. */
static int add_numbers(struct reassembly *r, uint16_t number, uint16_t total, const uint8_t *text, size_t size)
{
	const size_t all = IKE_HEADER_SIZE + 8 + SK_IV_SIZE + size + 1 + SK_ICV_SIZE;
	uint8_t *out = malloc(all), *with_pad = calloc(size + 1, 1), *whole = NULL;
	struct writer w = {.data = out, .room = all};
	struct ike_header h = header;
	int result;

	memcpy(with_pad, text, size);
	h.next = PAYLOAD_SKF;
	h.length = (uint32_t)all;
	header_write(&w, &h);
	write_u8(&w, number == 1 ? PAYLOAD_NONCE : 0);
	write_u8(&w, 0);
	write_u16(&w, (uint16_t)(all - IKE_HEADER_SIZE));
	write_u16(&w, number);
	write_u16(&w, total);
	write_u64(&w, 5);
	assert_true(gcm_seal(&key, out + 36, out, 36, with_pad, size + 1, out + 44));
	assert_true(message_parse(&m, out, all));
	result = reassembly_add(r, &m, &key, &whole);
	free(whole);
	free(with_pad);
	free(out);
	return result;
}

static void numbers_must_make_sense(void **state)
{
	static const uint16_t bad[][2] = {{0, 0},   {0, 1},	    {2, 1},	{1, 65},
					  {65, 65}, {65535, 65535}, {1, 65535}, {256, 1}};
	struct reassembly r = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(add_numbers(&r, bad[i][0], bad[i][1], (const uint8_t *)"", 0), -EBADMSG);
	assert_int_equal(r.have, 0);
	assert_int_equal(add_numbers(&r, 1, 64, (const uint8_t *)"", 0), 0);
	assert_int_equal(add_numbers(&r, 64, 64, (const uint8_t *)"", 0), 0);
	assert_int_equal(r.have, 2);
	reassembly_free(&r);
	/* One of one is a message. */
	assert_int_equal(add_numbers(&r, 1, 1, (const uint8_t *)"\0\0\0\4", 4), 1);
}

/* Whole, and no chain of payloads. */
static void joined_must_be_well_formed(void **state)
{
	struct reassembly r = {0};

	(void)state;
	assert_int_equal(add_numbers(&r, 1, 2, (const uint8_t *)"\0\0\0", 3), 0);
	assert_int_equal(add_numbers(&r, 2, 2, (const uint8_t *)"\x09", 1), -EPROTO);
	assert_int_equal(r.have, 0);
}

/* However many and large: no more than 64 KB is kept. */
static void memory_is_bounded(void **state)
{
	static uint8_t text[2000];
	struct reassembly r = {0};
	int refused = 0;

	(void)state;
	for (uint16_t n = 1; n < 64; n++)
		refused += add_numbers(&r, n, 64, text, sizeof(text)) == -EBADMSG;
	assert_true(r.size <= REASSEMBLED_MAX);
	assert_int_equal(r.have, REASSEMBLED_MAX / sizeof(text));
	assert_int_equal(refused, 63 - r.have);
	reassembly_free(&r);
}

/* ---- in the clear ---- */

static void clear_is_as_it_was_written(void **state)
{
	struct flight f;

	(void)state;
	make_body(10);
	assert_int_equal(flight_clear(&f, &header, &body), 0);
	assert_int_equal(f.count, 1);
	assert_true(message_parse(&m, f.data, f.sizes[0]));
	assert_whole(10);
	flight_free(&f);
	assert_int_equal(f.count, 0);
	make_body(65535 - 4 - IKE_HEADER_SIZE + 1);
	assert_int_equal(flight_clear(&f, &header, &body), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_is_opened),
		cmocka_unit_test(nothing_is_sealed_too),
		cmocka_unit_test(no_nonce_comes_twice),
		cmocka_unit_test(changed_is_not_authentic),
		cmocka_unit_test(another_key_or_salt_opens_nothing),
		cmocka_unit_test(padding_is_taken_off),
		cmocka_unit_test(too_short_for_an_iv_and_an_icv),
		cmocka_unit_test(flight_has_no_datagram_too_large),
		cmocka_unit_test(what_takes_too_many_is_not_sent),
		cmocka_unit_test(pieces_come_in_any_order),
		cmocka_unit_test(forged_piece_is_not_kept),
		cmocka_unit_test(larger_total_starts_over_and_smaller_is_dropped),
		cmocka_unit_test(another_message_starts_over),
		cmocka_unit_test(numbers_must_make_sense),
		cmocka_unit_test(joined_must_be_well_formed),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(clear_is_as_it_was_written),
	};

	return cmocka_run_group_tests_name("IKE, sealed", tests, NULL, NULL);
}
