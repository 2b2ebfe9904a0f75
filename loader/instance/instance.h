/* SPDX-License-Identifier: BSD-2-Clause */
/* One host's directories, and the lock that keeps a second supervisor out of them. */
#ifndef LOADER_INSTANCE_INSTANCE_H
#define LOADER_INSTANCE_INSTANCE_H

#include <sys/types.h>

#include "lib/bpffs.h"
#include "lib/fault.h"

#define RUN_DIR_MAX 64

struct instance {
	char name[INSTANCE_MAX];
	char run_dir[RUN_DIR_MAX]; /* /run/xdp-ipsec/NAME */
	struct bpffs bpffs;
	char bpf_dir[BPFFS_PATH_MAX]; /* in it, xdp-ipsec/NAME: a path for this process and its children before exec */
	int lock_fd;
};

/* Finds or mounts the BPF file system, which stays open, and names the directories; makes none. 0 or -errno. */
int instance_init(struct instance *in, const char *name, struct fault *f);

/* Makes run_dir (root only) and takes the lock, for which it waits up to 2 s while who has it is dying; -EBUSY with who
 * it is. */
int instance_lock(struct instance *in, struct fault *f);

/* What is to be said behind "stays blocked": "", or for how long that is true. */
const char *instance_gate_limit(const struct instance *in);

/* The pid of who has the lock, as he has it; 0: nobody. */
pid_t instance_running(const struct instance *in);

/* Removes run_dir and lets go of the lock. */
void instance_unlock(struct instance *in);

#endif
