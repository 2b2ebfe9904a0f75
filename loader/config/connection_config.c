/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_config.h"

#include <string.h>

static const char *const start_names[] = {
	[START_TRAP] = "trap",
	[START_INITIATE] = "initiate",
	[START_RESPOND] = "respond",
};

const char *connection_start_name(enum connection_start start)
{
	return start_names[start];
}

bool connection_start_parse(const char *text, enum connection_start *out)
{
	for (unsigned i = START_TRAP; i <= START_RESPOND; i++) {
		if (strcmp(text, start_names[i]) != 0)
			continue;
		*out = (enum connection_start)i;
		return true;
	}
	return false;
}
