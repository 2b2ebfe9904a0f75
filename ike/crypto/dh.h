/* SPDX-License-Identifier: BSD-2-Clause */
/* Diffie-Hellman group 20, ECP-384: RFC 5903. */
#ifndef IKE_CRYPTO_DH_H
#define IKE_CRYPTO_DH_H

#include <stdbool.h>
#include <stdint.h>

/* x | y, each padded to 48 bytes; the shared secret is x alone (RFC 5903 section 7). */
#define DH_PUBLIC_SIZE	96
#define DH_PRIVATE_SIZE 48
#define DH_SECRET_SIZE	48

/* Bytes alone, so that a key pair can be made in one process and used in another. Zeroed: none. */
struct dh {
	bool there;
	uint8_t private[DH_PRIVATE_SIZE];
	uint8_t public[DH_PUBLIC_SIZE];
};

/* A fresh key pair. 0 or -EIO. */
int dh_generate(struct dh *dh);

/* The shared secret with the peer's public value, which must be a point of the curve. 0, -EINVAL (not a point), -EIO.
 */
int dh_derive(const struct dh *dh, const uint8_t peer[DH_PUBLIC_SIZE], uint8_t secret[DH_SECRET_SIZE]);

/* There is none any more. */
void dh_wipe(struct dh *dh);

#endif
