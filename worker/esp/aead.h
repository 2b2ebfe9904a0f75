/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-256-GCM with a 16-byte ICV (RFC 4106), behind one small interface: Intel's
 * multi-buffer library where the CPU has the instructions, OpenSSL elsewhere.
 */
#ifndef WORKER_ESP_AEAD_H
#define WORKER_ESP_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/fault.h"

#define AEAD_KEY_SIZE 32
#define AEAD_IV_SIZE  12
#define AEAD_TAG_SIZE 16

/* How many calls ahead contexts are asked for: memory answers after four or five of the shortest. */
#define AEAD_AHEAD 8

/* A packet's call of the cipher, for calls that are made together. Sizes are bytes. */
struct aead_call {
	uint8_t iv[16];	 /* AEAD_IV_SIZE bytes are used */
	uint8_t aad[16]; /* aad_len bytes are used */
	void *ctx;
	const uint8_t *in;
	uint8_t *out; /* the same place as in, or disjoint */
	uint8_t *tag; /* written by seal_all, compared by open_all */
	uint32_t len;
	uint32_t aad_len;
	bool right; /* open_all's answer: the tag is */
};

/*
 * A backend: one implementation of the cipher. Sizes are bytes.
 *
 * A context (ctx) is the caller's memory: ctx_size bytes, aligned to 64, zeroed before its first use, and neither
 * swapped nor dumped, because the expanded key is in it. One thread at a time uses a context. seal and open allocate
 * nothing and make no system call, since they run once per packet in a worker whose system calls are few.
 */
struct aead {
	const char *name; /* as --aead and status have it */
	size_t ctx_size;  /* a multiple of 64 */

	/* Whether this CPU has the instructions that make the backend fast. */
	bool (*available)(void);

	/* Called once per process, before any other function of the backend. 0 or -errno. */
	int (*init)(void);

	/* Expands a key into a context that is zeroed or wiped. The key stays the caller's to wipe. May allocate. 0 or
	 * -errno. */
	int (*expand)(void *ctx, const uint8_t key[AEAD_KEY_SIZE]);

	/* Forgets the key: the context is all zero afterwards. Safe on a zeroed context. */
	void (*wipe)(void *ctx);

	/* Encrypts len bytes from in to out (the same place or disjoint), and writes the tag over them and the AAD. A
	 * nonce (iv) must never come twice with one key. */
	void (*seal)(void *ctx, const uint8_t iv[AEAD_IV_SIZE], const uint8_t *aad, size_t aad_len, uint8_t *out,
		     const uint8_t *in, size_t len, uint8_t tag[AEAD_TAG_SIZE]);

	/*
	 * Decrypts len bytes from in to out (the same place or disjoint). False if the tag is wrong; tags are compared
	 * in constant time. After false the content of out is undefined, and nobody may look at it.
	 */
	bool (*open)(void *ctx, const uint8_t iv[AEAD_IV_SIZE], const uint8_t *aad, size_t aad_len, uint8_t *out,
		     const uint8_t *in, size_t len, const uint8_t tag[AEAD_TAG_SIZE]);

	/* Asks for what a call for len bytes reads of a context, which may be far away where SAs are many. */
	void (*prefetch)(const void *ctx, size_t len);

	/* seal and open for n packets, without what a call costs around the cipher. Each may ask for the context of
	 * the one that is AEAD_AHEAD behind it, so that the caller asks for the first ones' alone. */
	void (*seal_all)(const struct aead_call *calls, uint32_t n);
	void (*open_all)(struct aead_call *calls, uint32_t n);
};

#ifdef HAVE_IPSEC_MB
extern const struct aead aead_ipsec_mb;
#endif
extern const struct aead aead_openssl;

/*
 * The backend of that name, or for "auto" the fastest that this machine has; its init and a self test have succeeded.
 * NULL with a line for people in f: the name is unknown, the CPU lacks the instructions, or the self test failed.
 */
const struct aead *aead_select(const char *name, struct fault *f);

#endif
