/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocations of our own code and of cJSON that fail when it is their turn, by the linker's --wrap (the Makefile says
 * for whom): something is done once for each of them, until it is done without one that fails. What is lost is told of
 * by the sanitizers (make unit-sanitized).
 */
#ifndef TESTS_UNIT_FAILING_MEMORY_H
#define TESTS_UNIT_FAILING_MEMORY_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static unsigned memory_fails_in; /* so many allocations from now; 0: none */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t size);
void *__real_reallocarray(void *at, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__wrap_reallocarray(void *at, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);

static bool memory_fails(void)
{
	return memory_fails_in && --memory_fails_in == 0;
}

void *__wrap_malloc(size_t size)
{
	return memory_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return memory_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *at, size_t size)
{
	return memory_fails() ? NULL : __real_realloc(at, size);
}

void *__wrap_reallocarray(void *at, size_t n, size_t size)
{
	return memory_fails() ? NULL : __real_reallocarray(at, n, size);
}

char *__wrap_strdup(const char *text)
{
	return memory_fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
	return memory_fails() ? NULL : __real_strndup(text, size);
}

/* Calls act() with each allocation failing once, and at last with none; it returns what memory_is_back() says. How many
 * there were. */
static unsigned memory_fails_each(bool (*act)(void))
{
	unsigned n = 0;

	do
		memory_fails_in = ++n;
	while (act());
	return n - 1;
}

/* Within act(), before it looks at what came of it: from here on nothing fails. Whether something has. */
static bool memory_is_back(void)
{
	const bool failed = memory_fails_in == 0;

	memory_fails_in = 0;
	return failed;
}

#endif
