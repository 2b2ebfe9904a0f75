/* SPDX-License-Identifier: BSD-2-Clause */
#include "prf.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "wire/wire.h"

size_t prf_size(uint16_t prf)
{
	switch (prf) {
	case PRF_HMAC_SHA2_256:
		return 32;
	case PRF_HMAC_SHA2_384:
		return 48;
	case PRF_HMAC_SHA2_512:
		return 64;
	}
	return 0;
}

/* One for each hash, made at first use: fetching costs more than hashing. The process has one thread. */
static EVP_MAC_CTX *contexts[3];

static EVP_MAC_CTX *context(uint16_t prf)
{
	static const char *const names[] = {"SHA256", "SHA384", "SHA512"};
	const unsigned i = prf - PRF_HMAC_SHA2_256;
	OSSL_PARAM params[2];
	EVP_MAC *mac;

	if (i >= 3 || contexts[i])
		return i < 3 ? contexts[i] : NULL;
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	contexts[i] = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)names[i], 0);
	params[1] = OSSL_PARAM_construct_end();
	if (contexts[i] && !EVP_MAC_CTX_set_params(contexts[i], params)) {
		EVP_MAC_CTX_free(contexts[i]);
		contexts[i] = NULL;
	}
	return contexts[i];
}

/* A key of no bytes is allowed by HMAC, but a NULL one means "the key before" to the library. */
static const uint8_t empty[1];

void prf_forget(void)
{
	for (unsigned i = 0; i < 3; i++)
		if (contexts[i])
			EVP_MAC_init(contexts[i], empty, 0, NULL);
}

int prf_compute(uint16_t prf, struct chunk key, const struct chunk *in, size_t n, uint8_t *out)
{
	EVP_MAC_CTX *ctx = context(prf);
	size_t size;

	if (!ctx || !EVP_MAC_init(ctx, key.size ? key.data : empty, key.size, NULL))
		return -EIO;
	for (size_t i = 0; i < n; i++)
		if (in[i].size && !EVP_MAC_update(ctx, in[i].data, in[i].size))
			return -EIO;
	return EVP_MAC_final(ctx, out, &size, PRF_SIZE_MAX) ? 0 : -EIO;
}

/* T1 = prf(K, S | 1), Tn = prf(K, Tn-1 | S | n) */
int prf_plus(uint16_t prf, struct chunk key, const struct chunk *in, size_t n, uint8_t *out, size_t size)
{
	const size_t block = prf_size(prf);
	uint8_t t[PRF_SIZE_MAX], counter = 0;
	struct chunk parts[8];
	int err = 0;

	if (!block || n > 6 || size > 255 * block)
		return -EIO;
	for (size_t i = 0; i < n; i++)
		parts[1 + i] = in[i];
	parts[n + 1] = CHUNK(counter);
	for (size_t done = 0; done < size && !err; done += block) {
		parts[0] = (struct chunk){t, counter ? block : 0};
		counter++;
		err = prf_compute(prf, key, parts, n + 2, t);
		memcpy(out + done, t, size - done < block ? size - done : block);
	}
	explicit_bzero(t, sizeof(t));
	return err;
}
