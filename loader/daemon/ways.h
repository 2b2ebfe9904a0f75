/* SPDX-License-Identifier: BSD-2-Clause */
/* By which interface the packets of each connection leave, as routes are now, and whether that interface is guarded. */
#ifndef LOADER_DAEMON_WAYS_H
#define LOADER_DAEMON_WAYS_H

#include <net/if.h>
#include <stdbool.h>

#include "config/config.h"
#include "lib/json.h"
#include "maps/maps.h"

struct way {
	int ifindex; /* 0: no route, or the local address is not there: nothing leaves */
	char dev[IF_NAMESIZE];
	bool guarded; /* by a gate, on the interface or below it */
};

/* The way to a peer; of a mesh, to its first address. guards: whether an interface is guarded. */
struct way way_of(const struct connection_config *c, bool (*guards)(const void *arg, int ifindex), const void *arg);

/* Whether packets that go this way go astray: there is a way, and nothing guards it. */
static inline bool way_is_astray(const struct way *way)
{
	return way->ifindex && !way->guarded;
}

/* What was last logged of each connection, so that only changes are. */
struct ways {
	const struct maps *maps;
	bool backstop; /* the backstop is up, and drops what goes astray */
	bool *astray;  /* malloc'd, by connection */
	unsigned count;
};

/* Looks at the way of every connection, and logs what has changed since the last time. fresh: the configuration is new,
 * and nothing was logged of it yet. */
void ways_look(struct ways *ways, const struct config *config, bool fresh);

/* {CONNECTION: INTERFACE} of the first 64 connections whose packets go astray: the caller's to delete. */
cJSON *ways_json(const struct ways *ways, const struct config *config);

void ways_free(struct ways *ways);

#endif
