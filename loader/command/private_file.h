/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that a command writes secrets to: keys, or what ESP was to hide. */
#ifndef LOADER_COMMAND_PRIVATE_FILE_H
#define LOADER_COMMAND_PRIVATE_FILE_H

#include "lib/fault.h"

/*
 * Makes a new file, which is the caller's alone, in place of the one that may be there: what is written is not in a
 * file that others own, or have had open since they could read it. What is no file, as a pipe or /dev/null, stays as it
 * is and is written to; a symbolic link is refused. at: the directory that a relative path begins at, or AT_FDCWD. A
 * descriptor to write to, or -errno.
 */
int private_file_open(int at, const char *path, struct fault *f);

#endif
