/* SPDX-License-Identifier: BSD-2-Clause */
/* AES-256-GCM by Intel's multi-buffer library, through its direct calls: they are as fast as jobs for one cipher. */
#ifdef HAVE_IPSEC_MB
#include "aead.h"

#include <errno.h>
#include <intel-ipsec-mb.h>
#include <string.h>

#include "packet/prefetch.h"

#define KEYS_SIZE    sizeof(((struct gcm_key_data *)0)->expanded_keys)
#define BLOCK_SIZE   16
#define BLOCKS_ASIDE 3 /* the AAD's, the lengths', and what a part of a block takes */

/* Function pointers for this CPU; read only after init. */
static IMB_MGR *mgr;

/* Where a key's powers end: round keys are followed by those powers of the hash key that this CPU's code takes. */
static size_t powers_end = sizeof(struct gcm_key_data);

struct mb_ctx {
	struct gcm_key_data key;
} __attribute__((aligned(64)));

/* Without these two the library falls back to emulating them, slower than OpenSSL. */
static bool available(void)
{
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
}

/* The library does not tell: with AVX-512 it makes 48 powers of the hash key, with less 8. */
static void find_powers(void)
{
	static const uint8_t key[AEAD_KEY_SIZE];
	struct mb_ctx ctx = {0};

	IMB_AES256_GCM_PRE(mgr, key, &ctx.key);
	for (powers_end = sizeof(ctx.key); powers_end > KEYS_SIZE; powers_end--)
		if (((const uint8_t *)&ctx.key)[powers_end - 1])
			break;
}

static int init(void)
{
	if (mgr)
		return 0;
	mgr = alloc_mb_mgr(0);
	if (!mgr)
		return -ENOMEM;
	init_mb_mgr_auto(mgr, NULL);
	if (imb_get_errno(mgr) == 0) {
		find_powers();
		return 0;
	}
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

/* Of many powers the lowest are at the end: a packet takes as many as it has blocks. A few are asked for all. */
static void prefetch(const void *ctx, size_t len)
{
	const uint8_t *key = ctx;
	const size_t least = KEYS_SIZE + CACHE_LINE;
	const size_t powers = (len / BLOCK_SIZE + BLOCKS_ASIDE) * BLOCK_SIZE;
	size_t from = powers_end > powers + least ? (powers_end - powers) & ~(size_t)(CACHE_LINE - 1) : 0;

	if (from)
		prefetch_lines_early(key, KEYS_SIZE);
	prefetch_lines_early(key + from, powers_end - from);
}

/* Calls with one context follow each other, and ask once. */
static inline void prefetch_context(const struct aead_call *c, const struct aead_call *end)
{
	if (end - c > AEAD_AHEAD && c[AEAD_AHEAD].ctx != c[AEAD_AHEAD - 1].ctx)
		prefetch(c[AEAD_AHEAD].ctx, c[AEAD_AHEAD].len);
}

static void seal_all(const struct aead_call *calls, uint32_t n)
{
	const aes_gcm_enc_dec_t encrypt = mgr->gcm256_enc;
	struct gcm_context_data scratch;

	for (const struct aead_call *c = calls; c < calls + n; c++) {
		prefetch_context(c, calls + n);
		encrypt(c->ctx, &scratch, c->out, c->in, c->len, c->iv, c->aad, c->aad_len, c->tag, AEAD_TAG_SIZE);
	}
}

static void open_all(struct aead_call *calls, uint32_t n)
{
	const aes_gcm_enc_dec_t decrypt = mgr->gcm256_dec;
	struct gcm_context_data scratch;
	uint8_t computed[AEAD_TAG_SIZE];

	for (struct aead_call *c = calls; c < calls + n; c++) {
		prefetch_context(c, calls + n);
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
