/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the BPF file system is, and where an instance's pins are in it. */
#ifndef LIB_BPFFS_H
#define LIB_BPFFS_H

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"

/* NUL included. Room for the file system's path, the instance and a pin's name. */
#define BPFFS_PATH_MAX 160
/* An instance's name: 1 ... 32 of [A-Za-z0-9_-]. */
#define INSTANCE_MAX 33

struct bpffs {
	int fd;			   /* its root, which keeps it mounted; -1: closed */
	char path[BPFFS_PATH_MAX]; /* in this process alone, and while fd is open */
	char shown[64];		   /* the same for people, as it was found */
	/* It ends with this mount namespace, and with it the pins, the links and the closed gate. */
	bool private;
};

/*
 * Finds the host's BPF file system, and mounts one if there is none.
 *
 * `ip netns exec` hides it behind a fresh /sys in a private mount namespace; a
 * bpffs mounted there would take every pin, and with them the closed gate, away
 * when the process ends. So that of the host's mount namespace is used
 * (view_of_host), by way of a descriptor that stays good whoever ends. Where
 * none can be had nor mounted, one is mounted here, and is private.
 *
 * 0, or -errno with b closed: -ENXIO where there is no /proc or no /sys to find it in.
 */
int bpffs_open(struct bpffs *b, struct fault *f);

/* Safe on one that is closed. */
void bpffs_close(struct bpffs *b);

/* What a private one means and what to do about it: a line to be shown at start and in status. */
extern const char bpffs_private_warning[];

/* Whether name may be an instance's: it becomes part of paths. */
int instance_check(const char *name, struct fault *f);

/* dir gets "BPFFS/xdp-ipsec/INSTANCE"; nothing is made. 0 or -errno. */
int bpffs_instance_dir(const struct bpffs *b, char *dir, size_t size, const char *instance, struct fault *f);

/* The directory of an instance that a parent handed on as a descriptor: a path for this process, while fd is open. */
void bpffs_inherited_dir(char dir[BPFFS_PATH_MAX], int fd);

#endif
