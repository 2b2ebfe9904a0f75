/* SPDX-License-Identifier: BSD-2-Clause */
/* Known answers: RFC 4231 for the PRF, RFC 5903 section 8.2 for the group, strongSwan for what is derived from both. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/dh.h"
#include "crypto/keymat.h"
#include "crypto/prf.h"
#include "wire/wire.h"

#include "vectors/vectors.h"

static void from_hex(const char *hex, uint8_t *out)
{
	for (unsigned byte; *hex && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		*out++ = (uint8_t)byte;
}

static void assert_hex(const uint8_t *data, const char *hex)
{
	uint8_t wanted[256];

	from_hex(hex, wanted);
	assert_memory_equal(data, wanted, strlen(hex) / 2);
}

static void prf_is_hmac(void **state)
{
	static const uint8_t key[20] = {11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11};
	static const char *const answers[2][3] = {
		{"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		 "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
		 "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d9"
		 "14eeb61f17"
		 "02e696c203a126854"},
		{"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		 "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
		 "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab"
		 "1a34d4a6b4b"
		 "636e070a38bce737"},
	};
	const struct chunk keys[2] = {{key, 20}, {"Jefe", 4}};
	const struct chunk texts[2][2] = {{{"Hi ", 3}, {"There", 5}}, {{"what do ya want ", 16}, {"for nothing?", 12}}};
	uint8_t out[PRF_SIZE_MAX];

	(void)state;
	for (int i = 0; i < 2; i++) {
		for (uint16_t prf = PRF_HMAC_SHA2_256; prf <= PRF_HMAC_SHA2_512; prf++) {
			assert_int_equal(prf_compute(prf, keys[i], texts[i], 2, out), 0);
			assert_hex(out, answers[i][prf - PRF_HMAC_SHA2_256]);
		}
	}
	assert_int_equal(prf_size(4), 0);
	assert_true(prf_compute(4, keys[0], texts[0], 2, out) < 0);
}

/* T1 | T2 | T3, by single calls of the PRF. */
static void prf_plus_is_a_chain(void **state)
{
	const struct chunk key = {"key", 3}, seed = {"seed", 4};
	uint8_t out[120], t[PRF_SIZE_MAX];

	(void)state;
	assert_int_equal(prf_plus(PRF_HMAC_SHA2_384, key, &seed, 1, out, sizeof(out)), 0);
	for (uint8_t n = 1; n <= 3; n++) {
		const struct chunk in[] = {{t, n == 1 ? 0 : 48}, seed, CHUNK(n)};

		assert_int_equal(prf_compute(PRF_HMAC_SHA2_384, key, in, 3, t), 0);
		assert_memory_equal(out + (n - 1) * 48, t, n == 3 ? 24 : 48);
	}
	assert_true(prf_plus(PRF_HMAC_SHA2_256, key, &seed, 1, out, 255 * 32 + 1) < 0);
}

/* RFC 5903 section 8.2 */
#define I_PRIVATE "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194"
#define I_PUBLIC \
	"667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa" \
	"9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c"
#define R_PRIVATE "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc"
#define R_PUBLIC \
	"e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571" \
	"dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c"
#define SECRET "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746"

static struct dh pair_of(const char *private_hex, const char *public_hex)
{
	struct dh dh = {.there = true};

	from_hex(private_hex, dh.private);
	from_hex(public_hex, dh.public);
	return dh;
}

static void dh_has_the_known_secret(void **state)
{
	struct dh i = pair_of(I_PRIVATE, I_PUBLIC), r = pair_of(R_PRIVATE, R_PUBLIC), none = {0};
	uint8_t public[DH_PUBLIC_SIZE], secret[DH_SECRET_SIZE];

	(void)state;
	from_hex(R_PUBLIC, public);
	assert_int_equal(dh_derive(&i, public, secret), 0);
	assert_hex(secret, SECRET);
	from_hex(I_PUBLIC, public);
	assert_int_equal(dh_derive(&r, public, secret), 0);
	assert_hex(secret, SECRET);
	dh_wipe(&i);
	assert_memory_equal(&i, &none, sizeof(none));
	assert_int_equal(dh_derive(&i, public, secret), -EIO);
}

static void dh_refuses_what_is_no_point(void **state)
{
	uint8_t public[DH_PUBLIC_SIZE], secret[DH_SECRET_SIZE];
	struct dh dh = {0};

	(void)state;
	assert_int_equal(dh_generate(&dh), 0);
	for (int bit = 0; bit < DH_PUBLIC_SIZE * 8; bit += 37) {
		memcpy(public, dh.public, sizeof(public));
		public[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(dh_derive(&dh, public, secret), -EINVAL);
	}
	memset(public, 0, sizeof(public));
	assert_int_equal(dh_derive(&dh, public, secret), -EINVAL);
	memset(public, 0xff, sizeof(public));
	assert_int_equal(dh_derive(&dh, public, secret), -EINVAL);
	dh_wipe(&dh);
}

/* ---- what another implementation derived ---- */

static struct chunk field(const struct vector *v, const char *name)
{
	const struct vector_field *f = vector_get(v, name);

	return (struct chunk){f->bytes, f->len};
}

static void assert_field(const struct vector *v, const char *name, const void *data, size_t size)
{
	const struct chunk wanted = field(v, name);

	assert_int_equal(size, wanted.size);
	assert_memory_equal(data, wanted.data, size);
}

static void assert_key(const struct vector *v, const char *name, const struct sk_key *key)
{
	uint8_t both[SK_KEY_SIZE + SK_SALT_SIZE];

	memcpy(both, key->key, SK_KEY_SIZE);
	memcpy(both + SK_KEY_SIZE, key->salt, SK_SALT_SIZE);
	assert_field(v, name, both, sizeof(both));
}

/* Such keys as have this SK_d, whose size tells the PRF. */
static struct ike_keys keys_with(struct chunk sk_d)
{
	struct ike_keys keys = {.size = (uint8_t)sk_d.size};

	for (keys.prf = PRF_HMAC_SHA2_256; prf_size(keys.prf) != sk_d.size; keys.prf++)
		assert_true(keys.prf < PRF_HMAC_SHA2_512);
	memcpy(keys.sk_d, sk_d.data, sk_d.size);
	return keys;
}

static void check_ike(const struct vector *v)
{
	const struct keymat_input in = {
		.secret = field(v, "Secret").data,
		.ni = field(v, "Ni"),
		.nr = field(v, "Nr"),
		.spi_i = vector_number(v, "SPIi"),
		.spi_r = vector_number(v, "SPIr"),
	};
	const uint16_t prf = keys_with(field(v, "SKd")).prf;
	const struct chunk old_sk_d = field(v, "OldSKd");
	struct ike_keys keys, old;

	if (old_sk_d.size) {
		old = keys_with(old_sk_d);
		assert_int_equal(keymat_ike_rekey(&keys, prf, &old, &in), 0);
	} else {
		assert_int_equal(keymat_ike(&keys, prf, &in), 0);
	}
	assert_field(v, "SKd", keys.sk_d, keys.size);
	assert_key(v, "SKei", &keys.ei);
	assert_key(v, "SKer", &keys.er);
	assert_field(v, "SKpi", keys.sk_pi, keys.size);
	assert_field(v, "SKpr", keys.sk_pr, keys.size);
}

static void check_child(const struct vector *v)
{
	const struct ike_keys keys = keys_with(field(v, "SKd"));
	uint8_t from_initiator[CHILD_KEYMAT_SIZE], from_responder[CHILD_KEYMAT_SIZE];
	const struct chunk secret = field(v, "Secret");

	assert_int_equal(keymat_child(&keys, secret.size ? secret.data : NULL, field(v, "Ni"), field(v, "Nr"),
				      from_initiator, from_responder),
			 0);
	assert_field(v, "Initiator", from_initiator, CHILD_KEYMAT_SIZE);
	assert_field(v, "Responder", from_responder, CHILD_KEYMAT_SIZE);
}

static void keys_are_those_of_a_peer(void **state)
{
	static struct vector v;
	FILE *file = vectors_open("tests/vectors/ike-keys.rsp");
	unsigned ike = 0, children = 0;

	(void)state;
	while (vectors_next(file, &v)) {
		if (strcmp(v.fields[0].name, "OldSKd") == 0) {
			check_ike(&v);
			ike++;
		} else {
			check_child(&v);
			children++;
		}
	}
	fclose(file);
	assert_int_equal(ike, 6);
	assert_int_equal(children, 9);
}

/* SKEYSEED of a rekey is as long as the old PRF makes it, whichever the new one is (RFC 7296 section 2.18). */
static void rekey_may_change_the_prf(void **state)
{
	static const uint8_t secret[DH_SECRET_SIZE] = {1}, ni[NONCE_MIN] = {2}, nr[NONCE_MAX] = {3};
	static const uint8_t spis[2 * IKE_SPI_SIZE] = {0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5};
	static const uint16_t prfs[] = {PRF_HMAC_SHA2_256, PRF_HMAC_SHA2_384, PRF_HMAC_SHA2_512};
	const struct keymat_input in = {secret, CHUNK(ni), CHUNK(nr), 4, 5};
	const struct chunk shared[] = {CHUNK(secret), CHUNK(ni), CHUNK(nr)};
	const struct chunk seed[] = {CHUNK(ni), CHUNK(nr), CHUNK(spis)};

	(void)state;
	for (int i = 0; i < 9; i++) {
		struct ike_keys old = {.prf = prfs[i / 3], .size = (uint8_t)prf_size(prfs[i / 3])}, keys;
		uint8_t skeyseed[PRF_SIZE_MAX], sk_d[PRF_SIZE_MAX];

		memset(old.sk_d, 6, old.size);
		assert_int_equal(keymat_ike_rekey(&keys, prfs[i % 3], &old, &in), 0);
		prf_compute(old.prf, (struct chunk){old.sk_d, old.size}, shared, 3, skeyseed);
		prf_plus(prfs[i % 3], (struct chunk){skeyseed, old.size}, seed, 3, sk_d, keys.size);
		assert_int_equal(keys.size, prf_size(prfs[i % 3]));
		assert_memory_equal(keys.sk_d, sk_d, keys.size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prf_is_hmac),
		cmocka_unit_test(prf_plus_is_a_chain),
		cmocka_unit_test(dh_has_the_known_secret),
		cmocka_unit_test(dh_refuses_what_is_no_point),
		cmocka_unit_test(keys_are_those_of_a_peer),
		cmocka_unit_test(rekey_may_change_the_prf),
	};

	return cmocka_run_group_tests_name("IKE keys", tests, NULL, NULL);
}
