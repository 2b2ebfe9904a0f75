/* SPDX-License-Identifier: BSD-2-Clause */
/* The AUTH payload by itself: each way to make it, and what is taken of what a peer sends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/rsa.h>

#include "identity/auth.h"
#include "octets.h"
#include "pki.h"
#include "crypto/sig_scheme.h"

#define SHA2 (1U << HASH_SHA2_256 | 1U << HASH_SHA2_384 | 1U << HASH_SHA2_512)

static struct keyring *ring;
static struct keyholder_ops keys;
static EVP_PKEY *p384, *p256, *rsa;
static struct auth_octets octets;
static struct body body;

enum { PSK = 1, P384 = 2, P256 = 3, RSA_KEY = 4 };

static EVP_PKEY *add_key(uint32_t id, const char *type, const char *curve)
{
	EVP_PKEY *key =
		curve ? EVP_PKEY_Q_keygen(NULL, NULL, type, curve) : EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)2048);
	char *pem = pki_pem(NULL, key);

	assert_int_equal(keyring_add(ring, id, KEY_PRIVATE, pem, strlen(pem), NULL), 0);
	free(pem);
	return key;
}

static int setup_all(void **state)
{
	static const uint8_t nonce[32] = {2}, id[8] = {3};
	static uint8_t message[OCTETS_MESSAGE_SIZE];

	(void)state;
	octets_make(message, false, 0);
	ring = keyring_new();
	keys = keyring_ops(ring);
	keyring_add(ring, PSK, KEY_PSK, "secret", 6, NULL);
	p384 = add_key(P384, "EC", "P-384");
	p256 = add_key(P256, "EC", "P-256");
	rsa = add_key(RSA_KEY, "RSA", NULL);
	return auth_octets(&octets, PRF_HMAC_SHA2_384, (struct chunk){"key", 3}, CHUNK(message), CHUNK(nonce),
			   CHUNK(id));
}

static int teardown_all(void **state)
{
	(void)state;
	auth_octets_free(&octets);
	keyring_free(ring);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(rsa);
	return 0;
}

/* What was written last, in memory of exactly its size; there until the next one. */
static struct auth written(size_t size)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(size ? size : 1);
	memcpy(copy, body.data + 4, size);
	return auth_parse(&(struct payload){.type = PAYLOAD_AUTH, .data = copy, .size = size});
}

static int write_signature(uint32_t id, EVP_PKEY *key, hash_set peer)
{
	body_init(&body);
	return auth_write_signature(&body, &keys, id, EVP_PKEY_get_base_id(key), EVP_PKEY_get_bits(key), peer, &octets);
}

static int check(EVP_PKEY *key, size_t size)
{
	const struct auth p = written(size);
	struct fault f;

	return auth_check_signature(&p, key, &octets, &f);
}

/* message | nonce | prf(SK_p, ID), and nothing left out. */
static void octets_are_as_the_rfc_has_them(void **state)
{
	uint8_t mac[PRF_SIZE_MAX];
	const uint8_t id[8] = {3};
	const struct chunk in = CHUNK(id);

	(void)state;
	assert_int_equal(octets.size, OCTETS_MESSAGE_SIZE + 32 + 48);
	assert_int_equal(octets.data[0], 0x11);
	assert_int_equal(octets.data[OCTETS_MESSAGE_SIZE], 2);
	assert_int_equal(prf_compute(PRF_HMAC_SHA2_384, (struct chunk){"key", 3}, &in, 1, mac), 0);
	assert_memory_equal(octets.data + OCTETS_MESSAGE_SIZE + 32, mac, 48);
}

/* Every size but its own, every byte. */
static void psk_is_all_of_it(void **state)
{
	struct auth p;
	struct fault f;
	size_t size;

	(void)state;
	body_init(&body);
	assert_int_equal(auth_write_psk(&body, &keys, PSK, PRF_HMAC_SHA2_384, &octets), 0);
	size = body.w.size - 4;
	assert_int_equal(size, 4 + 48);
	for (size_t n = 0; n <= size; n++) {
		p = written(n);
		assert_int_equal(auth_check_psk(&p, &keys, PSK, PRF_HMAC_SHA2_384, &octets, &f) == 0, n == size);
	}
	body.w.size++;
	p = written(size + 1);
	assert_int_equal(auth_check_psk(&p, &keys, PSK, PRF_HMAC_SHA2_384, &octets, &f), -EACCES);
	for (unsigned method = 0; method < 256; method++) {
		body.data[4] = (uint8_t)method;
		p = written(size);
		assert_int_equal(auth_check_psk(&p, &keys, PSK, PRF_HMAC_SHA2_384, &octets, &f) == 0,
				 method == AUTH_PSK);
	}
	body.data[4] = AUTH_PSK;
	for (size_t i = 4; i < size; i++) {
		body.data[4 + i] ^= 0x10;
		p = written(size);
		assert_int_equal(auth_check_psk(&p, &keys, PSK, PRF_HMAC_SHA2_384, &octets, &f), -EACCES);
		body.data[4 + i] ^= 0x10;
	}
}

/* With what the peer says it can hash; without a word of it, as before RFC 7427, or not at all. */
static void signature_is_one_that_the_peer_takes(void **state)
{
	struct {
		uint32_t id;
		EVP_PKEY *key;
		hash_set peer;
		uint8_t method; /* 0: there is none */
		enum sig_scheme scheme;
	} all[] = {
		{P384, p384, SHA2, AUTH_SIGNATURE, SIG_ECDSA_SHA384},
		{P384, p384, 1U << HASH_SHA2_512, AUTH_SIGNATURE, SIG_ECDSA_SHA512},
		{P384, p384, 1U << HASH_SHA1, 0, SIG_NONE},
		{P384, p384, 0, AUTH_ECDSA_SHA384_P384, SIG_NONE},
		{P256, p256, SHA2, AUTH_SIGNATURE, SIG_ECDSA_SHA256},
		{P256, p256, 0, AUTH_ECDSA_SHA256_P256, SIG_NONE},
		{RSA_KEY, rsa, SHA2, AUTH_SIGNATURE, SIG_RSA_PSS_SHA256},
		{RSA_KEY, rsa, 1U << HASH_SHA2_384, AUTH_SIGNATURE, SIG_RSA_PSS_SHA384},
		{RSA_KEY, rsa, 0, 0, SIG_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct chunk der = sig_scheme_der(all[i].scheme);
		const int err = write_signature(all[i].id, all[i].key, all[i].peer);

		assert_int_equal(err, all[i].method ? 0 : -EPROTONOSUPPORT);
		if (err)
			continue;
		assert_int_equal(body.data[4], all[i].method);
		if (all[i].method == AUTH_SIGNATURE)
			assert_memory_equal(body.data + 9, der.data, der.size);
		assert_int_equal(check(all[i].key, body.w.size - 4), 0);
	}
}

/* Each kind: cut at each byte, each eighth bit turned over, by another key. */
static void changed_signature_is_refused(void **state)
{
	const struct {
		uint32_t id;
		EVP_PKEY *key;
		hash_set peer;
	} all[] = {{P384, p384, SHA2}, {P384, p384, 0}, {P256, p256, SHA2}, {P256, p256, 0}, {RSA_KEY, rsa, SHA2}};

	(void)state;
	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
		size_t size;

		assert_int_equal(write_signature(all[k].id, all[k].key, all[k].peer), 0);
		size = body.w.size - 4;
		for (size_t n = 0; n < size; n++)
			assert_int_equal(check(all[k].key, n), -EACCES);
		for (size_t i = 4; i < size; i += 3) {
			body.data[4 + i] ^= (uint8_t)(1 << i % 8);
			assert_int_equal(check(all[k].key, size), -EACCES);
			body.data[4 + i] ^= (uint8_t)(1 << i % 8);
		}
		assert_int_equal(check(all[k].key == p384 ? rsa : p384, size), -EACCES);
		assert_int_equal(check(all[k].key == p256 ? rsa : p256, size), -EACCES);
		assert_int_equal(check(all[k].key, size), 0);
	}
}

static void methods_that_are_not_taken(void **state)
{
	struct auth p;
	struct fault f;

	(void)state;
	assert_int_equal(write_signature(P384, p384, SHA2), 0);
	for (unsigned method = 0; method < 256; method++) {
		body.data[4] = (uint8_t)method;
		assert_int_equal(check(p384, body.w.size - 4) == 0, method == AUTH_SIGNATURE);
	}
	body.data[4] = AUTH_SIGNATURE;
	p = written(body.w.size - 4);
	assert_int_equal(auth_check_psk(&p, &keys, PSK, PRF_HMAC_SHA2_384, &octets, &f), -EACCES);
}

/* As OpenSSL has it when told the salt's length outright: what other implementations check. */
static void pss_has_the_salt_it_says(void **state)
{
	uint8_t signature[SIGNATURE_MAX];
	size_t size = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey;

	(void)state;
	assert_int_equal(sig_sign(rsa, SIG_RSA_PSS_SHA384, octets.data, octets.size, signature, &size), 0);
	assert_int_equal(EVP_DigestVerifyInit_ex(ctx, &pkey, "SHA384", NULL, NULL, rsa, NULL), 1);
	EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING);
	EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, 48);
	assert_int_equal(EVP_DigestVerify(ctx, signature, size, octets.data, octets.size), 1);
	EVP_MD_CTX_free(ctx);
}

/* strongSwan's RSA by default. */
static void pkcs1_is_taken(void **state)
{
	const struct chunk der = sig_scheme_der(SIG_RSA_PKCS1_SHA256);
	uint8_t signature[SIGNATURE_MAX];
	size_t size = sizeof(signature);

	(void)state;
	assert_int_equal(sig_sign(rsa, SIG_RSA_PKCS1_SHA256, octets.data, octets.size, signature, &size), 0);
	body_init(&body);
	payload_begin(&body, PAYLOAD_AUTH);
	write_u32(&body.w, (uint32_t)AUTH_SIGNATURE << 24);
	write_u8(&body.w, (uint8_t)der.size);
	write_bytes(&body.w, der.data, der.size);
	write_bytes(&body.w, signature, size);
	payload_end(&body);
	assert_int_equal(check(rsa, body.w.size - 4), 0);
	/* With the parameters of another hash. */
	body.data[9 + 12] ^= 1;
	assert_int_equal(check(rsa, body.w.size - 4), -EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_are_as_the_rfc_has_them),
		cmocka_unit_test(psk_is_all_of_it),
		cmocka_unit_test(signature_is_one_that_the_peer_takes),
		cmocka_unit_test(changed_signature_is_refused),
		cmocka_unit_test(methods_that_are_not_taken),
		cmocka_unit_test(pss_has_the_salt_it_says),
		cmocka_unit_test(pkcs1_is_taken),
	};

	return cmocka_run_group_tests_name("IKE, AUTH", tests, setup_all, teardown_all);
}
