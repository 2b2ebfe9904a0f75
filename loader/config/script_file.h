/* SPDX-License-Identifier: BSD-2-Clause */
/* A program of the administrator's, which the daemon runs as root. */
#ifndef LOADER_CONFIG_SCRIPT_FILE_H
#define LOADER_CONFIG_SCRIPT_FILE_H

#include "lib/fault.h"

/*
 * Whether nobody but root can change what is run by that absolute path: the file, executable, and each directory on
 * the way to it, behind all symbolic links, are root's and written by nobody else; a directory with the sticky bit, as
 * /tmp, will do. real: PATH_MAX bytes, the path without symbolic links; may be NULL. 0, or -errno with what is wrong.
 */
int script_file_check(const char *path, char *real, struct fault *f);

#endif
