/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AUTH payload: RFC 7296 sections 2.15 and 3.8, RFC 7427 for signatures.
 *
 *   octets = RealMessage of IKE_SA_INIT | nonce of the other side | prf(SK_p, body of ID payload)
 *   PSK:        AUTH = prf(prf(PSK, "Key Pad for IKEv2"), octets)
 *   signature:  method 14: length | AlgorithmIdentifier | signature over octets; or method 10: r | s, 48 bytes each
 */
#ifndef IKE_IDENTITY_AUTH_H
#define IKE_IDENTITY_AUTH_H

#include <openssl/evp.h>

#include "lib/fault.h"
#include "keyholder/keyholder.h"
#include "wire/message.h"
#include "crypto/prf.h"

/* Bits of what a peer said in SIGNATURE_HASH_ALGORITHMS: 1 << enum hash_algorithm. 0: it said nothing, so RFC 7427 is
 * not to be used. */
typedef uint32_t hash_set;

struct auth_octets {
	uint8_t *data; /* malloc'd; wiped when freed */
	size_t size;
};

/* An AUTH payload: enum auth_method, and what proves it. */
struct auth {
	uint8_t method; /* 0: the payload is too short to say */
	struct chunk data;
};
struct auth auth_parse(const struct payload *p);

/* 0, -ENOMEM, -EIO. */
int auth_octets(struct auth_octets *out, uint16_t prf, struct chunk sk_p, struct chunk real_message, struct chunk nonce,
		struct chunk id_body);
void auth_octets_free(struct auth_octets *o);

/* Writes SIGNATURE_HASH_ALGORITHMS with SHA2-256, -384, -512, and reads it. */
void hash_algorithms_write(struct body *b);
hash_set hash_algorithms_parse(const struct notify *n);

/* Writes the AUTH payload with a PSK. 0 or -errno. */
int auth_write_psk(struct body *b, const struct keyholder_ops *keys, uint32_t key, uint16_t prf,
		   const struct auth_octets *octets);

/*
 * Writes the AUTH payload with a signature: key_type EVP_PKEY_EC or EVP_PKEY_RSA and its bits. With the peer's hashes:
 * method 14, the hash that fits the curve (P-384: SHA2-384 first), RSA as PSS. Without: method 10 for P-384, 9 for
 * P-256, refused for RSA (SHA-1 is not spoken here). 0 or -errno.
 */
int auth_write_signature(struct body *b, const struct keyholder_ops *keys, uint32_t key, int key_type, int bits,
			 hash_set peer, const struct auth_octets *octets);

/*
 * Checks the peer's AUTH. PSK: in constant time. Signature: any of RFC 7427's that we know, the AlgorithmIdentifier
 * must be one of them byte by byte (parameters included) and fit the key; SHA-1 is refused. 0; -EACCES if it is wrong,
 * with the reason in words ("the PSK is another", "signature by SHA-1, which is not taken", ...).
 */
int auth_check_psk(const struct auth *auth, const struct keyholder_ops *keys, uint32_t key, uint16_t prf,
		   const struct auth_octets *octets, struct fault *f);
int auth_check_signature(const struct auth *auth, EVP_PKEY *key, const struct auth_octets *octets, struct fault *f);

#endif
