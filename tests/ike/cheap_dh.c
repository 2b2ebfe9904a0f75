/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instead of ECP-384, whose two multiplications on each side are nearly all that an exchange costs, something that
 * commutes and no more: by the linker's --wrap, in those tests that live thousands of lives. It is real in all others.
 */
#include "cheap_dh.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/dh.h"

#define FILLING 4

int __wrap_dh_generate(struct dh *dh);
int __wrap_dh_derive(const struct dh *dh, const uint8_t peer[DH_PUBLIC_SIZE], uint8_t secret[DH_SECRET_SIZE]);

static uint64_t last;

void cheap_dh_again(void)
{
	last = 0;
}

/* The private value is one number. */
int __wrap_dh_generate(struct dh *dh)
{
	uint64_t private;

	private = last = last * 6364136223846793005ULL + 1442695040888963407ULL;
	private |= 1;
	*dh = (struct dh){.there = true};
	memcpy(dh->private, &private, sizeof(private));
	memset(dh->public, FILLING, sizeof(dh->public));
	memcpy(dh->public, &private, sizeof(private));
	return 0;
}

/* What is not filled up as it should be stands for what is not on the curve. */
static bool is_point(const uint8_t public[DH_PUBLIC_SIZE])
{
	for (size_t i = sizeof(uint64_t); i < DH_PUBLIC_SIZE; i++)
		if (public[i] != FILLING)
			return false;
	return true;
}

int __wrap_dh_derive(const struct dh *dh, const uint8_t peer[DH_PUBLIC_SIZE], uint8_t secret[DH_SECRET_SIZE])
{
	uint64_t ours, theirs;

	if (!dh->there)
		return -EIO;
	if (!is_point(peer))
		return -EINVAL;
	memcpy(&ours, dh->private, sizeof(ours));
	memcpy(&theirs, peer, sizeof(theirs));
	theirs *= ours;
	memset(secret, 7, DH_SECRET_SIZE);
	memcpy(secret, &theirs, sizeof(theirs));
	return 0;
}
