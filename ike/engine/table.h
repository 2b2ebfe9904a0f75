/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table of objects that carry their own links, by a 64-bit key; several may have the same one. */
#ifndef IKE_TABLE_H
#define IKE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_node {
	struct table_node *next;
	struct table_node **back; /* NULL: in no table */
	uint64_t key;
};

/* The number of chains is fixed: 4,096 make 10,000 objects two or three to a chain, in 32 KB. */
#define TABLE_CHAINS 4096

struct table {
	struct table_node **chains;
	uint64_t seed; /* random: what a peer chooses must not decide on a chain */
};

/* 0 or -ENOMEM. */
int table_init(struct table *t, uint64_t seed);
void table_free(struct table *t);

/* Enters it; if it is in a table already, takes it out first. */
void table_add(struct table *t, struct table_node *node, uint64_t key);
/* The same, behind those that have the key already. */
void table_append(struct table *t, struct table_node *node, uint64_t key);
/* Safe on a node that is in no table. */
void table_remove(struct table_node *node);

/* The first with that key, and the next one after it; NULL: no more. */
struct table_node *table_find(const struct table *t, uint64_t key);
struct table_node *table_next(const struct table_node *after);

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
