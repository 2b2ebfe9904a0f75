/* SPDX-License-Identifier: BSD-2-Clause */
/* The file is read again, by SIGHUP or 'reload': what is running becomes what it says, or stays as it is. */
#ifndef LOADER_DAEMON_RELOAD_H
#define LOADER_DAEMON_RELOAD_H

#include "guard.h"
#include "ike_process.h"
#include "liveness/liveness.h"

/* The number in "version" of what reload_run() returns; another one when a field is gone or means something else. */
#define RELOAD_VERSION 1

struct reload {
	struct guard *guard;
	struct ike_process *ike;
	struct liveness *liveness;
	struct config *config; /* the one that runs, and from here on what of the new one counts now */
	const char *path;
};

/*
 * Reads the file and acts on it, with a line in the log for each thing. Returns what came of it, the caller's to
 * delete:
 *
 *   {"version", "file", "taken": whether the file was; if not, nothing has changed,
 *    "changes": [{"what", "name", "change"}], "failures": [{"what", "name", "error"}]}
 *
 * what is "connection", "policy", "interface" or "daemon", of a failure also "file" or "monitors"; change is "added",
 * "removed", "changed", "renewed" (only certificates are others), "restart" (counts from the next start on),
 * "attached", "reattached", "expected" (attached when it is there) or "stays" (attached or expected, and not in the
 * file any more).
 */
cJSON *reload_run(struct reload *r);

/* One line for a change: "connection core: added". Returns buf. */
const char *reload_change_text(const cJSON *change, char *buf, size_t size);

#endif
