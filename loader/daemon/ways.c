/* SPDX-License-Identifier: BSD-2-Clause */
#include "ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/backstop.h"
#include "attach/cover.h"
#include "attach/gates.h"
#include "lib/log.h"
#include "net/local_addrs.h"
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
	bool has_shortcuts = false;
	struct cover cover;

	if (cover_find(&cover, has_gate, ways->maps) == 0) {
		missing = cover_missing(&cover, way->ifindex);
		has_shortcuts = cover_has_shortcuts(&cover, way->ifindex);
		cover_free(&cover);
	}
	if (has_shortcuts) {
		snprintf(dev, IF_NAMESIZE, "%s", way->dev);
		snprintf(text, WHERE_TEXT, "%s, which has ways past the gate below it unless it is private or vepa",
			 way->dev);
	} else if (missing == way->ifindex || !if_indextoname((unsigned)missing, dev)) {
		snprintf(dev, IF_NAMESIZE, "%s", way->dev);
		snprintf(text, WHERE_TEXT, "%s, which is not attached", way->dev);
	} else {
		snprintf(text, WHERE_TEXT, "%s, and %s under it is not attached", way->dev, dev);
	}
}

static void tell_encapsulated(const struct ways *ways, const struct connection_config *c)
{
	log_warning("%s: WARNING: %sthe route to its peer encapsulates: what is protected %s", c->name,
		    ways->sees_routes ? "" : "GATE OPEN: ", ways->sees_routes ? "is dropped there" : "leaves IN CLEAR");
}

/* 'detach' has opened that interface, or there is nothing behind the gates. */
static bool goes_in_clear(const struct ways *ways, const struct way *way)
{
	return !ways->backstop || gates_get(ways->maps, (uint32_t)way->ifindex).kind == GATE_OPEN;
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
	else if (!goes_in_clear(ways, way))
		log_warning("%s: WARNING: its packets would leave by %s: dropped; 'xdp-ipsec attach %s'", c->name,
			    where, dev);
	else
		log_warning("%s: WARNING: GATE OPEN: its packets leave IN CLEAR by %s: 'xdp-ipsec attach %s'", c->name,
			    where, dev);
}

/* An address that is yet to come, by DHCP perhaps; or a wrong one. */
static void tell_local(const struct connection_config *c, const struct local_addrs *here)
{
	if (here->count && local_addrs_find(here, c->local) == ADDR_REMOTE)
		log_line("%s: local = %u.%u.%u.%u is not an address of this host now: it cannot come up until it is",
			 c->name, c->local[0], c->local[1], c->local[2], c->local[3]);
}

static void look(const struct ways *ways, struct way_seen *seen, const struct connection_config *c)
{
	const struct way way = way_of(c, has_gate, ways->maps);

	if (way_astray(&way) != seen->astray)
		tell(ways, c, &way);
	seen->astray = way_astray(&way);
}

void ways_look(struct ways *ways, const struct config *config)
{
	for (unsigned i = 0; i < ways->count && i < config->connection_count; i++)
		look(ways, &ways->seen[i], &config->connections[i]);
}

/* ---- another configuration ---- */

static bool is_seen(const void *array, size_t place, const void *connection)
{
	const struct way_seen *seen = &((const struct way_seen *)array)[place];
	const struct connection_config *c = connection;

	return strcmp(seen->name, c->name) == 0 && memcmp(seen->local, c->local, 4) == 0 &&
	       memcmp(seen->remote, c->remote.addr, 4) == 0;
}

/* What was seen of the connection, or nothing yet. */
static struct way_seen seen_of(const struct ways *before, const struct connection_config *c, bool *new)
{
	const size_t place = key_index_find(&before->names, key_hash_text(c->name), is_seen, before->seen, c);
	struct way_seen seen = {.astray = ASTRAY_NOT};

	*new = place == KEY_INDEX_NONE;
	if (!*new)
		return before->seen[place];
	memcpy(seen.name, c->name, sizeof(seen.name));
	memcpy(seen.local, c->local, 4);
	memcpy(seen.remote, c->remote.addr, 4);
	return seen;
}

static void add_seen(struct ways *now, const struct ways *before, const struct connection_config *c,
		     const struct local_addrs *here)
{
	struct way_seen *seen = &now->seen[now->count];
	bool new;

	*seen = seen_of(before, c, &new);
	/* Without memory for its name it is new the next time, too. */
	key_index_add(&now->names, key_hash_text(c->name), now->count++);
	if (!new)
		return;
	tell_local(c, here);
	look(now, seen, c);
}

void ways_look_at_new(struct ways *ways, const struct config *config)
{
	struct ways before = *ways;
	struct local_addrs here = {0};

	ways->seen = calloc(config->connection_count + 1, sizeof(*ways->seen));
	ways->count = 0;
	ways->names = (struct key_index){0};
	local_addrs_read(&here);
	for (unsigned i = 0; ways->seen && i < config->connection_count; i++)
		add_seen(ways, &before, &config->connections[i], &here);
	local_addrs_free(&here);
	ways_free(&before);
}

cJSON *ways_json(const struct ways *ways, const struct config *config)
{
	cJSON *all = cJSON_CreateObject();
	unsigned room = SHOWN_MAX;

	for (unsigned i = 0; i < ways->count && room; i++) {
		char where[WHERE_TEXT], missing[IF_NAMESIZE];
		struct way way;
		cJSON *one;

		if (!ways->seen[i].astray)
			continue;
		way = way_of(&config->connections[i], has_gate, ways->maps);
		one = cJSON_AddObjectToObject(all, config->connections[i].name);
		cJSON_AddStringToObject(one, "dev", way.dev);
		cJSON_AddBoolToObject(one, "encapsulates", way.encapsulates);
		say_where(ways, &way, where, missing);
		cJSON_AddStringToObject(one, "missing", missing);
		cJSON_AddBoolToObject(one, "in_clear", goes_in_clear(ways, &way));
		room--;
	}
	return all;
}

void ways_free(struct ways *ways)
{
	free(ways->seen);
	key_index_clear(&ways->names);
	ways->seen = NULL;
	ways->count = 0;
}
