/* SPDX-License-Identifier: BSD-2-Clause */
/* The word that somebody meant, of those that there are, where what was typed is none of them. */
#ifndef LIB_NEAR_WORD_H
#define LIB_NEAR_WORD_H

#include <stddef.h>

struct near_word {
	const char *typed;
	const char *nearest; /* of those offered, and theirs; NULL: none is near */
	size_t distance;
};

static inline struct near_word near_word_of(const char *typed)
{
	return (struct near_word){.typed = typed};
}

/* One that there is: kept if it differs in case alone, goes on with '-' where what was typed ends, or one letter (of
 * six and more: two) has to be put in, taken out or exchanged to make it of that, and fewer than for any offered
 * before. */
void near_word_offer(struct near_word *n, const char *word);

/* ": did you mean 'WORD'?", or nothing, in text. Returns text. */
const char *near_word_question(const struct near_word *n, char *text, size_t size);

#endif
