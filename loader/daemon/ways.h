/* SPDX-License-Identifier: BSD-2-Clause */
/* By which interface the packets of each connection leave, as routes are now, and whether that is guarded. */
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

/* Whether protected packets go astray there: there is a way, and nothing guards it. */
static inline bool way_is_astray(const struct way *way)
{
	return way->ifindex && !way->guarded;
}

/* What was last said of each connection, so that only what changes is said. */
struct ways {
	const struct maps *maps;
	bool backstop; /* is up: what goes astray is dropped */
	bool *astray;  /* malloc'd, by connection */
	unsigned count;
};

/* Looks at all, and logs what has changed since the last time; fresh: the configuration has. */
void ways_look(struct ways *ways, const struct config *config, bool fresh);

/* By connection's name, of those that go astray, the interface; of the first 64 of them. */
cJSON *ways_json(const struct ways *ways, const struct config *config);

void ways_free(struct ways *ways);

#endif
