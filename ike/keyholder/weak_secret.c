/* SPDX-License-Identifier: BSD-2-Clause */
#include "weak_secret.h"

#include <ctype.h>
#include <stdbool.h>

#define SIZE_GOOD 16
/* Of 16 random hexadecimal digits fewer are different in 1 of 30,000; what people type again and again has fewer. */
#define DIFFERENT_GOOD 6
/* English has 1 to 2 bits a letter: below this it is fewer than 50. */
#define WORDS_GOOD 25

static unsigned different_bytes(const uint8_t *secret, size_t size)
{
	bool seen[256] = {false};
	unsigned count = 0;

	for (size_t i = 0; i < size; i++) {
		count += !seen[secret[i]];
		seen[secret[i]] = true;
	}
	return count;
}

/* Letters, blanks and what stands between words, and digits at the end alone: "Correct-Horse99". */
static bool looks_like_words(const uint8_t *secret, size_t size)
{
	size_t i = size;

	while (i && (isdigit(secret[i - 1]) || secret[i - 1] == '!'))
		i--;
	if (i == 0)
		return true;
	while (i && (isalpha(secret[i - 1]) || secret[i - 1] == ' ' || secret[i - 1] == '-' || secret[i - 1] == '_' ||
		     secret[i - 1] == '.'))
		i--;
	return i == 0;
}

/* Random text of letters has both cases, changed at every other one; words have not. */
static unsigned changes_of_case(const uint8_t *secret, size_t size)
{
	unsigned changes = 0;

	for (size_t i = 1; i < size; i++)
		changes +=
			isalpha(secret[i]) && isalpha(secret[i - 1]) && !isupper(secret[i]) != !isupper(secret[i - 1]);
	return changes;
}

const char *weak_secret(const uint8_t *secret, size_t size)
{
	if (size < SIZE_GOOD)
		return "shorter than 16 bytes";
	if (different_bytes(secret, size) < DIFFERENT_GOOD)
		return "a few characters again and again";
	if (size < WORDS_GOOD && looks_like_words(secret, size) && changes_of_case(secret, size) < size / 4)
		return "of words, or a number";
	return NULL;
}
