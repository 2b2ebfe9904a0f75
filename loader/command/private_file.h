/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that a command writes secrets to: keys, or what ESP was to hide. */
#ifndef LOADER_COMMAND_PRIVATE_FILE_H
#define LOADER_COMMAND_PRIVATE_FILE_H

#include "lib/fault.h"

/*
 * Makes the file, or empties it, and makes it its owner's alone, also where it has been there; no link is followed.
 * What is no file, as a pipe or /dev/null, stays as it is. at: the directory that a relative path begins at, or
 * AT_FDCWD. A descriptor to write to, or -errno.
 */
int private_file_open(int at, const char *path, struct fault *f);

#endif
