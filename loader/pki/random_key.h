/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys that nobody has chosen: of the kernel's random numbers, as text. */
#ifndef LOADER_PKI_RANDOM_KEY_H
#define LOADER_PKI_RANDOM_KEY_H

#include <stddef.h>

/* A PSK has as many bits as the cipher that it leads to. */
#define PSK_BYTES	32
#define RANDOM_KEY_MAX	64
#define RANDOM_KEY_TEXT (2 * RANDOM_KEY_MAX + 2)

/* bytes of random, RANDOM_KEY_MAX at most, as hexadecimal digits and a newline: so many characters. The caller wipes
 * them. -errno: the kernel has none, and text is wiped. */
int random_key_text(char text[RANDOM_KEY_TEXT], size_t bytes);

#endif
