/* SPDX-License-Identifier: BSD-2-Clause */
#include "kinds.h"

#include <string.h>

const struct kind kinds[KINDS] = {
#define X(id, name, priority, flags, number) {name, priority, flags, number},
	EVENT_KINDS(X)
#undef X
};

enum event_kind kind_find(const char *name)
{
	unsigned kind = 0;

	while (kind < KINDS && (!name || strcmp(kinds[kind].name, name) != 0))
		kind++;
	return (enum event_kind)kind;
}
