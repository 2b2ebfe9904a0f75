/* SPDX-License-Identifier: BSD-2-Clause */
/* What is printed, as text. For tests with cmocka. */
#ifndef TESTS_UNIT_LOADER_SCREEN_TEXT_H
#define TESTS_UNIT_LOADER_SCREEN_TEXT_H

#include <stdio.h>
#include <stdlib.h>

static char *printed;
static size_t printed_size;
static FILE *printing;

static inline FILE *text_begin(void)
{
	free(printed);
	printed = NULL;
	return printing = open_memstream(&printed, &printed_size);
}

static inline const char *text_end(void)
{
	fclose(printing);
	return printed;
}

#endif
