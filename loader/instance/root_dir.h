/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories that nobody but root can reach anything in: of the control socket, and of the pinned maps. */
#ifndef LOADER_INSTANCE_ROOT_DIR_H
#define LOADER_INSTANCE_ROOT_DIR_H

#include "lib/fault.h"

/*
 * Makes the directory, mode 0700, whose parent is there. One that is there already is taken if it is root's, and gets
 * that mode: /run and a BPF file system may be open to everybody (the kernel mounts it with mode 1777), and who owned
 * the directory could put other maps and links in the place of ours. 0, -EPERM with what is in the way, or -errno.
 */
int root_dir_make(const char *path, struct fault *f);

#endif
