/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that the configuration names, which the daemon reads while it runs. */
#ifndef LOADER_CONFIG_PLAIN_FILE_H
#define LOADER_CONFIG_PLAIN_FILE_H

#include "lib/fault.h"

/* Opens a file to be read, and nothing else that has a name: to open a pipe, or to read it or a device, is to wait for
 * who may never come. The descriptor, or -errno with why in f, without the name. */
int plain_file_open(const char *path, struct fault *f);

#endif
