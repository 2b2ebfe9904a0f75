/* SPDX-License-Identifier: BSD-2-Clause */
#include "table.h"

#include <errno.h>
#include <stdlib.h>

/* Multiplication by an odd random number, its top bits (Dietzfelbinger): enough against chosen keys when the seed is
 * secret. */
static size_t chain_of(const struct table *t, uint64_t key)
{
	return (size_t)(((key ^ key >> 32) * (t->seed | 1)) >> (64 - t->bits));
}

static size_t chains_of(const struct table *t)
{
	return (size_t)1 << t->bits;
}

static struct table_node **chains_new(unsigned bits)
{
	return calloc((size_t)1 << bits, sizeof(struct table_node *));
}

int table_init(struct table *t, uint64_t seed)
{
	*t = (struct table){.bits = TABLE_BITS_FIRST, .seed = seed};
	t->chains = chains_new(t->bits);
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

static struct table_node **end_of(struct table_node **chain)
{
	while (*chain)
		chain = &(*chain)->next;
	return chain;
}

static size_t count(const struct table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < chains_of(t); i++)
		for (const struct table_node *node = t->chains[i]; node; node = node->next)
			n++;
	return n;
}

/* Those of one key stay in their order, also for who is just walking through them. */
static void spread(struct table *t, struct table_node **chains, unsigned bits)
{
	const struct table before = *t;

	t->chains = chains;
	t->bits = bits;
	for (size_t i = 0; i < chains_of(&before); i++)
		for (struct table_node *node = before.chains[i], *next; node; node = next) {
			next = node->next;
			put_at(end_of(&t->chains[chain_of(t, node->key)]), node, node->key);
		}
	free(before.chains);
}

/* Who takes an object out does not know the table. So it is counted anew when as many have been added as there are
 * chains: each pays for a few. Without memory chains grow longer, and nothing else is lost. */
static void grow_if_full(struct table *t)
{
	struct table_node **chains;

	if (++t->added <= 2 * chains_of(t))
		return;
	t->added = count(t);
	if (t->added <= chains_of(t))
		return;
	chains = chains_new(t->bits + 2);
	if (chains)
		spread(t, chains, t->bits + 2);
	else
		t->added = 0;
}

void table_add(struct table *t, struct table_node *node, uint64_t key)
{
	table_remove(node);
	grow_if_full(t);
	put_at(&t->chains[chain_of(t, key)], node, key);
}

void table_append(struct table *t, struct table_node *node, uint64_t key)
{
	table_remove(node);
	grow_if_full(t);
	put_at(end_of(&t->chains[chain_of(t, key)]), node, key);
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
