/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection.h"

#include <stdlib.h>
#include <string.h>

#include "lib/key_index.h"

bool connection_is_mesh(const struct connection *c)
{
	return c->config->remote_bits < 32;
}

static uint32_t as_number(const uint8_t addr[4])
{
	return (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 | addr[3];
}

static uint32_t mask_of(unsigned bits)
{
	return bits ? ~0U << (32 - bits) : 0;
}

bool connection_covers(const struct connection *c, const uint8_t local[4], const uint8_t remote[4])
{
	const struct connection_config *config = c->config;

	return !c->gone && memcmp(config->local, local, 4) == 0 && memcmp(local, remote, 4) != 0 &&
	       ((as_number(config->remote) ^ as_number(remote)) & mask_of(config->remote_bits)) == 0;
}

bool connection_takes(const struct connection *c, const struct selector *s)
{
	return selector_within(s, c->config->selectors, c->config->selector_count);
}

/* Of a prefix: its length is spread over the bits of the two addresses, which others may have, too. */
static uint64_t net_key(const uint8_t local[4], const uint8_t remote[4], unsigned bits)
{
	return ((uint64_t)as_number(local) << 32 | (as_number(remote) & mask_of(bits))) ^
	       (32 - bits) * 0x9e3779b97f4a7c15ULL;
}

struct connection *connection_named(struct engine *e, const char *name)
{
	struct table_node *node = table_find(&e->names, key_hash_text(name));

	while (node && strcmp(container_of(node, struct connection, by_name)->config->name, name) != 0)
		node = table_next(node);
	return node ? container_of(node, struct connection, by_name) : NULL;
}

void connection_enter(struct connection *c)
{
	const struct connection_config *config = c->config;

	c->engine->prefixes[config->remote_bits]++;
	table_append(&c->engine->nets, &c->by_net, net_key(config->local, config->remote, config->remote_bits));
	table_append(&c->engine->names, &c->by_name, key_hash_text(config->name));
}

void connection_leave(struct connection *c)
{
	if (!c->by_net.back)
		return;
	c->engine->prefixes[c->config->remote_bits]--;
	table_remove(&c->by_net);
	table_remove(&c->by_name);
}

static struct connection *first_that_covers(struct table_node *node, const uint8_t local[4], const uint8_t remote[4],
					    unsigned bits)
{
	for (; node; node = table_next(node)) {
		struct connection *c = container_of(node, struct connection, by_net);

		if (c->config->remote_bits == bits && connection_covers(c, local, remote))
			return c;
	}
	return NULL;
}

/* One look-up for each length that there is, however many connections there are. */
struct connection *connection_for(struct engine *e, const uint8_t local[4], const uint8_t remote[4],
				  const struct connection *after)
{
	unsigned bits = after ? after->config->remote_bits : 32;
	struct connection *c = after ? first_that_covers(table_next(&after->by_net), local, remote, bits) : NULL;

	for (bits += !after; !c && bits-- > 0;)
		if (e->prefixes[bits])
			c = first_that_covers(table_find(&e->nets, net_key(local, remote, bits)), local, remote, bits);
	return c;
}

void connection_free(struct connection *c)
{
	connection_leave(c);
	timer_cancel(&c->engine->timers, &c->begin);
	timers_release(&c->engine->timers, 1);
	mortal_forget(&c->engine->ending, &c->mortal);
	TAILQ_REMOVE(&c->engine->connections, c, of_engine);
	connection_config_free(c->config);
	free(c);
}
