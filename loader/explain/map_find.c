/* SPDX-License-Identifier: BSD-2-Clause */
#include "map_find.h"

#include <bpf/bpf.h>
#include <stddef.h>

void *map_find(int fd, const void *key, void *value)
{
	return bpf_map_lookup_elem(fd, key, value) == 0 ? value : NULL;
}
