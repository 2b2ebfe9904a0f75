/* SPDX-License-Identifier: BSD-2-Clause */
/* By which interface the packets of each connection leave, as routes are now, and whether that interface is guarded. */
#ifndef LOADER_DAEMON_WAYS_H
#define LOADER_DAEMON_WAYS_H

#include <net/if.h>
#include <stdbool.h>

#include "config/config.h"
#include "lib/json.h"
#include "lib/key_index.h"
#include "maps/maps.h"

struct way {
	int ifindex; /* 0: no route, or the local address is not there: nothing leaves */
	char dev[IF_NAMESIZE];
	bool guarded; /* by a gate, on the interface or below it */
	bool encapsulates;
};

/* Why packets that go a way are dropped there, or in clear. */
enum astray {
	ASTRAY_NOT,
	ASTRAY_UNGUARDED,    /* no gate on it */
	ASTRAY_ENCAPSULATED, /* the route makes others of them, which no gate knows again */
};

/* The way to a peer; of a mesh, to its first address. guards: whether an interface is guarded. */
struct way way_of(const struct connection_config *c, bool (*guards)(const void *arg, int ifindex), const void *arg);

static inline enum astray way_astray(const struct way *way)
{
	if (way->encapsulates)
		return ASTRAY_ENCAPSULATED;
	return way->ifindex && !way->guarded ? ASTRAY_UNGUARDED : ASTRAY_NOT;
}

/* What was last seen of a connection. */
struct way_seen {
	char name[CONNECTION_NAME_MAX];
	uint8_t local[4];
	uint8_t remote[4];
	enum astray astray;
};

/* What was last logged of each connection, so that only changes are. */
struct ways {
	const struct maps *maps;
	bool backstop;	       /* the backstop is up, and drops what goes astray */
	bool sees_routes;      /* and what a route encapsulates */
	struct way_seen *seen; /* malloc'd, by connection */
	unsigned count;
	struct key_index names; /* of seen */
};

/* What the backstop in dir drops now. */
void ways_ask_backstop(struct ways *ways, const char *dir);

/* Looks at the way of every connection, and logs what has changed since the last time. */
void ways_look(struct ways *ways, const struct config *config);

/* The configuration is another one: looks at the way of each connection that is new, or between other hosts than
 * before. For the others nothing has changed by that. */
void ways_look_at_new(struct ways *ways, const struct config *config);

/* {CONNECTION: {"dev": INTERFACE, "encapsulates": BOOL, "missing": INTERFACE to attach, "in_clear": BOOL}} of the first
 * 64 connections whose packets go astray: the caller's to delete. */
cJSON *ways_json(const struct ways *ways, const struct config *config);

void ways_free(struct ways *ways);

#endif
