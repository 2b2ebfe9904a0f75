/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * By the linker's --wrap: allocations that fail when it is their turn, and instead of
 * ECP-384, whose two multiplications on each side are nearly all that an exchange costs,
 * something that commutes and no more. Both are real in every other test.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/dh.h"
#include "life.h"

unsigned cheap_fail_in;
bool cheap_inside;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t size);
int __wrap_dh_generate(struct dh *dh);
int __wrap_dh_derive(const struct dh *dh, const uint8_t peer[DH_PUBLIC_SIZE], uint8_t secret[DH_SECRET_SIZE]);
void __wrap_dh_free(struct dh *dh);

static bool fails(void)
{
	return cheap_inside && cheap_fail_in && --cheap_fail_in == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *at, size_t size)
{
	return fails() ? NULL : __real_realloc(at, size);
}

/* The private value is one number, in memory that is missed if it is not freed. */
int __wrap_dh_generate(struct dh *dh)
{
	static uint64_t last;
	uint64_t *private = malloc(sizeof(*private));

	if (!private)
		return -EIO;
	*private = last = last * 6364136223846793005ULL + 1442695040888963407ULL;
	*private |= 1;
	dh->key = (EVP_PKEY *)(void *)private;
	memset(dh->public, 4, sizeof(dh->public));
	memcpy(dh->public, private, sizeof(*private));
	return 0;
}

int __wrap_dh_derive(const struct dh *dh, const uint8_t peer[DH_PUBLIC_SIZE], uint8_t secret[DH_SECRET_SIZE])
{
	uint64_t theirs, shared;

	if (!dh->key)
		return -EIO;
	memcpy(&theirs, peer, sizeof(theirs));
	shared = theirs * *(const uint64_t *)(const void *)dh->key;
	memset(secret, 7, DH_SECRET_SIZE);
	memcpy(secret, &shared, sizeof(shared));
	return 0;
}

void __wrap_dh_free(struct dh *dh)
{
	free(dh->key);
	dh->key = NULL;
}
