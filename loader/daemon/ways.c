/* SPDX-License-Identifier: BSD-2-Clause */
#include "ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/backstop.h"
#include "attach/cover.h"
#include "attach/gates.h"
#include "lib/log.h"
#include "net/route.h"

/* A reply is one message, and who reads a hundred of the same? */
#define SHOWN_MAX  64
#define WHERE_TEXT (2 * IF_NAMESIZE + 64)

struct way way_of(const struct connection_config *c, bool (*guards)(const void *arg, int ifindex), const void *arg)
{
	const struct route route = route_to_peer(c->local, c->remote.addr);
	struct way way = {.ifindex = route.ifindex, .encapsulates = route.encapsulates};

	if (!way.ifindex || !if_indextoname((unsigned)way.ifindex, way.dev))
		return (struct way){0};
	way.guarded = guards(arg, way.ifindex);
	return way;
}

void ways_ask_backstop(struct ways *ways, const char *dir)
{
	ways->backstop = backstop_is_up(dir);
	ways->sees_routes = backstop_sees_routes(dir);
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

static void tell_encapsulated(const struct ways *ways, const struct connection_config *c)
{
	log_line("%s: WARNING: %sthe route to its peer encapsulates: what is protected %s", c->name,
		 ways->sees_routes ? "" : "GATE OPEN: ", ways->sees_routes ? "is dropped there" : "leaves IN CLEAR");
}

static void tell(const struct ways *ways, const struct connection_config *c, const struct way *way)
{
	char where[WHERE_TEXT], dev[IF_NAMESIZE];

	if (way_astray(way) == ASTRAY_ENCAPSULATED) {
		tell_encapsulated(ways, c);
		return;
	}
	say_where(ways, way, where, dev);
	if (way_astray(way) == ASTRAY_NOT)
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

		if (way_astray(&way) != ways->astray[i])
			tell(ways, c, &way);
		ways->astray[i] = way_astray(&way);
	}
}

cJSON *ways_json(const struct ways *ways, const struct config *config)
{
	cJSON *all = cJSON_CreateObject();
	unsigned room = SHOWN_MAX;

	for (unsigned i = 0; i < ways->count && room; i++) {
		struct way way;
		cJSON *one;

		if (!ways->astray[i])
			continue;
		way = way_of(&config->connections[i], has_gate, ways->maps);
		one = cJSON_AddObjectToObject(all, config->connections[i].name);
		cJSON_AddStringToObject(one, "dev", way.dev);
		cJSON_AddBoolToObject(one, "encapsulates", way.encapsulates);
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
