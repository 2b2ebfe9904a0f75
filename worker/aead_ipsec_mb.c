/* SPDX-License-Identifier: BSD-2-Clause */
/* AES-256-GCM by Intel's multi-buffer library, through its direct calls: they are as fast as jobs for one cipher. */
#ifdef HAVE_IPSEC_MB
#include "aead.h"

#include <errno.h>
#include <intel-ipsec-mb.h>
#include <string.h>

#include "prefetch.h"

#define KEYS_SIZE   sizeof(((struct gcm_key_data *)0)->expanded_keys)
#define POWERS_SIZE (2 * CACHE_LINE)

/* Function pointers for this CPU; read only after init. */
static IMB_MGR *mgr;

struct mb_ctx {
	struct gcm_key_data key;
} __attribute__((aligned(64)));

/* Without these two the library falls back to emulating them, slower than OpenSSL. */
static bool available(void)
{
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
}

static int init(void)
{
	if (mgr)
		return 0;
	mgr = alloc_mb_mgr(0);
	if (!mgr)
		return -ENOMEM;
	init_mb_mgr_auto(mgr, NULL);
	if (imb_get_errno(mgr) == 0)
		return 0;
	free_mb_mgr(mgr);
	mgr = NULL;
	return -ENOTSUP;
}

static int expand(void *ctx, const uint8_t key[AEAD_KEY_SIZE])
{
	IMB_AES256_GCM_PRE(mgr, key, ctx);
	return 0;
}

static void wipe(void *ctx)
{
	explicit_bzero(ctx, sizeof(struct mb_ctx));
}

static void seal(void *ctx, const uint8_t iv[AEAD_IV_SIZE], const uint8_t *aad, size_t aad_len, uint8_t *out,
		 const uint8_t *in, size_t len, uint8_t tag[AEAD_TAG_SIZE])
{
	struct gcm_context_data scratch;

	IMB_AES256_GCM_ENC(mgr, ctx, &scratch, out, in, len, iv, aad, aad_len, tag, AEAD_TAG_SIZE);
}

static bool tags_equal(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static bool open(void *ctx, const uint8_t iv[AEAD_IV_SIZE], const uint8_t *aad, size_t aad_len, uint8_t *out,
		 const uint8_t *in, size_t len, const uint8_t tag[AEAD_TAG_SIZE])
{
	struct gcm_context_data scratch;
	uint8_t computed[AEAD_TAG_SIZE];

	IMB_AES256_GCM_DEC(mgr, ctx, &scratch, out, in, len, iv, aad, aad_len, computed, sizeof(computed));
	return tags_equal(computed, tag);
}

/* Round keys are at the beginning, the lowest powers of the hash key, all that few blocks take, at the end. */
static void prefetch(const void *ctx)
{
	const uint8_t *key = ctx;

	prefetch_lines(key, KEYS_SIZE);
	prefetch_lines(key + sizeof(struct gcm_key_data) - POWERS_SIZE, POWERS_SIZE);
}

static void seal_all(const struct aead_call *calls, uint32_t n)
{
	const aes_gcm_enc_dec_t encrypt = mgr->gcm256_enc;
	struct gcm_context_data scratch;

	for (const struct aead_call *c = calls; c < calls + n; c++)
		encrypt(c->ctx, &scratch, c->out, c->in, c->len, c->iv, c->aad, c->aad_len, c->tag, AEAD_TAG_SIZE);
}

static void open_all(struct aead_call *calls, uint32_t n)
{
	const aes_gcm_enc_dec_t decrypt = mgr->gcm256_dec;
	struct gcm_context_data scratch;
	uint8_t computed[AEAD_TAG_SIZE];

	for (struct aead_call *c = calls; c < calls + n; c++) {
		decrypt(c->ctx, &scratch, c->out, c->in, c->len, c->iv, c->aad, c->aad_len, computed, AEAD_TAG_SIZE);
		c->right = tags_equal(computed, c->tag);
	}
}

const struct aead aead_ipsec_mb = {
	.name = "ipsec-mb",
	.ctx_size = sizeof(struct mb_ctx),
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
#endif
