/* SPDX-License-Identifier: BSD-2-Clause */
/* The signatures of RFC 7427: their AlgorithmIdentifiers on the wire, and how OpenSSL makes and checks them. */
#ifndef IKE_CRYPTO_SIG_SCHEME_H
#define IKE_CRYPTO_SIG_SCHEME_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "prf.h"

/* What a private key can sign, in no order of preference. */
enum sig_scheme {
	SIG_NONE,
	SIG_ECDSA_SHA256,
	SIG_ECDSA_SHA384,
	SIG_ECDSA_SHA512,
	SIG_RSA_PSS_SHA256,
	SIG_RSA_PSS_SHA384,
	SIG_RSA_PSS_SHA512,
	SIG_RSA_PKCS1_SHA256,
	SIG_RSA_PKCS1_SHA384,
	SIG_RSA_PKCS1_SHA512,
};

/* The AlgorithmIdentifier in DER; size 0: none. */
struct chunk sig_scheme_der(enum sig_scheme scheme);

/* The scheme of an AlgorithmIdentifier, byte by byte; SIG_NONE: not one of ours. */
enum sig_scheme sig_scheme_of(const uint8_t *der, size_t size);

/* enum hash_algorithm; EVP_PKEY_EC or EVP_PKEY_RSA. */
unsigned sig_scheme_hash(enum sig_scheme scheme);
int sig_scheme_key_type(enum sig_scheme scheme);

/* ECDSA signatures are DER of r and s. 0 or -EIO (-EINVAL: the key is of another type). *size: room, then size. */
int sig_sign(EVP_PKEY *key, enum sig_scheme scheme, const uint8_t *octets, size_t octets_size, uint8_t *out,
	     size_t *size);
bool sig_verify(EVP_PKEY *key, enum sig_scheme scheme, const uint8_t *octets, size_t octets_size,
		const uint8_t *signature, size_t size);

#endif
