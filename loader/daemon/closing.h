/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closing the gate, which comes before everything else. What is made here stays when the process ends, whether or not
 * what comes afterwards works.
 *
 *   maps -> policies -> backstop -> programs -> NICs
 */
#ifndef LOADER_DAEMON_CLOSING_H
#define LOADER_DAEMON_CLOSING_H

#include "attach/nics.h"
#include "attach/programs.h"
#include "config/config.h"
#include "instance/instance.h"
#include "maps/maps.h"

/* What is to be closed, and the caller's places for what it takes. */
struct closing {
	const struct instance *instance;
	const struct config *config;
	const char *config_path; /* as people call it */
	struct maps *maps;
	struct programs *programs;
	struct nics *nics;
	struct nics_left *left; /* of the supervisor before; NULL: nothing */
	bool closed;		/* out: policies are in force, at the least by one of the two walls */
};

/*
 * Closes the gate. Policies of an earlier run stay beside those of the file until closing_settle(). A NIC that is not
 * there is expected: the backstop guards it from its first packet on, and it is attached when it appears. A NIC that is
 * there and cannot be attached is an error, which is returned when the other NICs are attached. 0 or -errno; c->closed
 * in either case.
 */
int closing_run(struct closing *c, struct fault *f);

/* Called when everything has started: takes out policies of an earlier run, so that the file's are there, and those
 * that people have added by hand. 0 or -errno. */
int closing_settle(const struct closing *c, struct fault *f);

/*
 * Takes away what has nothing left to do, at the end of a process: maps and backstop, where no NIC is attached and
 * either nothing is protected, by the open maps or by those that are pinned, or people have opened the gate. Whether it
 * was taken away.
 */
bool closing_undo_unused(const struct closing *c, bool opened);

/* Puts up the backstop alone, over the maps, which are in dir. 0, -ENOTSUP where the kernel has no such programs, or
 * -errno. */
int closing_put_backstop(const char *dir, const struct maps *maps, const struct config *config, struct fault *f);

/* Whether any policy is in force, or may be: that there is none has to be known. */
bool closing_has_policies(const struct maps *maps);

#endif
