/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cipher that is none, in place of worker/aead*.c: sealing copies, opening takes everything for right. What hosts do
 * with a worker of these is what no cipher, however quick, could pass. For the bench alone: it protects nothing.
 */
#include "esp/aead.h"

#include <string.h>

static bool available(void)
{
	return true;
}

static int init(void)
{
	return 0;
}

static int expand(void *ctx, const uint8_t key[AEAD_KEY_SIZE])
{
	(void)ctx, (void)key;
	return 0;
}

static void wipe(void *ctx)
{
	(void)ctx;
}

static void take(uint8_t *out, const uint8_t *in, size_t len)
{
	if (out != in)
		memcpy(out, in, len);
}

static void seal(void *ctx, const uint8_t iv[AEAD_IV_SIZE], const uint8_t *aad, size_t aad_len, uint8_t *out,
		 const uint8_t *in, size_t len, uint8_t tag[AEAD_TAG_SIZE])
{
	(void)ctx, (void)iv, (void)aad, (void)aad_len;
	take(out, in, len);
	memset(tag, 0, AEAD_TAG_SIZE);
}

static bool open(void *ctx, const uint8_t iv[AEAD_IV_SIZE], const uint8_t *aad, size_t aad_len, uint8_t *out,
		 const uint8_t *in, size_t len, const uint8_t tag[AEAD_TAG_SIZE])
{
	(void)ctx, (void)iv, (void)aad, (void)aad_len, (void)tag;
	take(out, in, len);
	return true;
}

static void prefetch(const void *ctx, size_t len)
{
	(void)ctx, (void)len;
}

static void seal_all(const struct aead_call *calls, uint32_t n)
{
	for (const struct aead_call *c = calls; c < calls + n; c++)
		seal(c->ctx, c->iv, c->aad, c->aad_len, c->out, c->in, c->len, c->tag);
}

static void open_all(struct aead_call *calls, uint32_t n)
{
	for (struct aead_call *c = calls; c < calls + n; c++)
		c->right = open(c->ctx, c->iv, c->aad, c->aad_len, c->out, c->in, c->len, c->tag);
}

static const struct aead none = {
	.name = "none",
	.ctx_size = 64,
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

const struct aead *aead_select(const char *name, struct fault *f)
{
	(void)name, (void)f;
	return &none;
}
