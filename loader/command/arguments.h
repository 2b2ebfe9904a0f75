/* SPDX-License-Identifier: BSD-2-Clause */
/* What is on the command line and not understood yet. */
#ifndef LOADER_COMMAND_ARGUMENTS_H
#define LOADER_COMMAND_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define PROGRAM "xdp-ipsec"

struct arguments {
	int count;
	char **at;
};

/* Takes the first; NULL: there is none. */
static inline char *next_argument(struct arguments *args)
{
	if (args->count == 0)
		return NULL;
	args->count--;
	return *args->at++;
}

static inline bool is_word(const char *argument, const char *name)
{
	return strcmp(argument, name) == 0;
}

#endif
