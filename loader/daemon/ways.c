/* SPDX-License-Identifier: BSD-2-Clause */
#include "ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/cover.h"
#include "attach/gates.h"
#include "lib/log.h"
#include "net/netdev.h"

/* A reply is one message, and who reads a hundred of the same? */
#define SHOWN_MAX  64
#define WHERE_TEXT (2 * IF_NAMESIZE + 64)

struct way way_of(const struct connection_config *c, bool (*guards)(const void *arg, int ifindex), const void *arg)
{
	struct way way = {.ifindex = netdev_route(c->local, c->remote.addr)};

	if (!way.ifindex || !if_indextoname((unsigned)way.ifindex, way.dev))
		return (struct way){0};
	way.guarded = guards(arg, way.ifindex);
	return way;
}

static bool has_gate(const void *arg, int ifindex)
{
	return gates_guard(arg, (uint32_t)ifindex);
}

/* "br0, and veth7 under it is not attached", and the name to attach. */
static void say_where(const struct ways *ways, const struct way *way, char text[WHERE_TEXT], char dev[IF_NAMESIZE])
{
	int missing = way->ifindex;
	struct cover cover;

	if (cover_find(&cover, has_gate, ways->maps) == 0) {
		missing = cover_missing(&cover, way->ifindex);
		cover_free(&cover);
	}
	if (missing == way->ifindex || !if_indextoname((unsigned)missing, dev)) {
		snprintf(dev, IF_NAMESIZE, "%s", way->dev);
		snprintf(text, WHERE_TEXT, "%s, which is not attached", way->dev);
	} else {
		snprintf(text, WHERE_TEXT, "%s, and %s under it is not attached", way->dev, dev);
	}
}

static void tell(const struct ways *ways, const struct connection_config *c, const struct way *way)
{
	char where[WHERE_TEXT], dev[IF_NAMESIZE];

	say_where(ways, way, where, dev);
	if (!way_is_astray(way))
		log_line("%s: its packets leave by an attached interface again", c->name);
	else if (ways->backstop)
		log_line("%s: WARNING: its packets would leave by %s: dropped; 'xdp-ipsec attach %s'", c->name, where,
			 dev);
	else
		log_line("%s: WARNING: GATE OPEN: its packets leave IN CLEAR by %s: 'xdp-ipsec attach %s'", c->name,
			 where, dev);
}

static bool forget(struct ways *ways, unsigned count)
{
	free(ways->astray);
	ways->astray = calloc(count + 1, sizeof(*ways->astray));
	ways->count = ways->astray ? count : 0;
	return ways->astray;
}

void ways_look(struct ways *ways, const struct config *config, bool fresh)
{
	if ((fresh || ways->count != config->connection_count) && !forget(ways, config->connection_count))
		return;
	for (unsigned i = 0; i < ways->count; i++) {
		const struct connection_config *c = &config->connections[i];
		const struct way way = way_of(c, has_gate, ways->maps);

		if (way_is_astray(&way) != ways->astray[i])
			tell(ways, c, &way);
		ways->astray[i] = way_is_astray(&way);
	}
}

cJSON *ways_json(const struct ways *ways, const struct config *config)
{
	cJSON *all = cJSON_CreateObject();
	unsigned room = SHOWN_MAX;

	for (unsigned i = 0; i < ways->count && room; i++) {
		struct way way;

		if (!ways->astray[i])
			continue;
		way = way_of(&config->connections[i], has_gate, ways->maps);
		cJSON_AddStringToObject(all, config->connections[i].name, way.dev);
		room--;
	}
	return all;
}

void ways_free(struct ways *ways)
{
	free(ways->astray);
	ways->astray = NULL;
	ways->count = 0;
}
