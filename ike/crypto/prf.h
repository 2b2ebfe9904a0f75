/* SPDX-License-Identifier: BSD-2-Clause */
/* The pseudorandom function, HMAC-SHA2 (RFC 4868), and prf+ (RFC 7296 section 2.13). */
#ifndef IKE_CRYPTO_PRF_H
#define IKE_CRYPTO_PRF_H

#include <stddef.h>
#include <stdint.h>

#define PRF_SIZE_MAX 64

/* A piece of what goes into a hash: concatenated in order. */
struct chunk {
	const void *data;
	size_t size;
};
#define CHUNK(object) ((struct chunk){&(object), sizeof(object)})

/* Output (and preferred key) size of PRF_HMAC_SHA2_*: 32, 48 or 64; 0 for one we don't have. */
size_t prf_size(uint16_t prf);

/* out: prf_size bytes. 0, or -EIO if the library fails. */
int prf_compute(uint16_t prf, struct chunk key, const struct chunk *in, size_t n, uint8_t *out);

/* prf+(key, in): size bytes, at most 255 blocks. 0 or -EIO. */
int prf_plus(uint16_t prf, struct chunk key, const struct chunk *in, size_t n, uint8_t *out, size_t size);

/* What is used keeps its last key until it has another: from here on no more. To be called when a key ends. */
void prf_forget(void);

#endif
