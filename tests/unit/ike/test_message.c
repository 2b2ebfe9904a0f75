/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader, the writer, and what makes a message of bytes: headers, chains, notifies, deletes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/message.h"

/* ---- reader ---- */

static void numbers_are_big_endian(void **state)
{
	const uint8_t data[15] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct reader r = reader_of(data, sizeof(data));

	(void)state;
	assert_int_equal(read_u8(&r), 1);
	assert_int_equal(read_u16(&r), 0x0203);
	assert_int_equal(read_u32(&r), 0x04050607);
	assert_true(read_u64(&r) == 0x08090a0b0c0d0e0fULL);
	assert_int_equal(reader_left(&r), 0);
	assert_false(r.bad);
}

/* After the first read that does not fit there is nothing, and it is known. */
static void what_does_not_fit_is_bad_for_ever(void **state)
{
	const uint8_t data[3] = {1, 2, 3};
	struct reader r = reader_of(data, sizeof(data));

	(void)state;
	read_u32(&r);
	assert_true(r.bad);
	assert_int_equal(read_u8(&r), 0);
	assert_null(read_bytes(&r, 0));
	assert_int_equal(reader_left(&r), 0);
	r = reader_of(data, sizeof(data));
	assert_null(read_bytes(&r, 4));
	assert_null(read_bytes(&r, SIZE_MAX));
	r = reader_of(data, sizeof(data));
	assert_non_null(read_bytes(&r, 3));
	assert_non_null(read_bytes(&r, 0));
	assert_null(read_bytes(&r, 1));
}

static void a_part_is_bounded(void **state)
{
	const uint8_t data[6] = {1, 2, 3, 4, 5, 6};
	struct reader r = reader_of(data, sizeof(data)), part = read_part(&r, 2);

	(void)state;
	assert_int_equal(read_u16(&part), 0x0102);
	assert_int_equal(read_u8(&part), 0);
	assert_true(part.bad);
	assert_false(r.bad);
	assert_int_equal(read_u8(&r), 3);
	part = read_part(&r, 4);
	assert_true(part.bad && r.bad);
	assert_int_equal(reader_left(&part), 0);
}

/* ---- writer ---- */

static void no_byte_is_written_beyond_the_room(void **state)
{
	uint8_t data[4] = {0, 0, 0, 0xaa};
	struct writer w = {.data = data, .room = 3};

	(void)state;
	write_u16(&w, 0x0102);
	write_u16(&w, 0x0304);
	assert_true(w.bad);
	write_u8(&w, 5);
	rewrite_u16(&w, 0, 0x0909);
	assert_int_equal(w.size, 2);
	assert_memory_equal(data, "\1\2\0\xaa", 4);
}

static void payloads_are_chained(void **state)
{
	static struct body b;

	(void)state;
	body_init(&b);
	payload_write(&b, PAYLOAD_NONCE, "abc", 3);
	notify_write(&b, COOKIE, "x", 1);
	notify_write_esp(&b, REKEY_SA, 0x01020304, NULL, 0);
	delete_write_ike(&b);
	delete_write_esp(&b, (const uint32_t[]){0x11223344, 0x55667788}, 2);
	assert_int_equal(b.first, PAYLOAD_NONCE);
	assert_int_equal(b.w.size, 7 + 9 + 12 + 8 + 16);
	assert_memory_equal(b.data, "\x29\0\0\7abc", 7);
	assert_memory_equal(b.data + 7, "\x29\0\0\x09\0\0\x40\x06x", 9);
	assert_memory_equal(b.data + 16, "\x2a\0\0\x0c\3\4\x40\x09\1\2\3\4", 12);
	assert_memory_equal(b.data + 28, "\x2a\0\0\x08\1\0\0\0", 8);
	assert_memory_equal(b.data + 36, "\0\0\0\x10\3\4\0\2\x11\x22\x33\x44\x55\x66\x77\x88", 16);
}

/* ---- messages ---- */

static struct message m;
static uint8_t datagram[2000];

/* A header of IKE_SA_INIT and what is given behind it; its whole size. */
static size_t make(uint8_t first, const void *chain, size_t size)
{
	const struct ike_header h = {.spi_i = 1,
				     .next = first,
				     .version = IKE_VERSION,
				     .exchange = EXCHANGE_IKE_SA_INIT,
				     .flags = FLAG_INITIATOR,
				     .length = (uint32_t)(IKE_HEADER_SIZE + size)};
	struct writer w = {.data = datagram, .room = sizeof(datagram)};

	header_write(&w, &h);
	write_bytes(&w, chain, size);
	return w.size;
}

/* In memory of exactly its size, so that a byte too many is seen; there until the next one. */
static bool parse(uint8_t first, const void *chain, size_t size)
{
	static uint8_t *copy;

	free(copy);
	size = make(first, chain, size);
	copy = malloc(size);
	memcpy(copy, datagram, size);
	return message_parse(&m, copy, size);
}

static void header_must_have_its_length(void **state)
{
	const size_t size = make(0, "", 0);
	struct ike_header h;

	(void)state;
	assert_true(header_parse(datagram, size, &h));
	assert_int_equal(h.length, 28);
	assert_int_equal(h.exchange, EXCHANGE_IKE_SA_INIT);
	for (size_t n = 0; n < size; n++)
		assert_false(header_parse(datagram, n, &h));
	assert_false(header_parse(datagram, size + 1, &h));
	datagram[24] = 1;
	assert_false(header_parse(datagram, size, &h));
}

static void chain_must_end_where_the_message_does(void **state)
{
	(void)state;
	assert_true(parse(0, "", 0));
	assert_true(parse(PAYLOAD_NONCE, "\0\0\0\4", 4));
	assert_int_equal(m.count, 1);
	assert_int_equal(m.payloads[0].size, 0);
	/* Nothing there, one byte over, a length of 3, one of 5, another that is to follow. */
	assert_false(parse(PAYLOAD_NONCE, "", 0));
	assert_false(parse(PAYLOAD_NONCE, "\0\0\0\4x", 5));
	assert_false(parse(PAYLOAD_NONCE, "\0\0\0\3", 4));
	assert_false(parse(PAYLOAD_NONCE, "\0\0\0\0", 4));
	assert_false(parse(PAYLOAD_NONCE, "\0\0\0\5", 4));
	assert_false(parse(PAYLOAD_NONCE, "\x28\0\0\4", 4));
	assert_false(parse(0, "x", 1));
}

static void unknown_payloads_are_left_out(void **state)
{
	(void)state;
	assert_true(parse(200, "\x28\0\0\4\0\0\0\6ab", 10));
	assert_int_equal(m.count, 1);
	assert_int_equal(m.unknown_critical, 0);
	assert_int_equal(message_find(&m, PAYLOAD_NONCE)->size, 2);
	assert_true(parse(200, "\xc9\x80\0\4\x28\x80\0\4\0\0\0\4", 12));
	assert_int_equal(m.unknown_critical, 200);
	/* The critical bit of a known one means nothing (RFC 7296 section 2.5). */
	assert_true(parse(PAYLOAD_NONCE, "\0\x80\0\4", 4));
	assert_int_equal(m.unknown_critical, 0);
}

static void a_chain_is_not_longer_than_the_maximum(void **state)
{
	uint8_t chain[4 * (MESSAGE_PAYLOADS_MAX + 1)] = {0};

	(void)state;
	for (unsigned type = PAYLOAD_VENDOR; type < 256; type += 157) {
		for (unsigned n = MESSAGE_PAYLOADS_MAX; n <= MESSAGE_PAYLOADS_MAX + 1; n++) {
			for (unsigned i = 0; i < n; i++) {
				chain[4 * i] = (uint8_t)(i + 1 < n ? type : 0);
				chain[4 * i + 3] = 4;
			}
			assert_int_equal(parse((uint8_t)type, chain, 4 * (size_t)n), n == MESSAGE_PAYLOADS_MAX);
		}
	}
}

static void sealed_payload_ends_the_message(void **state)
{
	(void)state;
	assert_true(parse(PAYLOAD_SK, "\x21\0\0\5x", 5));
	assert_int_equal(m.payloads[0].next, PAYLOAD_SA);
	assert_true(parse(PAYLOAD_NONCE, "\x35\0\0\4\x21\0\0\4", 8));
	assert_false(parse(PAYLOAD_SK, "\x21\0\0\4\0\0\0\4", 8));
	/* There is none inside another. */
	assert_false(payloads_parse(&m, PAYLOAD_SK, (const uint8_t *)"\0\0\0\4", 4));
	assert_false(payloads_parse(&m, PAYLOAD_SKF, (const uint8_t *)"\0\0\0\4", 4));
	assert_true(payloads_parse(&m, PAYLOAD_NONE, NULL, 0));
}

static void payloads_are_found_in_order(void **state)
{
	const struct payload *p;

	(void)state;
	assert_true(parse(PAYLOAD_CERT, "\x28\0\0\5a\x25\0\0\4\0\0\0\5b", 14));
	p = message_find(&m, PAYLOAD_CERT);
	assert_int_equal(p->size, 1);
	p = message_next(&m, p);
	assert_ptr_equal(p, &m.payloads[2]);
	assert_null(message_next(&m, p));
	assert_int_equal(message_count(&m, PAYLOAD_CERT), 2);
	assert_null(message_find(&m, PAYLOAD_AUTH));
}

/* ---- notifies ---- */

static void notify_has_its_spi(void **state)
{
	const struct payload p = {.data = (const uint8_t *)"\3\4\x40\x09\1\2\3\4zz", .size = 10};
	struct payload cut = p;
	struct notify n;
	uint32_t spi;

	(void)state;
	assert_true(notify_parse(&p, &n));
	assert_int_equal(n.protocol, PROTOCOL_ESP);
	assert_int_equal(n.type, REKEY_SA);
	assert_memory_equal(n.spi, "\1\2\3\4", 4);
	assert_true(notify_esp_spi(&n, &spi));
	assert_int_equal(spi, 0x01020304);
	assert_int_equal(n.size, 2);
	n.protocol = PROTOCOL_AH;
	assert_false(notify_esp_spi(&n, &spi));
	n.protocol = PROTOCOL_ESP;
	n.spi_size = 3;
	assert_false(notify_esp_spi(&n, &spi));
	for (cut.size = 0; cut.size < 8; cut.size++)
		assert_false(notify_parse(&cut, &n));
	assert_true(notify_parse(&cut, &n));
	assert_int_equal(n.size, 0);
}

static void first_error_counts_and_status_is_none(void **state)
{
	(void)state;
	/* COOKIE, one that is cut short, NO_PROPOSAL_CHOSEN, INVALID_SYNTAX */
	assert_true(parse(PAYLOAD_NOTIFY,
			  "\x29\0\0\x08\0\0\x40\x06\x29\0\0\6\0\0\x29\0\0\x08\0\0\0\x0e\0\0\0\x08\0\0\0\7", 30));
	assert_int_equal(message_error(&m), NO_PROPOSAL_CHOSEN);
	assert_true(message_notify(&m, COOKIE, NULL));
	assert_true(message_notify(&m, INVALID_SYNTAX, NULL));
	assert_false(message_notify(&m, REKEY_SA, NULL));
	assert_true(parse(PAYLOAD_NOTIFY, "\0\0\0\x08\0\0\x3f\xff", 8));
	assert_int_equal(message_error(&m), 16383);
	assert_true(parse(PAYLOAD_NOTIFY, "\0\0\0\x08\0\0\x40\0", 8));
	assert_int_equal(message_error(&m), 0);
}

/* ---- deletes ---- */

struct spis {
	uint32_t spi[8];
	unsigned count;
};

static void take(void *arg, uint32_t spi)
{
	struct spis *s = arg;

	s->spi[s->count++] = spi;
}

static bool deletes(const void *data, size_t size, struct spis *s, bool *ike)
{
	*s = (struct spis){.count = 0};
	*ike = false;
	m.count = 1;
	m.payloads[0] = (struct payload){.type = PAYLOAD_DELETE, .data = data, .size = size};
	return message_deletes(&m, ike, take, s);
}

static void deletes_name_spis(void **state)
{
	struct spis s;
	bool ike;

	(void)state;
	assert_true(deletes("\3\4\0\2\1\2\3\4\5\6\7\x08", 12, &s, &ike));
	assert_int_equal(s.count, 2);
	assert_int_equal(s.spi[1], 0x05060708);
	assert_false(ike);
	assert_true(deletes("\1\0\0\0", 4, &s, &ike));
	assert_true(ike);
	/* AH is nothing that we have. */
	assert_true(deletes("\2\4\0\1\1\2\3\4", 8, &s, &ike));
	assert_int_equal(s.count, 0);
	assert_false(ike);
	/* More, or fewer, than there are; SPIs of another size. */
	assert_false(deletes("\3\4\0\3\1\2\3\4\5\6\7\x08", 12, &s, &ike));
	assert_false(deletes("\3\4\0\1\1\2\3\4\5\6\7\x08", 12, &s, &ike));
	assert_false(deletes("\3\4\xff\xff\1\2\3\4", 8, &s, &ike));
	assert_false(deletes("\3\2\0\2\1\2\3\4", 8, &s, &ike));
	assert_false(deletes("\3\4\0", 3, &s, &ike));
	assert_int_equal(s.count, 0);
}

static void names_are_there(void **state)
{
	(void)state;
	assert_string_equal(notify_name(NO_PROPOSAL_CHOSEN), "NO_PROPOSAL_CHOSEN");
	assert_string_equal(exchange_name(EXCHANGE_IKE_AUTH), "IKE_AUTH");
	assert_non_null(strstr(notify_name(12345), "12345"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_big_endian),
		cmocka_unit_test(what_does_not_fit_is_bad_for_ever),
		cmocka_unit_test(a_part_is_bounded),
		cmocka_unit_test(no_byte_is_written_beyond_the_room),
		cmocka_unit_test(payloads_are_chained),
		cmocka_unit_test(header_must_have_its_length),
		cmocka_unit_test(chain_must_end_where_the_message_does),
		cmocka_unit_test(unknown_payloads_are_left_out),
		cmocka_unit_test(a_chain_is_not_longer_than_the_maximum),
		cmocka_unit_test(sealed_payload_ends_the_message),
		cmocka_unit_test(payloads_are_found_in_order),
		cmocka_unit_test(notify_has_its_spi),
		cmocka_unit_test(first_error_counts_and_status_is_none),
		cmocka_unit_test(deletes_name_spis),
		cmocka_unit_test(names_are_there),
	};

	return cmocka_run_group_tests_name("IKE messages", tests, NULL, NULL);
}
