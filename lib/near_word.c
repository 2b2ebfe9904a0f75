/* SPDX-License-Identifier: BSD-2-Clause */
#include "near_word.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Longer ones are no words of ours. */
#define WORD_MAX 64
/* Farther away it is another word: one slip, or two in a long one. */
#define SLIPS_MAX 2
#define LONG_WORD 6

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Files and command lines of others begin their words with capital letters. */
static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* How many letters are to be put in, taken out, exchanged for others or for their neighbour to make one word of the
 * other, without regard to case (Levenshtein, Damerau: optimal string alignment). */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX], *before = rows[0], *above = rows[1], *row = rows[2];
	const size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t *const oldest = before;

		before = above;
		above = row;
		row = oldest;
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			row[j] = least(above[j - 1] + !same(a[i - 1], b[j - 1]), least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return row[n];
}

/* "key" for "key-file". */
static bool is_first_part(const char *typed, const char *word)
{
	const size_t n = strlen(typed);

	return n > 1 && strncasecmp(typed, word, n) == 0 && word[n] == '-';
}

void near_word_offer(struct near_word *n, const char *word)
{
	const size_t typed = strlen(n->typed);
	size_t far;

	if (typed >= WORD_MAX || strlen(word) >= WORD_MAX)
		return;
	far = is_first_part(n->typed, word) ? 1 : distance(n->typed, word);
	if (far > (typed < LONG_WORD ? 1 : SLIPS_MAX) || far >= typed || (n->nearest && far >= n->distance))
		return;
	n->nearest = word;
	n->distance = far;
}

const char *near_word_question(const struct near_word *n, char *text, size_t size)
{
	text[0] = '\0';
	if (n->nearest)
		snprintf(text, size, ": did you mean '%s'?", n->nearest);
	return text;
}
