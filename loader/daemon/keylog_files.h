/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key log on disk: two files in the instance's directory, root's alone, with the lines of Wireshark's tables. They
 * are there while a daemon runs whose file says keylog = yes, and no longer.
 */
#ifndef LOADER_DAEMON_KEYLOG_FILES_H
#define LOADER_DAEMON_KEYLOG_FILES_H

#include <stdbool.h>

#include "instance/instance.h"
#include "lib/fault.h"

struct keylog_files {
	int ike; /* open to append to; -1: no keys are logged */
	int esp;
};

/* Removes what a daemon that was killed has left, and with `wanted` makes both anew, which the log tells. 0 or -errno.
 */
int keylog_files_start(struct keylog_files *files, const struct instance *in, bool wanted, struct fault *f);

/* Closes and removes both. */
void keylog_files_stop(struct keylog_files *files, const struct instance *in);

#endif
