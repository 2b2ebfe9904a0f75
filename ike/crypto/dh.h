/* SPDX-License-Identifier: BSD-2-Clause */
/* Diffie-Hellman group 20, ECP-384: RFC 5903. */
#ifndef IKE_CRYPTO_DH_H
#define IKE_CRYPTO_DH_H

#include <openssl/evp.h>
#include <stdint.h>

/* x | y, each padded to 48 bytes; the shared secret is x alone (RFC 5903 section 7). */
#define DH_PUBLIC_SIZE 96
#define DH_SECRET_SIZE 48

struct dh {
	EVP_PKEY *key; /* NULL: none */
	uint8_t public[DH_PUBLIC_SIZE];
};

/* A fresh key pair. 0 or -EIO. */
int dh_generate(struct dh *dh);

/* The shared secret with the peer's public value, which must be a point of the curve. 0, -EINVAL (not a point), -EIO.
 */
int dh_derive(const struct dh *dh, const uint8_t peer[DH_PUBLIC_SIZE], uint8_t secret[DH_SECRET_SIZE]);

/* Wipes and frees. Safe on a zeroed struct. */
void dh_free(struct dh *dh);

#endif
