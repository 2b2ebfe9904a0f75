/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LOADER_MONITOR_MONITOR_COMMAND_H
#define LOADER_MONITOR_MONITOR_COMMAND_H

#include "command/cli.h"

/* 'monitor'. Returns the exit status. */
int monitor_command(const struct invocation *inv);

#endif
