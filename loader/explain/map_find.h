/* SPDX-License-Identifier: BSD-2-Clause */
/* A look-up in a map, apart from what calls it: libbpf has a function, and the programs a helper, of the same name. */
#ifndef LOADER_EXPLAIN_MAP_FIND_H
#define LOADER_EXPLAIN_MAP_FIND_H

/* value, with what the map has for the key; NULL, and value is untouched: it has nothing. */
void *map_find(int fd, const void *key, void *value);

#endif
