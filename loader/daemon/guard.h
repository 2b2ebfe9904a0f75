/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NICs of a running supervisor and their worker, and what depends on them: interfaces above, the routes' gates, the
 * backstop, multicast in GRE.
 */
#ifndef LOADER_DAEMON_GUARD_H
#define LOADER_DAEMON_GUARD_H

#include "attach/backstop.h"
#include "attach/nics.h"
#include "attach/steering.h"
#include "config/config.h"
#include "instance/instance.h"
#include "net/route_watch.h"
#include "policy/sa.h"
#include "ways.h"
#include "worker_process.h"

struct guard {
	struct instance *instance;
	const struct config *config;
	struct maps *maps;
	struct nics *nics;
	struct sa_database *sas;
	struct worker *worker;
	struct ways *ways;
	struct route_watch *routes;
	struct steering *steering;
	bool opened;		       /* people have detached the last NIC, and since then none is wanted */
	struct backstop_held backstop; /* pin_watch.h */
};

/* Pins again what somebody has taken away of maps and directories, and says so. 0 or -errno. */
int guard_renew_pins(struct guard *g, struct fault *f);

/* Attaches a NIC, or again with other settings, and gives it to the worker. 0 or -errno. */
int guard_attach(struct guard *g, const struct interface_config *config, struct fault *f);

/* Holds the place of a NIC that is not there, or cannot be attached for now, by these settings from now on. 0 or
 * -ENOSPC. */
int guard_expect(struct guard *g, const struct interface_config *config, struct fault *f);

/* Detaches a NIC: its gate is open. -ENOENT if it is not attached. */
int guard_detach(struct guard *g, const char *name, struct fault *f);

/* All of them, and the backstop is taken down: nothing is guarded until a NIC is attached again. 0. */
int guard_detach_all(struct guard *g);

/* The NIC may have got a link, or lost it: what could not be tried without is tried now. */
void guard_on_link(struct guard *g, struct nic *nic);

/* The worker is to serve all NICs that are there. */
void guard_serve_all(struct guard *g);

/* Who gets multicast in GRE: after whatever that depends on has changed. */
void guard_sync_gre(const struct guard *g);

#endif
