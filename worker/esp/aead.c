/* SPDX-License-Identifier: BSD-2-Clause */
/* Choosing a backend, and trying it before any packet is trusted to it. */
#include "aead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In the order of "auto". */
static const struct aead *const backends[] = {
#ifdef HAVE_IPSEC_MB
	&aead_ipsec_mb,
#endif
	&aead_openssl,
};
#define BACKENDS (sizeof(backends) / sizeof(backends[0]))

/* McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16. */
static const struct {
	uint8_t key[AEAD_KEY_SIZE];
	uint8_t iv[AEAD_IV_SIZE];
	uint8_t aad[20];
	uint8_t clear[60];
	uint8_t sealed[60];
	uint8_t tag[AEAD_TAG_SIZE];
} vector = {
	.key = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
		0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08},
	.iv = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88},
	.aad = {0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
		0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2},
	.clear = {0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26,
		  0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31,
		  0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49,
		  0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39},
	.sealed = {0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3, 0x2a, 0x84, 0x42,
		   0x7d, 0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5, 0xc0, 0xc9, 0x75, 0x98, 0xa2, 0xbd, 0x25, 0x55,
		   0xd1, 0xaa, 0x8c, 0xb0, 0x8e, 0x48, 0x59, 0x0d, 0xbb, 0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56,
		   0x82, 0x88, 0x38, 0xc5, 0xf6, 0x1e, 0x63, 0x93, 0xba, 0x7a, 0x0a, 0xbc, 0xc9, 0xf6, 0x62},
	.tag = {0x76, 0xfc, 0x6e, 0xce, 0x0f, 0x4e, 0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b},
};

static bool seals_right(const struct aead *a, void *ctx)
{
	uint8_t out[sizeof(vector.clear)], tag[AEAD_TAG_SIZE];

	a->seal(ctx, vector.iv, vector.aad, sizeof(vector.aad), out, vector.clear, sizeof(out), tag);
	return memcmp(out, vector.sealed, sizeof(out)) == 0 && memcmp(tag, vector.tag, sizeof(tag)) == 0;
}

static bool opens_right(const struct aead *a, void *ctx)
{
	uint8_t out[sizeof(vector.clear)], tag[AEAD_TAG_SIZE];
	const size_t n = sizeof(out), aad_len = sizeof(vector.aad);

	memcpy(tag, vector.tag, sizeof(tag));
	if (!a->open(ctx, vector.iv, vector.aad, aad_len, out, vector.sealed, n, tag) ||
	    memcmp(out, vector.clear, n) != 0)
		return false;
	tag[AEAD_TAG_SIZE - 1] ^= 1;
	return !a->open(ctx, vector.iv, vector.aad, aad_len, out, vector.sealed, n, tag);
}

static int self_test(const struct aead *a, struct fault *f)
{
	void *ctx = aligned_alloc(64, a->ctx_size);
	int err;

	if (!ctx)
		return fault(f, ENOMEM, "AEAD %s: out of memory", a->name);
	memset(ctx, 0, a->ctx_size);
	err = a->expand(ctx, vector.key);
	if (err)
		fault(f, -err, "AEAD %s: takes no key: %s", a->name, strerror(-err));
	else if (!seals_right(a, ctx) || !opens_right(a, ctx))
		err = fault(f, EBADMSG, "AEAD %s: fails its self test on this CPU: use another with --aead", a->name);
	a->wipe(ctx);
	free(ctx);
	return err;
}

static const struct aead *find(const char *name, struct fault *f)
{
	const bool any = strcmp(name, "auto") == 0;

	for (size_t i = 0; i < BACKENDS; i++) {
		if (!any && strcmp(name, backends[i]->name) != 0)
			continue;
		if (backends[i]->available())
			return backends[i];
		if (!any) {
			fault(f, ENOTSUP, "AEAD %s: this CPU lacks its instructions: use 'auto' or 'openssl'", name);
			return NULL;
		}
	}
	fault(f, EINVAL, "AEAD '%.40s': unknown, or not built in: use 'auto', 'ipsec-mb' or 'openssl'", name);
	return NULL;
}

const struct aead *aead_select(const char *name, struct fault *f)
{
	const struct aead *a = find(name, f);
	int err;

	if (!a)
		return NULL;
	err = a->init();
	if (err) {
		fault(f, -err, "AEAD %s: does not start: %s", a->name, strerror(-err));
		return NULL;
	}
	return self_test(a, f) ? NULL : a;
}
