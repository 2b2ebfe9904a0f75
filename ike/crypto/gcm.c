/* SPDX-License-Identifier: BSD-2-Clause */
#include "gcm.h"

#include <openssl/evp.h>
#include <string.h>

/* Fetching an algorithm takes microseconds, using it hardly one; the process has one thread. */
static EVP_CIPHER_CTX *ctx;

static EVP_CIPHER_CTX *context(void)
{
	static EVP_CIPHER *cipher;

	if (!cipher)
		cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (!ctx && cipher) {
		ctx = EVP_CIPHER_CTX_new();
		if (ctx && !EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, 1, NULL)) {
			EVP_CIPHER_CTX_free(ctx);
			ctx = NULL;
		}
	}
	return ctx;
}

void gcm_forget(void)
{
	static const uint8_t none[SK_KEY_SIZE];

	if (ctx)
		EVP_CipherInit_ex2(ctx, NULL, none, NULL, 1, NULL);
}

/* Salt and IV are the nonce (RFC 5282 section 4). */
static bool begin(const struct sk_key *key, const uint8_t iv[SK_IV_SIZE], int seal, const uint8_t *aad, size_t aad_size)
{
	uint8_t nonce[SK_SALT_SIZE + SK_IV_SIZE];
	int n;

	memcpy(nonce, key->salt, SK_SALT_SIZE);
	memcpy(nonce + SK_SALT_SIZE, iv, SK_IV_SIZE);
	return context() && EVP_CipherInit_ex2(ctx, NULL, key->key, nonce, seal, NULL) &&
	       EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_size);
}

bool gcm_seal(const struct sk_key *key, const uint8_t iv[SK_IV_SIZE], const uint8_t *aad, size_t aad_size,
	      const uint8_t *plain, size_t size, uint8_t *out)
{
	int n;

	return begin(key, iv, 1, aad, aad_size) && EVP_CipherUpdate(ctx, out, &n, plain, (int)size) &&
	       EVP_CipherFinal_ex(ctx, out + size, &n) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SK_ICV_SIZE, out + size) == 1;
}

bool gcm_open(const struct sk_key *key, const uint8_t iv[SK_IV_SIZE], const uint8_t *aad, size_t aad_size,
	      const uint8_t *in, size_t size, uint8_t *out)
{
	uint8_t icv[SK_ICV_SIZE];
	int n;

	memcpy(icv, in + size, SK_ICV_SIZE);
	return begin(key, iv, 0, aad, aad_size) && EVP_CipherUpdate(ctx, out, &n, in, (int)size) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SK_ICV_SIZE, icv) == 1 &&
	       EVP_CipherFinal_ex(ctx, out + size, &n) == 1;
}
