/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments of IKE's messages, RFC 7383, as a peer may seal them: in any order, of any number and total, as often as
 * it likes. What must hold: what is put together is what was cut, byte for byte, and what is held is counted.
 */
#include <errno.h>
#include <string.h>

#include "crypto/sk.h"
#include "fuzz.h"

#define WHOLE_MAX 4096
#define STEPS_MAX 200

/* A chain of payloads that are none of ours, and so are not looked into: u16 of the input are cut out of it. */
static uint8_t whole[WHOLE_MAX];
static size_t whole_size;
static struct sk_key key;

static void make_whole(void)
{
	whole_size = 0;
	for (unsigned i = 0; i < 8; i++) {
		uint8_t *p = whole + whole_size;

		p[0] = i < 7 ? PAYLOAD_VENDOR : PAYLOAD_NONE;
		p[1] = 0;
		p[2] = 1;
		p[3] = (uint8_t)i;
		memset(p + 4, (int)(i * 31 + 1), 252 + i);
		whole_size += 256 + i;
	}
}

/* header | SKF header, number, total | IV | part, pad length | ICV */
static uint8_t *seal(uint16_t number, uint16_t total, const uint8_t *part, size_t size, size_t *all)
{
	static uint64_t iv;
	const size_t aad = IKE_HEADER_SIZE + PAYLOAD_HEADER_SIZE + SKF_HEADER_SIZE;
	struct ike_header h = {.next = PAYLOAD_SKF, .version = IKE_VERSION, .exchange = EXCHANGE_IKE_AUTH, .id = 1};
	struct writer w = {.room = aad + SK_IV_SIZE + size + 1 + SK_ICV_SIZE};
	uint8_t *plain;

	w.data = malloc(w.room);
	h.length = (uint32_t)w.room;
	header_write(&w, &h);
	write_u8(&w, number == 1 ? PAYLOAD_VENDOR : PAYLOAD_NONE);
	write_u8(&w, 0);
	write_u16(&w, (uint16_t)(w.room - IKE_HEADER_SIZE));
	write_u16(&w, number);
	write_u16(&w, total);
	write_u64(&w, iv++);
	plain = w.data + w.size;
	write_bytes(&w, part, size);
	write_u8(&w, 0);
	require(gcm_seal(&key, w.data + aad, w.data, aad, plain, size + 1, plain));
	*all = w.room;
	return w.data;
}

static void check_held(const struct reassembly *r)
{
	size_t size = 0;
	unsigned have = 0;

	for (unsigned i = 0; i < FRAGMENTS_MAX; i++) {
		have += r->parts[i] != NULL;
		size += r->parts[i] ? r->sizes[i] : 0;
	}
	require(have == r->have && size == r->size && size <= REASSEMBLED_MAX);
}

/* all: every fragment that was kept is honestly cut. */
static void check_whole(const struct message *m, const uint8_t *plain, bool all)
{
	require(plain != NULL);
	if (!all)
		return;
	require(m->count == 8 || m->count == 0);
	for (unsigned i = 0; i < m->count; i++)
		require(m->payloads[i].size == 252 + i && m->payloads[i].data[0] == (uint8_t)(i * 31 + 1));
}

/* u8 what, u8 number, u8 total, then for what & 1 a part of the input's own; what & 2: a byte is changed on the way. */
static int take(struct input *in, struct reassembly *r, bool *honest)
{
	static struct message m;
	const uint8_t what = input_u8(in), number = input_u8(in), total = input_u8(in);
	const size_t each = total ? (whole_size + total - 1) / total : 1, from = (number - 1u) * each;
	uint8_t *part = NULL, *data, *plain = NULL;
	size_t size = 0, all;
	int err;

	if (what & 1) {
		part = input_part(in, false, &size);
		*honest = false;
	} else if (number && from < whole_size) {
		size = whole_size - from < each ? whole_size - from : each;
	}
	data = seal(number, total, part ? part : whole + (size ? from : 0), size, &all);
	if (what & 2)
		data[what % all] ^= 1;
	err = message_parse(&m, data, all) && message_find(&m, PAYLOAD_SKF) ? reassembly_add(r, &m, &key, &plain) : 0;
	if (err == 1)
		check_whole(&m, plain, *honest);
	if (err)
		*honest = true;
	check_held(r);
	free(plain);
	free(data);
	free(part);
	return err;
}

static void run(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	struct reassembly r = {0};
	bool honest = true;

	for (unsigned i = 0; i < STEPS_MAX && in.left; i++) {
		const int err = take(&in, &r, &honest);

		require(err == 0 || err == 1 || err == -EBADMSG || err == -EPROTO);
	}
	reassembly_free(&r);
	check_held(&r);
}

static void seed_of(unsigned total, const uint8_t *numbers, size_t count, unsigned what)
{
	struct seed s = {0};

	for (size_t i = 0; i < count; i++) {
		seed_u8(&s, i + 1 == count ? what : 0);
		seed_u8(&s, numbers[i]);
		seed_u8(&s, total);
	}
	seed_part(&s, "own", 3);
	fuzz_seed(s.data, s.size);
}

static void seeds(void)
{
	seed_of(1, (const uint8_t[]){1}, 1, 0);
	seed_of(3, (const uint8_t[]){1, 2, 3}, 3, 0);
	seed_of(3, (const uint8_t[]){3, 1, 1, 2}, 4, 0);
	seed_of(3, (const uint8_t[]){1, 2, 3}, 3, 1);
	seed_of(2, (const uint8_t[]){1, 2, 0, 9}, 4, 2);
	seed_of(65, (const uint8_t[]){1, 65}, 2, 0);
}

FUZZER(.name = "ike_fragments", .open = make_whole, .run = run, .seeds = seeds)
