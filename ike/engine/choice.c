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

bool choice_make(struct choice *ch, struct connection *own)
{
	struct connection *c = NULL;

	ch->connection = NULL;
	while ((c = connection_for(own->engine, ch->local, ch->remote, c)))
		if (choice_same_proof(own, c))
			choice_consider(ch, c);
	return ch->connection != NULL;
}
