/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One look at a host: the maps, read where they are pinned, and beside them what only the supervisor knows. So it also
 * tells the state of a host whose supervisor is dead.
 */
#ifndef LOADER_COMMAND_HOST_LOOK_H
#define LOADER_COMMAND_HOST_LOOK_H

#include "connection_names.h"
#include "count_view.h"
#include "instance/instance.h"
#include "screen.h"

struct host_look {
	const struct instance *in;
	const struct maps *maps;
	cJSON *daemon;	    /* its answer to 'status'; NULL: none is running */
	cJSON *connections; /* as connections_json() has them */
	struct connection_names *names;
	struct counts_sum counts;
};

/* Takes the daemon's answer, which is the look's then, to be freed by host_look_free(). instance and maps have to
 * outlive the look. 0 or -errno, with the look in order in any case. */
int host_look_take(struct host_look *l, const struct instance *in, const struct maps *maps, cJSON *daemon,
		   struct fault *f);

/* Safe on one that is zeroed. */
void host_look_free(struct host_look *l);

/* The daemon's word counts: this command may see it from another place. */
bool host_bpffs_is_private(const struct host_look *l);
bool host_keys_are_logged(const struct host_look *l);

/* What is said of the host as a whole, a line after the other: the first of who runs, then IKE, then what is to be
 * known before anything else. */
void host_lines(const struct host_look *l, text_line *line, void *arg);

#endif
