/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring of keys, and octets such as AUTH is over. For tests with cmocka. */
#ifndef TESTS_IKE_RING_H
#define TESTS_IKE_RING_H

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keyholder/keyholder.h"
#include "octets.h"
#include "pki.h"

#define PSK 1
#define KEY 2
#define PPK 3

/* With nonce and MAC of PRF_HMAC_SHA2_384. */
#define TAIL (OCTETS_NONCE_SIZE + 48)

static uint8_t octets[OCTETS_MESSAGE_SIZE + TAIL];

/* A private key as its file has it; the caller's to free. */
static inline char *private_pem(const char *kind, EVP_PKEY **key)
{
	EVP_PKEY *made = strcmp(kind, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384")
						 : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(kind));
	char *pem = pki_pem(NULL, made);

	if (key)
		*key = made;
	else
		EVP_PKEY_free(made);
	return pem;
}

static struct keyring *ring;

static inline int setup(void **state)
{
	(void)state;
	octets_make(octets, false, TAIL);
	ring = keyring_new();
	return ring ? 0 : -1;
}

static inline int teardown(void **state)
{
	(void)state;
	keyring_free(ring);
	return 0;
}

#endif
