/* SPDX-License-Identifier: BSD-2-Clause */
#include "table.h"

#include <errno.h>
#include <stdlib.h>

/* Multiplication by an odd random number, its top bits (Dietzfelbinger): enough against chosen keys when the seed is
 * secret. */
static size_t chain_of(const struct table *t, uint64_t key)
{
	return (size_t)(((key ^ key >> 32) * (t->seed | 1)) >> 52);
}

int table_init(struct table *t, uint64_t seed)
{
	_Static_assert(TABLE_CHAINS == 1 << 12, "chain_of takes the top 12 bits");
	t->seed = seed;
	t->chains = calloc(TABLE_CHAINS, sizeof(*t->chains));
	return t->chains ? 0 : -ENOMEM;
}

void table_free(struct table *t)
{
	free(t->chains);
	t->chains = NULL;
}

static void put_at(struct table_node **place, struct table_node *node, uint64_t key)
{
	node->key = key;
	node->next = *place;
	node->back = place;
	if (*place)
		(*place)->back = &node->next;
	*place = node;
}

void table_add(struct table *t, struct table_node *node, uint64_t key)
{
	table_remove(node);
	put_at(&t->chains[chain_of(t, key)], node, key);
}

void table_append(struct table *t, struct table_node *node, uint64_t key)
{
	struct table_node **place = &t->chains[chain_of(t, key)];

	table_remove(node);
	while (*place)
		place = &(*place)->next;
	put_at(place, node, key);
}

void table_remove(struct table_node *node)
{
	if (!node->back)
		return;
	*node->back = node->next;
	if (node->next)
		node->next->back = node->back;
	node->back = NULL;
	node->next = NULL;
}

static struct table_node *first_of(struct table_node *node, uint64_t key)
{
	while (node && node->key != key)
		node = node->next;
	return node;
}

struct table_node *table_find(const struct table *t, uint64_t key)
{
	return first_of(t->chains[chain_of(t, key)], key);
}

struct table_node *table_next(const struct table_node *after)
{
	return first_of(after->next, after->key);
}
