/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stateless cookies, RFC 7296 section 2.6: <version of secret> | HMAC(secret, Ni | address and port of the peer |
 * SPIi). A cookie shows that who sends it receives at its address, and nothing is kept until then. The secret is made
 * anew every minute; a cookie of the secret before is still good.
 */
#ifndef IKE_ENGINE_COOKIE_H
#define IKE_ENGINE_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COOKIE_SECRET_SIZE    32
#define COOKIE_SIZE	      (4 + 32)
#define COOKIE_SECRET_LIFE_MS 60000

struct cookie_jar {
	uint32_t version; /* of secrets[version & 1] */
	uint64_t made_ms;
	uint8_t secrets[2][COOKIE_SECRET_SIZE];
	void (*random)(void *arg, void *out, size_t size);
	void *arg;
};

/* What a cookie is good for: this IKE_SA_INIT, from this address. */
struct cookie_input {
	const uint8_t *nonce;
	size_t nonce_size;
	uint8_t addr[4];
	uint16_t port;
	uint64_t spi_i;
};

/* The caller has set random and arg. */
void cookie_init(struct cookie_jar *jar, uint64_t now_ms);
void cookie_make(struct cookie_jar *jar, uint64_t now_ms, const struct cookie_input *in, uint8_t out[COOKIE_SIZE]);
/* Compares in constant time. */
bool cookie_check(struct cookie_jar *jar, uint64_t now_ms, const struct cookie_input *in, const uint8_t *cookie,
		  size_t size);

#endif
