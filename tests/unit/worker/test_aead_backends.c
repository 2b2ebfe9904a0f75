/* SPDX-License-Identifier: BSD-2-Clause */
/* The published vectors on every backend, and each backend against the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "esp/aead.h"
#include "vectors/random.h"
#include "vectors/vectors.h"

#define VECTORS	  "tests/vectors/gcm-aes256.rsp"
#define JUMBO_MAX 9000
#define ROUNDS	  3000

static const struct aead *backends[2];
static void *contexts[2];
static size_t backend_count;

static void *new_context(const struct aead *a)
{
	void *ctx = aligned_alloc(64, a->ctx_size);

	assert_non_null(ctx);
	memset(ctx, 0, a->ctx_size);
	return ctx;
}

static void add_backend(const char *name)
{
	const struct aead *a = aead_select(name, NULL);

	assert_non_null(a);
	backends[backend_count] = a;
	contexts[backend_count++] = new_context(a);
}

static int set_up(void **unused)
{
	(void)unused;
	add_backend("openssl");
#ifdef HAVE_IPSEC_MB
	if (aead_ipsec_mb.available())
		add_backend("ipsec-mb");
#endif
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < backend_count; i++)
		free(contexts[i]);
	return 0;
}

static void seals_vector(const struct aead *a, void *ctx, const struct vector *v)
{
	const struct vector_field *pt = vector_get(v, "PT"), *ct = vector_get(v, "CT"), *aad = vector_get(v, "AAD");
	uint8_t out[VECTOR_BYTES_MAX], tag[AEAD_TAG_SIZE];

	a->seal(ctx, vector_get(v, "IV")->bytes, aad->bytes, aad->len, out, pt->bytes, pt->len, tag);
	assert_int_equal(ct->len, pt->len);
	assert_memory_equal(out, ct->bytes, ct->len);
	assert_memory_equal(tag, vector_get(v, "Tag")->bytes, AEAD_TAG_SIZE);
}

static void opens_vector(const struct aead *a, void *ctx, const struct vector *v)
{
	const struct vector_field *ct = vector_get(v, "CT"), *aad = vector_get(v, "AAD");
	uint8_t out[VECTOR_BYTES_MAX];
	bool opened = a->open(ctx, vector_get(v, "IV")->bytes, aad->bytes, aad->len, out, ct->bytes, ct->len,
			      vector_get(v, "Tag")->bytes);

	assert_int_equal(opened, !v->fail);
	if (opened)
		assert_memory_equal(out, vector_get(v, "PT")->bytes, ct->len);
}

static void published_vectors(void **unused)
{
	static struct vector v;

	(void)unused;
	for (size_t i = 0; i < backend_count; i++) {
		FILE *file = vectors_open(VECTORS);
		int passed = 0, refused = 0;

		while (vectors_next(file, &v)) {
			assert_int_equal(backends[i]->expand(contexts[i], vector_get(&v, "Key")->bytes), 0);
			if (!v.fail)
				seals_vector(backends[i], contexts[i], &v);
			opens_vector(backends[i], contexts[i], &v);
			backends[i]->wipe(contexts[i]);
			*(v.fail ? &refused : &passed) += 1;
		}
		fclose(file);
		assert_int_equal(passed, 25);
		assert_int_equal(refused, 5);
	}
}

static void wipe_leaves_nothing(void **unused)
{
	static const uint8_t key[AEAD_KEY_SIZE] = {1};

	(void)unused;
	for (size_t i = 0; i < backend_count; i++) {
		uint8_t *zero = new_context(backends[i]);

		backends[i]->wipe(contexts[i]);
		assert_int_equal(backends[i]->expand(contexts[i], key), 0);
		assert_memory_not_equal(contexts[i], zero, backends[i]->ctx_size);
		backends[i]->wipe(contexts[i]);
		assert_memory_equal(contexts[i], zero, backends[i]->ctx_size);
		free(zero);
	}
}

/* A packet at any alignment, and what one backend makes of it. */
struct trial {
	size_t len, aad_len;
	uint8_t iv[AEAD_IV_SIZE], aad[12], tag[AEAD_TAG_SIZE];
	uint8_t *clear, *sealed, *other;
	uint8_t room[3][JUMBO_MAX + 64];
};

static void new_trial(struct trial *t, uint64_t *rnd)
{
	t->len = random_below(rnd, 2) ? random_below(rnd, 200) : random_below(rnd, JUMBO_MAX + 1);
	t->aad_len = random_below(rnd, 2) ? 8 : 12;
	random_bytes(rnd, t->iv, sizeof(t->iv));
	random_bytes(rnd, t->aad, sizeof(t->aad));
	t->clear = t->room[0] + random_below(rnd, 64);
	t->sealed = t->room[1] + random_below(rnd, 64);
	t->other = t->room[2] + random_below(rnd, 64);
	random_bytes(rnd, t->clear, t->len);
}

static bool opens_in_place(size_t i, struct trial *t)
{
	memcpy(t->other, t->sealed, t->len);
	return backends[i]->open(contexts[i], t->iv, t->aad, t->aad_len, t->other, t->other, t->len, t->tag);
}

static void others_agree(size_t maker, struct trial *t)
{
	uint8_t tag[AEAD_TAG_SIZE];

	for (size_t i = 0; i < backend_count; i++) {
		memcpy(t->other, t->clear, t->len);
		backends[i]->seal(contexts[i], t->iv, t->aad, t->aad_len, t->other, t->other, t->len, tag);
		assert_memory_equal(t->other, t->sealed, t->len);
		assert_memory_equal(tag, t->tag, sizeof(tag));
		assert_true(opens_in_place(i, t));
		assert_memory_equal(t->other, t->clear, t->len);
	}
	assert_true(
		backends[maker]->open(contexts[maker], t->iv, t->aad, t->aad_len, t->other, t->sealed, t->len, t->tag));
	assert_memory_equal(t->other, t->clear, t->len);
}

static void flip(uint8_t *bytes, size_t len, uint64_t *rnd, struct trial *t)
{
	uint64_t bit;

	if (len == 0)
		return;
	bit = random_below(rnd, 8 * len);
	bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	for (size_t i = 0; i < backend_count; i++)
		assert_false(opens_in_place(i, t));
	bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void backends_agree(void **unused)
{
	static struct trial t;
	uint8_t key[AEAD_KEY_SIZE];
	uint64_t rnd = 1;

	(void)unused;
	for (int round = 0; round < ROUNDS; round++) {
		size_t maker = (size_t)round % backend_count;

		if (round % 16 == 0) {
			random_bytes(&rnd, key, sizeof(key));
			for (size_t i = 0; i < backend_count; i++) {
				backends[i]->wipe(contexts[i]);
				assert_int_equal(backends[i]->expand(contexts[i], key), 0);
			}
		}
		new_trial(&t, &rnd);
		backends[maker]->seal(contexts[maker], t.iv, t.aad, t.aad_len, t.sealed, t.clear, t.len, t.tag);
		others_agree(maker, &t);
		flip(t.iv, sizeof(t.iv), &rnd, &t);
		flip(t.aad, t.aad_len, &rnd, &t);
		flip(t.sealed, t.len, &rnd, &t);
		flip(t.tag, sizeof(t.tag), &rnd, &t);
	}
	for (size_t i = 0; i < backend_count; i++)
		backends[i]->wipe(contexts[i]);
}

#define CALLS	  70
#define CALL_SIZE 160

/* What each of many calls is about. */
struct calls {
	struct aead_call call[CALLS];
	uint8_t clear[CALLS][CALL_SIZE], body[CALLS][CALL_SIZE], tag[CALLS][AEAD_TAG_SIZE];
};

static void new_calls(struct calls *c, void *ctx, uint64_t *rnd)
{
	random_bytes(rnd, (uint8_t *)c, sizeof(*c));
	for (int i = 0; i < CALLS; i++) {
		struct aead_call *call = &c->call[i];

		call->ctx = ctx;
		call->in = c->clear[i];
		call->out = c->body[i];
		call->tag = c->tag[i];
		call->len = (uint32_t)random_below(rnd, CALL_SIZE + 1);
		call->aad_len = random_below(rnd, 2) ? 8 : 12;
	}
}

static void are_as_one_by_one(const struct calls *c, const struct aead *a)
{
	uint8_t sealed[CALL_SIZE], tag[AEAD_TAG_SIZE];

	for (int i = 0; i < CALLS; i++) {
		const struct aead_call *call = &c->call[i];

		a->seal(call->ctx, call->iv, call->aad, call->aad_len, sealed, c->clear[i], call->len, tag);
		assert_memory_equal(sealed, c->body[i], call->len);
		assert_memory_equal(tag, c->tag[i], sizeof(tag));
	}
}

/* In place, and every third with a bit of its tag turned over. */
static void open_in_place(struct calls *c, const struct aead *a)
{
	for (int i = 0; i < CALLS; i++) {
		c->call[i].in = c->body[i];
		c->tag[i][i % AEAD_TAG_SIZE] ^= (uint8_t)(i % 3 == 0);
	}
	a->open_all(c->call, CALLS);
	for (int i = 0; i < CALLS; i++) {
		assert_int_equal(c->call[i].right, i % 3 != 0);
		if (c->call[i].right)
			assert_memory_equal(c->body[i], c->clear[i], c->call[i].len);
	}
}

static void many_calls_are_as_one_by_one(void **unused)
{
	static const uint8_t key[AEAD_KEY_SIZE] = {2};
	static struct calls c;
	uint64_t rnd = 7;

	(void)unused;
	for (size_t i = 0; i < backend_count; i++) {
		assert_int_equal(backends[i]->expand(contexts[i], key), 0);
		new_calls(&c, contexts[i], &rnd);
		backends[i]->seal_all(c.call, CALLS);
		are_as_one_by_one(&c, backends[i]);
		open_in_place(&c, backends[i]);
		backends[i]->wipe(contexts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(wipe_leaves_nothing),
		cmocka_unit_test(backends_agree),
		cmocka_unit_test(many_calls_are_as_one_by_one),
	};

	return cmocka_run_group_tests_name("aead backends", tests, set_up, tear_down);
}
