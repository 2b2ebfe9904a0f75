/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring: what it takes for a key, what it makes of each, and that it says no to all others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "crypto/sig_scheme.h"
#include "ring.h"
#include "wire/wire.h"

static void assert_refused(enum key_kind kind, const char *text, size_t size, const char *why)
{
	struct fault f = {""};

	assert_int_equal(keyring_add(ring, 9, kind, text, size, &f), -EINVAL);
	assert_non_null(strstr(f.text, why));
}

static void secrets_that_are_none(void **state)
{
	static char large[SECRET_MAX + 2];

	(void)state;
	assert_refused(KEY_PSK, "", 0, "empty");
	assert_refused(KEY_PSK, "\n", 1, "empty");
	assert_refused(KEY_PSK, "0xabc", 5, "pairs of hex digits");
	assert_refused(KEY_PPK, "0xabxx", 6, "hex digits alone");
	memset(large, 'a', sizeof(large));
	assert_refused(KEY_PSK, large, SECRET_MAX + 1, "4096");
	assert_int_equal(keyring_add(ring, 1, KEY_PSK, large, SECRET_MAX, NULL), 0);
}

/* What an editor leaves at the end of a line is seen there by nobody. */
static void secrets_with_a_tail(void **state)
{
	static const struct {
		const char *text;
		bool tail;
	} secrets[] = {{"geheim", false},  {"geheim\n", false},	 {"geheim \n", true},	     {"geheim\r\n", true},
		       {"ge heim", false}, {"0x6768690a", true}, {"0x00ff0102030420", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		assert_int_equal(keyring_add(ring, 1, KEY_PSK, secrets[i].text, strlen(secrets[i].text), NULL), 0);
		assert_int_equal(keyring_has_tail(ring, 1), secrets[i].tail);
	}
	assert_false(keyring_has_tail(ring, 2));
}

static void private_keys_that_are_none(void **state)
{
	char *weak = private_pem("1024", NULL);
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
	char *curve = pki_pem(NULL, other);

	(void)state;
	assert_refused(KEY_PRIVATE, "secret", 6, "no private key");
	assert_refused(KEY_PRIVATE, weak, strlen(weak), "1024 bits");
	assert_refused(KEY_PRIVATE, curve, strlen(curve), "not a key of a kind used here");
	EVP_PKEY_free(other);
	free(weak);
	free(curve);
}

static void psk_auth_is(const struct keyholder_ops *ops, uint32_t id, const char *secret, bool same)
{
	struct keyring *another = keyring_new();
	struct keyholder_ops others = keyring_ops(another);
	uint8_t a[PRF_SIZE_MAX], b[PRF_SIZE_MAX];

	assert_int_equal(keyring_add(another, 1, KEY_PSK, secret, strlen(secret), NULL), 0);
	assert_int_equal(others.psk_auth(others.arg, 1, PRF_HMAC_SHA2_384, octets, sizeof(octets), a), 0);
	assert_int_equal(ops->psk_auth(ops->arg, id, PRF_HMAC_SHA2_384, octets, sizeof(octets), b), 0);
	assert_int_equal(memcmp(a, b, 48) == 0, same);
	keyring_free(another);
}

/* One newline is the editor's; text and hex are the same secret; case and the rest count. */
static void secret_is_what_its_file_says(void **state)
{
	struct keyholder_ops ops = keyring_ops(ring);

	(void)state;
	assert_int_equal(keyring_add(ring, 1, KEY_PSK, "abc\n", 4, NULL), 0);
	psk_auth_is(&ops, 1, "abc", true);
	psk_auth_is(&ops, 1, "0x616263", true);
	psk_auth_is(&ops, 1, "0x61626C", false);
	psk_auth_is(&ops, 1, "abc\n\n", false);
	psk_auth_is(&ops, 1, "Abc", false);
	assert_int_equal(keyring_add(ring, 1, KEY_PSK, "0x6A6b", 6, NULL), 0);
	psk_auth_is(&ops, 1, "jk", true);
}

/* prf(prf(PSK, "Key Pad for IKEv2"), octets), by the PRF alone. */
static void psk_auth_is_as_the_rfc_has_it(void **state)
{
	const struct chunk pad = {"Key Pad for IKEv2", 17}, in = CHUNK(octets);
	struct keyholder_ops ops = keyring_ops(ring);
	uint8_t key[PRF_SIZE_MAX], wanted[PRF_SIZE_MAX], got[PRF_SIZE_MAX];

	(void)state;
	keyring_add(ring, 1, KEY_PSK, "secret", 6, NULL);
	for (uint16_t prf = PRF_HMAC_SHA2_256; prf <= PRF_HMAC_SHA2_512; prf++) {
		/* The nonce is what the PRF leaves of it. */
		assert_int_equal(prf_compute(prf, (struct chunk){"secret", 6}, &pad, 1, key), 0);
		assert_int_equal(prf_compute(prf, (struct chunk){key, prf_size(prf)}, &in, 1, wanted), 0);
		assert_int_equal(ops.psk_auth(ops.arg, 1, prf, octets, sizeof(octets), got), 0);
		assert_memory_equal(wanted, got, prf_size(prf));
	}
}

/* A bad key leaves the old one of its number; a good one takes its place; what is forgotten is gone. */
static void a_number_has_one_key(void **state)
{
	struct keyholder_ops ops = keyring_ops(ring);
	uint8_t out[PRF_SIZE_MAX];

	(void)state;
	keyring_add(ring, 1, KEY_PSK, "first", 5, NULL);
	assert_int_equal(keyring_add(ring, 1, KEY_PSK, "0x1", 3, NULL), -EINVAL);
	psk_auth_is(&ops, 1, "first", true);
	keyring_add(ring, 1, KEY_PSK, "second", 6, NULL);
	psk_auth_is(&ops, 1, "second", true);
	keyring_remove(ring, 1);
	assert_int_equal(ops.psk_auth(ops.arg, 1, PRF_HMAC_SHA2_384, octets, sizeof(octets), out), -ENOENT);
	keyring_remove(ring, 1);
}

static void key_is_of_its_certificate(void **state)
{
	EVP_PKEY *key, *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	char *pem = private_pem("EC", &key);
	uint8_t *spki = NULL, *another = NULL;
	const int size = i2d_PUBKEY(key, &spki), another_size = i2d_PUBKEY(other, &another);

	(void)state;
	keyring_add(ring, KEY, KEY_PRIVATE, pem, strlen(pem), NULL);
	keyring_add(ring, PSK, KEY_PSK, "secret", 6, NULL);
	assert_true(keyring_matches(ring, KEY, spki, (size_t)size));
	assert_false(keyring_matches(ring, KEY, another, (size_t)another_size));
	assert_false(keyring_matches(ring, KEY, spki, (size_t)size - 1));
	assert_false(keyring_matches(ring, PSK, spki, (size_t)size));
	assert_false(keyring_matches(ring, 77, spki, (size_t)size));
	OPENSSL_free(spki);
	OPENSSL_free(another);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	free(pem);
}

/* Whatever else is asked to be signed is not, nor is it an HMAC by the PSK; nor does a key of RSA sign by PKCS#1. */
static void only_what_auth_is_over_is_signed(void **state)
{
	static uint8_t other[OCTETS_MAX], signature[SIGNATURE_MAX];
	static const enum sig_scheme pkcs1[] = {SIG_RSA_PKCS1_SHA256, SIG_RSA_PKCS1_SHA384, SIG_RSA_PKCS1_SHA512};
	/* TLS 1.3 signs behind 64 of these (RFC 8446 section 4.4.3); what X.509 signs is a SEQUENCE. */
	static const uint8_t begins[] = {0x20, 0x30, 0x00, 0xff};
	char *pem = private_pem("2048", NULL);
	struct keyholder_ops ops = keyring_ops(ring);
	uint8_t out[PRF_SIZE_MAX];
	size_t size = sizeof(signature);

	(void)state;
	keyring_add(ring, PSK, KEY_PSK, "secret", 6, NULL);
	keyring_add(ring, KEY, KEY_PRIVATE, pem, strlen(pem), NULL);
	for (size_t i = 0; i < sizeof(begins); i++) {
		memset(other, begins[i], sizeof(other));
		for (size_t n = 0; n <= sizeof(other); n = n * 3 + 1) {
			assert_int_equal(ops.sign(ops.arg, KEY, SIG_RSA_PSS_SHA256, other, n, signature, &size),
					 -EINVAL);
			assert_int_equal(ops.psk_auth(ops.arg, PSK, 6, other, n, out), -EINVAL);
		}
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(ops.sign(ops.arg, KEY, pkcs1[i], octets, sizeof(octets), signature, &size), -EINVAL);
	assert_int_equal(ops.sign(ops.arg, KEY, SIG_RSA_PSS_SHA256, octets, sizeof(octets), signature, &size), 0);
	free(pem);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(secrets_that_are_none),	     TEST(secrets_with_a_tail),
		TEST(private_keys_that_are_none),    TEST(secret_is_what_its_file_says),
		TEST(psk_auth_is_as_the_rfc_has_it), TEST(a_number_has_one_key),
		TEST(key_is_of_its_certificate),     TEST(only_what_auth_is_over_is_signed),
	};

	return cmocka_run_group_tests_name("IKE key ring", tests, NULL, NULL);
}
