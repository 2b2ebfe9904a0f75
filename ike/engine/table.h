/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table by a 64-bit key. The objects carry the links, so entering one cannot fail. Several may have one key. */
#ifndef IKE_ENGINE_TABLE_H
#define IKE_ENGINE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_node {
	struct table_node *next;
	struct table_node **back; /* NULL: in no table */
	uint64_t key;
};

/* So many chains at first, which take 4 KB; more when there are more objects than that, as far as there is memory. */
#define TABLE_BITS_FIRST 9

struct table {
	struct table_node **chains;
	unsigned bits; /* as many chains as these can tell apart */
	size_t added;  /* objects since it was last counted how many there are, and those there were then */
	uint64_t seed; /* random, or a peer could choose keys that all fall into one chain */
};

/* 0 or -ENOMEM. */
int table_init(struct table *t, uint64_t seed);
void table_free(struct table *t);

/* Enters the node, in front of others with the key. A node that is in a table is taken out of that first. */
void table_add(struct table *t, struct table_node *node, uint64_t key);
/* Enters the node, behind the others with the key. */
void table_append(struct table *t, struct table_node *node, uint64_t key);
/* Takes the node out. A node that is in no table stays as it is. */
void table_remove(struct table_node *node);

/* The first with that key, and the next one after it; NULL: no more. */
struct table_node *table_find(const struct table *t, uint64_t key);
struct table_node *table_next(const struct table_node *after);

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
