/* SPDX-License-Identifier: BSD-2-Clause */
/* AES-256-GCM for the SK payload: one call seals or opens. */
#ifndef IKE_CRYPTO_GCM_H
#define IKE_CRYPTO_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_KEY_SIZE  32
#define SK_SALT_SIZE 4
#define SK_IV_SIZE   8
#define SK_ICV_SIZE  16

/* One direction. The IV is a counter, so no nonce repeats under a key. */
struct sk_key {
	uint8_t key[SK_KEY_SIZE];
	uint8_t salt[SK_SALT_SIZE];
	uint64_t iv; /* the last one used */
};

/* out: size bytes of ciphertext, then the ICV. False if the library fails. */
bool gcm_seal(const struct sk_key *key, const uint8_t iv[SK_IV_SIZE], const uint8_t *aad, size_t aad_size,
	      const uint8_t *plain, size_t size, uint8_t *out);

/* in: size bytes of ciphertext, then the ICV. False: not authentic; out is undefined then. */
bool gcm_open(const struct sk_key *key, const uint8_t iv[SK_IV_SIZE], const uint8_t *aad, size_t aad_size,
	      const uint8_t *in, size_t size, uint8_t *out);

/* What is used keeps its last key until it has another: from here on no more. To be called when a key ends. */
void gcm_forget(void);

#endif
