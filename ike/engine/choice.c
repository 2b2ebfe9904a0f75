/* SPDX-License-Identifier: BSD-2-Clause */
#include "choice.h"

#include <string.h>

static const struct selector *source_of(const struct choice *ch)
{
	return &ch->connection->config->selectors[ch->index];
}

static bool is_better(const struct choice *a, const struct choice *b)
{
	if (!selector_equal(&a->selector, &b->selector))
		return selector_contains(&a->selector, &b->selector);
	return a->connection->config->remote_bits == b->connection->config->remote_bits &&
	       selector_compare(source_of(a), source_of(b)) < 0;
}

void choice_consider(struct choice *ch, struct connection *c)
{
	const struct connection_config *config = c->config;
	struct choice other = *ch;

	other.connection = c;
	if (!ts_narrow(ch->local_ts, ch->remote_ts, ch->local, ch->remote, config->selectors, config->selector_count,
		       &other.selector, &other.index))
		return;
	if (!ch->connection || is_better(&other, ch))
		*ch = other;
}

bool choice_same_proof(const struct connection *a, const struct connection *b)
{
	return a == b || memcmp(a->config->auth_digest, b->config->auth_digest, sizeof(a->config->auth_digest)) == 0;
}

/* The first by the precedence of policies of a connection's selectors that takes all of it; NULL: none does. */
static const struct selector *first_that_takes(const struct connection *c, const struct selector *child)
{
	const struct selector *first = NULL;

	for (unsigned i = 0; i < c->config->selector_count; i++) {
		const struct selector *s = &c->config->selectors[i];

		if (selector_contains(s, child) && (!first || selector_compare(s, first) < 0))
			first = s;
	}
	return first;
}

/* As in the SPD: by the length of the prefix, and then by what it protects. */
static bool goes_before(const struct connection *c, const struct connection *own, const struct selector *child)
{
	const struct selector *theirs = first_that_takes(c, child), *ours = first_that_takes(own, child);

	if (!theirs || c->config->remote_bits < own->config->remote_bits)
		return false;
	return c->config->remote_bits > own->config->remote_bits || !ours || selector_compare(theirs, ours) < 0;
}

const struct connection *choice_others(const struct connection *own, const uint8_t local[4], const uint8_t remote[4],
				       const struct selector *child)
{
	const struct connection *c = NULL;

	while ((c = connection_for(own->engine, local, remote, c)))
		if (!choice_same_proof(own, c) && goes_before(c, own, child))
			return c;
	return NULL;
}

bool choice_make(struct choice *ch, struct connection *own)
{
	struct connection *c = NULL;

	ch->connection = NULL;
	while ((c = connection_for(own->engine, ch->local, ch->remote, c)))
		if (choice_same_proof(own, c))
			choice_consider(ch, c);
	return ch->connection != NULL;
}
