/* SPDX-License-Identifier: BSD-2-Clause */
/* Where an instance's key log is, while there is one (daemon/keylog_files.h). */
#ifndef LOADER_INSTANCE_KEYLOG_PATHS_H
#define LOADER_INSTANCE_KEYLOG_PATHS_H

#include <stdio.h>

#include "instance.h"

#define KEYLOG_IKE	"ike.keylog"
#define KEYLOG_ESP	"esp.keylog"
#define KEYLOG_PATH_MAX (RUN_DIR_MAX + 16)

static inline void keylog_path(const struct instance *in, const char *name, char path[KEYLOG_PATH_MAX])
{
	snprintf(path, KEYLOG_PATH_MAX, "%s/%s", in->run_dir, name);
}

#endif
