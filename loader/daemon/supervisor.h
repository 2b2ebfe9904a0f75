/* SPDX-License-Identifier: BSD-2-Clause */
/* 'xdp-ipsec run': what one host's supervisor holds, and what can be asked of it. */
#ifndef LOADER_SUPERVISOR_H
#define LOADER_SUPERVISOR_H

#include "command/cli.h"
#include "config/config.h"
#include "control_server.h"
#include "datapath_events.h"
#include "attach/hook_watch.h"
#include "ike_process.h"
#include "instance/instance.h"
#include "net/link_watch.h"
#include "liveness/liveness.h"
#include "attach/nics.h"
#include "net/route_watch.h"
#include "policy/sa.h"
#include "ways.h"
#include "worker_process.h"

struct supervisor {
	struct instance instance;
	const char *config_path;
	struct config config;
	bool open_on_exit; /* detach-on-exit */
	bool closed;	   /* the gate is */
	bool opened;	   /* and then people have detached the last NIC */

	struct maps maps;
	struct vault vault;
	struct sa_database sas;
	struct programs programs;
	struct nics nics;

	struct event_base *base;
	struct event *signals[4];
	struct worker worker;
	struct ike_process ike;
	struct events events;
	struct link_monitor links;
	struct route_monitor routes;
	struct hook_watch hooks;
	struct ways ways;
	struct monitors monitors;
	struct control_server *control;
	bool told_ready;
};

/* Attaches a NIC, or again with other settings, and gives it to the worker. 0 or -errno. */
int supervisor_attach(struct supervisor *s, const struct interface_config *config, struct fault *f);

/* Detaches a NIC: its gate is open. -ENOENT if it is not attached. */
int supervisor_detach(struct supervisor *s, const char *name, struct fault *f);

/* All of them, and the backstop is taken down: nothing is guarded until a NIC is attached again. 0. */
int supervisor_detach_all(struct supervisor *s);

/* The worker is started anew with the NICs that are there. */
void supervisor_run_worker(struct supervisor *s);

/* Who gets multicast in GRE: after whatever it depends on has changed. arg is the supervisor. */
void supervisor_sync_gre(void *arg);

/* The command. */
int run_command(const struct invocation *inv);

#endif
