/* SPDX-License-Identifier: BSD-2-Clause */
/* What every command but 'run' begins with: root, the instance, its maps. */
#ifndef LOADER_COMMAND_SESSION_H
#define LOADER_COMMAND_SESSION_H

#include "cli.h"
#include "instance/instance.h"
#include "maps/maps.h"

/* -EPERM, with how to be it, for who is not root. */
int session_need_root(const struct invocation *inv, struct fault *f);

/* The instance of a command line; -EPERM without root. 0 or -errno. */
int session_instance(const struct invocation *inv, struct instance *in, struct fault *f);

/* The same and its maps. -ENOENT says that it is not running, -EXDEV that it is, with maps that are not seen from here.
 */
int session_maps(const struct invocation *inv, struct instance *in, struct maps *maps, struct fault *f);

/* What session_maps() has opened, of who goes on after that. */
void session_maps_close(struct instance *in, struct maps *maps);

/* Asks the supervisor for the command as it stands on the command line. Returns the exit status. */
int session_ask(const struct invocation *inv, int fd);

#endif
