/* SPDX-License-Identifier: BSD-2-Clause */
#include "sig_scheme.h"

#include <errno.h>
#include <openssl/rsa.h>
#include <string.h>

#include "wire/wire.h"

/* RFC 7427 appendix A. 1.2.840.10045.4.3.n, without parameters. */
#define ECDSA(n) \
	{ \
		0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, n \
	}
/* 1.2.840.113549.1.1.n, with NULL. */
#define PKCS1(n) \
	{ \
		0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, n, 0x05, 0x00 \
	}
/* 1.2.840.113549.1.1.10 with the hash 2.16.840.1.101.3.4.2.n (and NULL), MGF1 with the same, the salt's length. */
#define PSS(n, salt) \
	{ \
		0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x34, 0xa0, 0x0f, \
			0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n, 0x05, 0x00, 0xa1, \
			0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, \
			0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n, 0x05, 0x00, 0xa2, 0x03, \
			0x02, 0x01, salt \
	}

static const uint8_t ecdsa_256[] = ECDSA(2), ecdsa_384[] = ECDSA(3), ecdsa_512[] = ECDSA(4);
static const uint8_t pkcs1_256[] = PKCS1(11), pkcs1_384[] = PKCS1(12), pkcs1_512[] = PKCS1(13);
static const uint8_t pss_256[] = PSS(1, 32), pss_384[] = PSS(2, 48), pss_512[] = PSS(3, 64);

static const struct scheme {
	const uint8_t *der;
	size_t size;
	int key_type;
	unsigned hash;
	const char *digest;
	bool pss;
} schemes[] = {
	[SIG_ECDSA_SHA256] = {ecdsa_256, sizeof(ecdsa_256), EVP_PKEY_EC, HASH_SHA2_256, "SHA256", false},
	[SIG_ECDSA_SHA384] = {ecdsa_384, sizeof(ecdsa_384), EVP_PKEY_EC, HASH_SHA2_384, "SHA384", false},
	[SIG_ECDSA_SHA512] = {ecdsa_512, sizeof(ecdsa_512), EVP_PKEY_EC, HASH_SHA2_512, "SHA512", false},
	[SIG_RSA_PSS_SHA256] = {pss_256, sizeof(pss_256), EVP_PKEY_RSA, HASH_SHA2_256, "SHA256", true},
	[SIG_RSA_PSS_SHA384] = {pss_384, sizeof(pss_384), EVP_PKEY_RSA, HASH_SHA2_384, "SHA384", true},
	[SIG_RSA_PSS_SHA512] = {pss_512, sizeof(pss_512), EVP_PKEY_RSA, HASH_SHA2_512, "SHA512", true},
	[SIG_RSA_PKCS1_SHA256] = {pkcs1_256, sizeof(pkcs1_256), EVP_PKEY_RSA, HASH_SHA2_256, "SHA256", false},
	[SIG_RSA_PKCS1_SHA384] = {pkcs1_384, sizeof(pkcs1_384), EVP_PKEY_RSA, HASH_SHA2_384, "SHA384", false},
	[SIG_RSA_PKCS1_SHA512] = {pkcs1_512, sizeof(pkcs1_512), EVP_PKEY_RSA, HASH_SHA2_512, "SHA512", false},
};
#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

struct chunk sig_scheme_der(enum sig_scheme scheme)
{
	return (struct chunk){schemes[scheme].der, schemes[scheme].size};
}

enum sig_scheme sig_scheme_of(const uint8_t *der, size_t size)
{
	for (unsigned i = SIG_NONE + 1; i < SCHEMES; i++)
		if (schemes[i].size == size && memcmp(schemes[i].der, der, size) == 0)
			return (enum sig_scheme)i;
	return SIG_NONE;
}

unsigned sig_scheme_hash(enum sig_scheme scheme)
{
	return schemes[scheme].hash;
}

int sig_scheme_key_type(enum sig_scheme scheme)
{
	return schemes[scheme].key_type;
}

/* The salt of PSS is as long as the hash, as the AlgorithmIdentifier says. */
static bool set_padding(EVP_PKEY_CTX *ctx, const struct scheme *s)
{
	if (s->key_type != EVP_PKEY_RSA)
		return true;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, s->pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1)
		return false;
	return !s->pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

int sig_sign(EVP_PKEY *key, enum sig_scheme scheme, const uint8_t *octets, size_t octets_size, uint8_t *out,
	     size_t *size)
{
	const struct scheme *s = &schemes[scheme];
	EVP_PKEY_CTX *pkey = NULL;
	EVP_MD_CTX *ctx;
	bool ok;

	if (scheme == SIG_NONE || EVP_PKEY_get_base_id(key) != s->key_type)
		return -EINVAL;
	ctx = EVP_MD_CTX_new();
	ok = ctx && EVP_DigestSignInit_ex(ctx, &pkey, s->digest, NULL, NULL, key, NULL) == 1 && set_padding(pkey, s) &&
	     EVP_DigestSign(ctx, out, size, octets, octets_size) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

bool sig_verify(EVP_PKEY *key, enum sig_scheme scheme, const uint8_t *octets, size_t octets_size,
		const uint8_t *signature, size_t size)
{
	const struct scheme *s = &schemes[scheme];
	EVP_PKEY_CTX *pkey = NULL;
	EVP_MD_CTX *ctx;
	bool ok;

	if (scheme == SIG_NONE || EVP_PKEY_get_base_id(key) != s->key_type)
		return false;
	ctx = EVP_MD_CTX_new();
	ok = ctx && EVP_DigestVerifyInit_ex(ctx, &pkey, s->digest, NULL, NULL, key, NULL) == 1 &&
	     set_padding(pkey, s) && EVP_DigestVerify(ctx, signature, size, octets, octets_size) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}
