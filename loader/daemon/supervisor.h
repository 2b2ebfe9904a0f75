/* SPDX-License-Identifier: BSD-2-Clause */
/* 'xdp-ipsec run': closes the gate, starts worker and IKE, hears what happens, and answers the commands. */
#ifndef LOADER_DAEMON_SUPERVISOR_H
#define LOADER_DAEMON_SUPERVISOR_H

#include <stdbool.h>

#include "instance/instance.h"
#include "lib/fault.h"

/*
 * Runs until SIGTERM or SIGINT. config_path: as people call it; open_on_exit: the gate opens at the end, else what is
 * protected stays blocked. 0, or -errno where it could not start.
 */
int supervisor_run(const struct instance *in, const char *config_path, bool open_on_exit, struct fault *f);

#endif
