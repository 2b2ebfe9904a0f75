/* SPDX-License-Identifier: BSD-2-Clause */
#define _DEFAULT_SOURCE
#include "random_key.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

/* Up to 256 bytes come whole or not at all, and not before the kernel's generator has been seeded (getrandom(2)). */
static int fill(uint8_t *to, size_t size)
{
	ssize_t n;

	do
		n = getrandom(to, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int random_key_text(char text[RANDOM_KEY_TEXT], size_t bytes)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t key[RANDOM_KEY_MAX];
	int err = fill(key, bytes);

	explicit_bzero(text, RANDOM_KEY_TEXT);
	for (size_t i = 0; i < bytes && !err; i++) {
		text[2 * i] = digits[key[i] >> 4];
		text[2 * i + 1] = digits[key[i] & 15];
	}
	explicit_bzero(key, sizeof(key));
	if (err)
		return err;
	text[2 * bytes] = '\n';
	return (int)(2 * bytes) + 1;
}
