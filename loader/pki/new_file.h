/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are made whole or not at all, and never in place of another. */
#ifndef LOADER_PKI_NEW_FILE_H
#define LOADER_PKI_NEW_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/fault.h"

#define MODE_SECRET 0600
#define MODE_PUBLIC 0644

/*
 * Makes a file of that mode with that in it, on the disk when it returns. What is there already, a link too, stays as
 * it is. 0 or -errno (-EEXIST), with no file left behind.
 */
int new_file_write(const char *path, mode_t mode, const void *data, size_t size, struct fault *f);

/* The same in place of what is there: whoever reads the file finds the old or the new, never part of one. */
int new_file_replace(const char *path, mode_t mode, const void *data, size_t size, struct fault *f);

#endif
