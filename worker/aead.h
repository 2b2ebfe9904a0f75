/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-256-GCM with a 16-byte ICV (RFC 4106), behind one small interface: Intel's
 * multi-buffer library where the CPU has the instructions, OpenSSL elsewhere.
 */
#ifndef WORKER_AEAD_H
#define WORKER_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/fault.h"

#define AEAD_KEY_SIZE 32
#define AEAD_IV_SIZE  12
#define AEAD_TAG_SIZE 16

/*
 * A backend. The caller supplies ctx: ctx_size bytes, 64-byte aligned, zeroed,
 * in memory that is neither swapped nor dumped, for it will hold the key.
 *
 * seal and open allocate nothing and make no system call. A context is used by
 * one thread at a time.
 */
struct aead {
	const char *name;
	size_t ctx_size; /* bytes, a multiple of 64 */

	/* Whether this CPU can run it well. */
	bool (*available)(void);

	/* Once per process, before any other. 0 or -errno. */
	int (*init)(void);

	/* Expands a key into ctx, which must be zeroed or wiped. 0 or -errno. May allocate. */
	int (*expand)(void *ctx, const uint8_t key[AEAD_KEY_SIZE]);

	/* Forgets the key and leaves ctx all zero. Safe on a zeroed ctx. */
	void (*wipe)(void *ctx);

	/* Encrypts len bytes of in to out (the same place or disjoint) and makes the tag. */
	void (*seal)(void *ctx, const uint8_t iv[AEAD_IV_SIZE], const uint8_t *aad, size_t aad_len, uint8_t *out,
		     const uint8_t *in, size_t len, uint8_t tag[AEAD_TAG_SIZE]);

	/*
	 * Decrypts len bytes of in to out (the same place or disjoint). False if the tag is wrong, told in constant
	 * time; out is undefined then and must not be looked at.
	 */
	bool (*open)(void *ctx, const uint8_t iv[AEAD_IV_SIZE], const uint8_t *aad, size_t aad_len, uint8_t *out,
		     const uint8_t *in, size_t len, const uint8_t tag[AEAD_TAG_SIZE]);
};

#ifdef HAVE_IPSEC_MB
extern const struct aead aead_ipsec_mb;
#endif
extern const struct aead aead_openssl;

/*
 * The backend of that name, or for "auto" the fastest this machine has, after
 * init and a self test. NULL, with the line for people in f, if the name is
 * unknown, the backend is not available here, or it fails its test.
 */
const struct aead *aead_select(const char *name, struct fault *f);

#endif
