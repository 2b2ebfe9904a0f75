/* SPDX-License-Identifier: BSD-2-Clause */
#include "auth.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/sig_scheme.h"

/* ---- octets ---- */

int auth_octets(struct auth_octets *out, uint16_t prf, struct chunk sk_p, struct chunk real_message, struct chunk nonce,
		struct chunk id_body)
{
	const size_t size = real_message.size + nonce.size + prf_size(prf);
	struct writer w;
	int err;

	*out = (struct auth_octets){0};
	if (size > OCTETS_MAX)
		return -EMSGSIZE;
	out->data = malloc(size + PRF_SIZE_MAX);
	if (!out->data)
		return -ENOMEM;
	out->size = size;
	w = (struct writer){.data = out->data, .room = size};
	write_bytes(&w, real_message.data, real_message.size);
	write_bytes(&w, nonce.data, nonce.size);
	err = prf_compute(prf, sk_p, &id_body, 1, write_room(&w, prf_size(prf)));
	if (err)
		auth_octets_free(out);
	return err;
}

void auth_octets_free(struct auth_octets *o)
{
	if (o->data)
		explicit_bzero(o->data, o->size);
	free(o->data);
	*o = (struct auth_octets){0};
}

/* ---- SIGNATURE_HASH_ALGORITHMS, RFC 7427 section 4 ---- */

void hash_algorithms_write(struct body *b)
{
	static const uint8_t hashes[] = {0, HASH_SHA2_256, 0, HASH_SHA2_384, 0, HASH_SHA2_512};

	notify_write(b, SIGNATURE_HASH_ALGORITHMS, hashes, sizeof(hashes));
}

hash_set hash_algorithms_parse(const struct notify *n)
{
	struct reader r = reader_of(n->data, n->size);
	hash_set set = 0;

	while (reader_left(&r) >= 2) {
		const uint16_t hash = read_u16(&r);

		if (hash < 32)
			set |= 1U << hash;
	}
	return set;
}

/* ---- writing ---- */

static void auth_begin(struct body *b, enum auth_method method)
{
	payload_begin(b, PAYLOAD_AUTH);
	write_u32(&b->w, (uint32_t)method << 24);
}

int auth_write_psk(struct body *b, const struct keyholder_ops *keys, uint32_t key, uint16_t prf,
		   const struct auth_octets *octets)
{
	uint8_t auth[PRF_SIZE_MAX];
	int err = keys->psk_auth(keys->arg, key, prf, octets->data, octets->size, auth);

	if (err)
		return err;
	auth_begin(b, AUTH_PSK);
	write_bytes(&b->w, auth, prf_size(prf));
	payload_end(b);
	return 0;
}

/* In order of preference: the hash that fits the curve, PSS for RSA (RFC 8247 section 3.2). */
static enum sig_scheme choose(int key_type, int bits, hash_set peer)
{
	static const enum sig_scheme p384[] = {SIG_ECDSA_SHA384, SIG_ECDSA_SHA512, SIG_ECDSA_SHA256};
	static const enum sig_scheme p256[] = {SIG_ECDSA_SHA256, SIG_ECDSA_SHA384, SIG_ECDSA_SHA512};
	static const enum sig_scheme rsa[] = {SIG_RSA_PSS_SHA256, SIG_RSA_PSS_SHA384, SIG_RSA_PSS_SHA512};
	const enum sig_scheme *wanted = key_type == EVP_PKEY_RSA ? rsa : bits == 384 ? p384 : p256;

	for (int i = 0; i < 3; i++)
		if (peer & 1U << sig_scheme_hash(wanted[i]))
			return wanted[i];
	return SIG_NONE;
}

static int write_rfc7427(struct body *b, const struct keyholder_ops *keys, uint32_t key, enum sig_scheme scheme,
			 const struct auth_octets *octets)
{
	const struct chunk der = sig_scheme_der(scheme);
	uint8_t signature[SIGNATURE_MAX];
	size_t size = sizeof(signature);
	int err = keys->sign(keys->arg, key, scheme, octets->data, octets->size, signature, &size);

	if (err)
		return err;
	auth_begin(b, AUTH_SIGNATURE);
	write_u8(&b->w, (uint8_t)der.size);
	write_bytes(&b->w, der.data, der.size);
	write_bytes(&b->w, signature, size);
	payload_end(b);
	return 0;
}

/* ECDSA as before RFC 7427 (RFC 4754): r | s, each as long as the curve's order. */
static int write_rfc4754(struct body *b, const struct keyholder_ops *keys, uint32_t key, int bits,
			 const struct auth_octets *octets)
{
	const enum sig_scheme scheme = bits == 384 ? SIG_ECDSA_SHA384 : SIG_ECDSA_SHA256;
	const int n = bits / 8;
	uint8_t der[SIGNATURE_MAX], raw[2 * 48];
	const uint8_t *at = der;
	size_t size = sizeof(der);
	ECDSA_SIG *signature;
	int err = keys->sign(keys->arg, key, scheme, octets->data, octets->size, der, &size);

	if (err)
		return err;
	signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
	if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, n) != n ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + n, n) != n)
		err = -EIO;
	ECDSA_SIG_free(signature);
	if (err)
		return err;
	auth_begin(b, bits == 384 ? AUTH_ECDSA_SHA384_P384 : AUTH_ECDSA_SHA256_P256);
	write_bytes(&b->w, raw, 2 * (size_t)n);
	payload_end(b);
	return 0;
}

int auth_write_signature(struct body *b, const struct keyholder_ops *keys, uint32_t key, int key_type, int bits,
			 hash_set peer, const struct auth_octets *octets)
{
	const enum sig_scheme scheme = choose(key_type, bits, peer);

	if (scheme != SIG_NONE)
		return write_rfc7427(b, keys, key, scheme, octets);
	if (!peer && key_type == EVP_PKEY_EC && (bits == 384 || bits == 256))
		return write_rfc4754(b, keys, key, bits, octets);
	return -EPROTONOSUPPORT;
}

/* ---- checking ---- */

struct auth auth_parse(const struct payload *p)
{
	struct reader r = reader_of(p->data, p->size);
	const uint8_t method = read_u8(&r);

	read_bytes(&r, 3); /* reserved */
	return (struct auth){r.bad ? 0 : method, {r.at, reader_left(&r)}};
}

int auth_check_psk(const struct auth *auth, const struct keyholder_ops *keys, uint32_t key, uint16_t prf,
		   const struct auth_octets *octets, struct fault *f)
{
	const struct chunk data = auth->data;
	uint8_t wanted[PRF_SIZE_MAX];
	bool right;

	if (auth->method != AUTH_PSK)
		return fault(f, EACCES, "the peer proves itself by a certificate, and auth = psk here");
	if (keys->psk_auth(keys->arg, key, prf, octets->data, octets->size, wanted))
		return fault(f, EACCES, "the key holder could not compute with the PSK");
	right = data.size == prf_size(prf) && CRYPTO_memcmp(data.data, wanted, data.size) == 0;
	explicit_bzero(wanted, sizeof(wanted));
	return right ? 0 : fault(f, EACCES, "its PSK is another one");
}

static int check_rfc7427(struct chunk data, EVP_PKEY *key, const struct auth_octets *octets, struct fault *f)
{
	struct reader r = reader_of(data.data, data.size);
	const uint8_t size = read_u8(&r);
	const uint8_t *der = read_bytes(&r, size);
	const enum sig_scheme scheme = der ? sig_scheme_of(der, size) : SIG_NONE;

	if (scheme == SIG_NONE)
		return fault(
			f, EACCES,
			"it signs by an algorithm that is not taken here: ECDSA, RSA-PSS or RSA PKCS#1 with SHA2 are");
	if (sig_scheme_key_type(scheme) != EVP_PKEY_get_base_id(key))
		return fault(f, EACCES, "it signs by another algorithm than its certificate is for");
	if (!sig_verify(key, scheme, octets->data, octets->size, r.at, reader_left(&r)))
		return fault(f, EACCES, "its signature is wrong: the private key is not that of the certificate");
	return 0;
}

static BIGNUM *read_number(struct reader *r, int bits)
{
	const uint8_t *bytes = read_bytes(r, (size_t)bits / 8);

	return bytes ? BN_bin2bn(bytes, bits / 8, NULL) : NULL;
}

static int check_rfc4754(struct chunk data, int bits, EVP_PKEY *key, const struct auth_octets *octets, struct fault *f)
{
	struct reader at = reader_of(data.data, data.size);
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = read_number(&at, bits), *s = read_number(&at, bits);
	uint8_t *der = NULL;
	int size = -1;
	bool right;

	if (signature && r && s && !reader_left(&at) && ECDSA_SIG_set0(signature, r, s) == 1) {
		r = s = NULL;
		size = i2d_ECDSA_SIG(signature, &der);
	}
	right = size > 0 && EVP_PKEY_get_bits(key) == bits &&
		sig_verify(key, bits == 384 ? SIG_ECDSA_SHA384 : SIG_ECDSA_SHA256, octets->data, octets->size, der,
			   (size_t)size);
	OPENSSL_free(der);
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(signature);
	return right ? 0 : fault(f, EACCES, "its signature is wrong: the private key is not that of the certificate");
}

int auth_check_signature(const struct auth *auth, EVP_PKEY *key, const struct auth_octets *octets, struct fault *f)
{
	switch (auth->method) {
	case AUTH_SIGNATURE:
		return check_rfc7427(auth->data, key, octets, f);
	case AUTH_ECDSA_SHA384_P384:
		return check_rfc4754(auth->data, 384, key, octets, f);
	case AUTH_ECDSA_SHA256_P256:
		return check_rfc4754(auth->data, 256, key, octets, f);
	case AUTH_RSA_SHA1:
		return fault(f, EACCES,
			     "it signs with SHA-1, which is not taken: let it use RFC 7427 signatures (IKEv2 signature "
			     "authentication)");
	case AUTH_PSK:
		return fault(f, EACCES, "the peer proves itself by a PSK, and auth = cert here");
	}
	return fault(f, EACCES, "it proves itself by a method that is not known here");
}
