/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the BPF file system is, and where an instance's pins are in it. */
#ifndef MAPS_BPFFS_H
#define MAPS_BPFFS_H

#include <stddef.h>

#include "fault.h"

/* NUL included. Room for the /proc/1/root form, the instance and a pin's name. */
#define BPFFS_PATH_MAX 160
/* An instance's name: 1 ... 32 of [A-Za-z0-9_-]. */
#define INSTANCE_MAX 33

/*
 * Finds the bpffs of the host and mounts it if it is missing.
 *
 * `ip netns exec` hides it behind a fresh /sys in a private mount namespace; a
 * bpffs mounted there would take every pin, and with them the closed gate, away
 * when the process ends. So the one of PID 1's mount namespace is used, by way
 * of /proc/1/root.
 *
 * root: at least BPFFS_PATH_MAX bytes, gets ".../sys/fs/bpf". 0 or -errno.
 */
int bpffs_find(char *root, struct fault *f);

/* Whether name may be an instance's: it becomes part of paths. */
int instance_check(const char *name, struct fault *f);

/* dir gets "BPFFS/xdp-ipsec/INSTANCE"; nothing is made. 0 or -errno. */
int bpffs_instance_dir(char *dir, size_t size, const char *instance, struct fault *f);

#endif
