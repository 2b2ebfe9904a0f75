/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that other programs have, and what is to be said to who types one here. */
#ifndef LIB_FOREIGN_WORD_H
#define LIB_FOREIGN_WORD_H

struct foreign_word {
	const char *names; /* several with '|' between them, in small letters, without '-' and '_' */
	const char *answer;
};

/* The answer to what was typed, however it is spelt: "local_addrs" is "localaddrs". The table ends with a NULL name.
 * NULL: it is none of these. */
const char *foreign_word_answer(const struct foreign_word *table, const char *typed);

#endif
