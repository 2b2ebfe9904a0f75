/* SPDX-License-Identifier: BSD-2-Clause */
/* Allocations that fail when it is their turn, by the linker's --wrap. */
#include <stdlib.h>

#include "life.h"

unsigned memory_fails_in;
bool memory_inside;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t size);

static bool fails(void)
{
	return memory_inside && memory_fails_in && --memory_fails_in == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *at, size_t size)
{
	return fails() ? NULL : __real_realloc(at, size);
}
