/* SPDX-License-Identifier: BSD-2-Clause */
/* AES-256-GCM by OpenSSL 3: on every CPU. */
#include "aead.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "packet/prefetch.h"

/* Fetched once: fetching reads files, which the worker may not do later. */
static EVP_CIPHER *cipher;

/* OpenSSL keeps the expanded key in its own memory, and clears it when it frees it. */
struct openssl_ctx {
	EVP_CIPHER_CTX *evp;
} __attribute__((aligned(64)));

static bool available(void)
{
	return true;
}

static int init(void)
{
	if (!cipher)
		cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	return cipher ? 0 : -ENOTSUP;
}

static void wipe(void *ctx)
{
	struct openssl_ctx *c = ctx;

	EVP_CIPHER_CTX_free(c->evp);
	c->evp = NULL;
}

static int expand(void *ctx, const uint8_t key[AEAD_KEY_SIZE])
{
	struct openssl_ctx *c = ctx;

	c->evp = EVP_CIPHER_CTX_new();
	if (c->evp && EVP_EncryptInit_ex2(c->evp, cipher, key, NULL, NULL))
		return 0;
	wipe(ctx);
	return -ENOMEM;
}

/* One context does both directions: in GCM they share the key schedule. */
static bool run(EVP_CIPHER_CTX *evp, int encrypt, const uint8_t *iv, const uint8_t *aad, size_t aad_len, uint8_t *out,
		const uint8_t *in, size_t len)
{
	int n;

	return EVP_CipherInit_ex2(evp, NULL, NULL, iv, encrypt, NULL) &&
	       (aad_len == 0 || EVP_CipherUpdate(evp, NULL, &n, aad, (int)aad_len)) &&
	       (len == 0 || EVP_CipherUpdate(evp, out, &n, in, (int)len));
}

static void seal(void *ctx, const uint8_t iv[AEAD_IV_SIZE], const uint8_t *aad, size_t aad_len, uint8_t *out,
		 const uint8_t *in, size_t len, uint8_t tag[AEAD_TAG_SIZE])
{
	EVP_CIPHER_CTX *evp = ((struct openssl_ctx *)ctx)->evp;
	int n;

	if (run(evp, 1, iv, aad, aad_len, out, in, len) && EVP_CipherFinal_ex(evp, tag, &n) &&
	    EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, tag))
		return;
	/* Whatever failed, out may still be cleartext, and the caller is about to send it. */
	memset(out, 0, len);
	memset(tag, 0, AEAD_TAG_SIZE);
}

static bool open(void *ctx, const uint8_t iv[AEAD_IV_SIZE], const uint8_t *aad, size_t aad_len, uint8_t *out,
		 const uint8_t *in, size_t len, const uint8_t tag[AEAD_TAG_SIZE])
{
	EVP_CIPHER_CTX *evp = ((struct openssl_ctx *)ctx)->evp;
	uint8_t none[AEAD_TAG_SIZE];
	int n;

	return run(evp, 0, iv, aad, aad_len, out, in, len) &&
	       EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, (void *)tag) &&
	       EVP_CipherFinal_ex(evp, none, &n) > 0;
}

/* The key is in OpenSSL's own memory, and who knows where. */
static void prefetch(const void *ctx, size_t len)
{
	(void)len;
	prefetch_line(ctx);
}

static void seal_all(const struct aead_call *calls, uint32_t n)
{
	for (const struct aead_call *c = calls; c < calls + n; c++)
		seal(c->ctx, c->iv, c->aad, c->aad_len, c->out, c->in, c->len, c->tag);
}

static void open_all(struct aead_call *calls, uint32_t n)
{
	for (struct aead_call *c = calls; c < calls + n; c++)
		/* NOLINTNEXTLINE(clang-analyzer-unix.API): not the system's */
		c->right = open(c->ctx, c->iv, c->aad, c->aad_len, c->out, c->in, c->len, c->tag);
}

const struct aead aead_openssl = {
	.name = "openssl",
	.ctx_size = sizeof(struct openssl_ctx),
	.available = available,
	.init = init,
	.expand = expand,
	.wipe = wipe,
	.seal = seal,
	.open = open,
	.prefetch = prefetch,
	.seal_all = seal_all,
	.open_all = open_all,
};
