/* SPDX-License-Identifier: BSD-2-Clause */
/* A page as lines of text. For tests with cmocka. */
#ifndef TESTS_UNIT_LOADER_PAGE_LINES_H
#define TESTS_UNIT_LOADER_PAGE_LINES_H

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/page.h"

static inline int utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

/* One row, without the blanks at its end; of the next call until then. */
static inline const char *line_of_page(const struct page *p, unsigned row)
{
	static char text[4 * 1024 + 1];
	wchar_t wide[1024];
	size_t n = 0;

	for (unsigned i = 0; i < p->width; i++)
		if (p->cells[row * p->width + i].ch)
			wide[n++] = p->cells[row * p->width + i].ch;
	while (n && wide[n - 1] == L' ')
		n--;
	wide[n] = 0;
	wcstombs(text, wide, sizeof(text));
	return text;
}

/* The row in which that text is; -1: in none. */
static inline int row_with(const struct page *p, const char *text)
{
	for (unsigned row = 0; row < p->height; row++)
		if (strstr(line_of_page(p, row), text))
			return (int)row;
	return -1;
}

#endif
