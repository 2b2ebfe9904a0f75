/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the BPF file system is, and where an instance's pins are in it. */
#ifndef LIB_BPFFS_H
#define LIB_BPFFS_H

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"

/* Of a path, NUL included: room for the file system's own, the instance's and a pin's name. */
#define BPFFS_PATH_MAX 160
/* An instance's name: 1 ... 32 of [A-Za-z0-9_-]. */
#define INSTANCE_MAX 33

/* A BPF file system that is open. */
struct bpffs {
	int fd;			   /* of its root, which keeps the file system mounted; -1: closed */
	char path[BPFFS_PATH_MAX]; /* of its root, good in this process alone and while fd is open */
	char shown[64];		   /* the path for people, as seen from the mount namespace that it was found in */
	/* The file system ends with this mount namespace, and the pins, the links and the closed gate end with it. */
	bool private;
};

/*
 * Opens the host's BPF file system, and mounts one where there is none.
 *
 * The pins have to outlive the process, because they are the closed gate. `ip netns exec` hides the host's file system
 * behind a fresh /sys in a mount namespace of the process's own, and one that is mounted there ends with the process.
 * So the host's mount namespace is looked into (view_of_host), and its file system is used by a descriptor, which stays
 * good whoever ends. Only where none can be had or mounted there, one is mounted here, and `private` says so.
 *
 * 0, or -errno with b closed: -ENXIO where there is no /proc or no /sys to find it in.
 */
int bpffs_open(struct bpffs *b, struct fault *f);

/* Closes the descriptor; what is pinned stays. Safe on one that is closed. */
void bpffs_close(struct bpffs *b);

/*
 * Whether what is mounted there is still b: somebody may have unmounted it, or mounted another over it, and b is to be
 * had by its descriptor alone then. 1: there is another, which is open in now, mounted if there was none; 0: it is
 * still there; or -errno.
 */
int bpffs_look_again(const struct bpffs *b, struct bpffs *now, struct fault *f);

/* From then on b is now, by the descriptor that b has had all the while; now is closed. What is pinned in nothing but
 * the old b ends here. 0; or -errno, and b is what it was. */
int bpffs_become(struct bpffs *b, struct bpffs *now, struct fault *f);

/* What a private file system means, and what to do about that: a line to be shown at start and in status. */
extern const char bpffs_private_warning[];

/* Whether name may be an instance's, which becomes part of paths. 0 or -EINVAL. */
int instance_check(const char *name, struct fault *f);

/* Writes "BPFFS/xdp-ipsec/INSTANCE" into dir; makes nothing. 0 or -ENAMETOOLONG. */
int bpffs_instance_dir(const struct bpffs *b, char *dir, size_t size, const char *instance, struct fault *f);

/* The same by b's descriptor, which is good as long as b is open, wherever it is mounted by then, or nowhere. */
int bpffs_held_dir(const struct bpffs *b, char *dir, size_t size, const char *instance, struct fault *f);

/* Writes into dir a path of the directory that fd is, as of an instance's that the parent has handed on. The path is
 * good in this process alone, and while fd is open. */
void bpffs_inherited_dir(char dir[BPFFS_PATH_MAX], int fd);

#endif
