/* SPDX-License-Identifier: BSD-2-Clause */
/* One host's directories, and the lock that keeps a second supervisor out of them. */
#ifndef LOADER_INSTANCE_H
#define LOADER_INSTANCE_H

#include <sys/types.h>

#include "bpffs.h"
#include "fault.h"

#define RUN_DIR_MAX 64

struct instance {
	char name[INSTANCE_MAX];
	char run_dir[RUN_DIR_MAX];    /* /run/xdp-ipsec/NAME */
	char bpf_dir[BPFFS_PATH_MAX]; /* .../sys/fs/bpf/xdp-ipsec/NAME */
	int lock_fd;
};

/* Names the directories; makes none. 0 or -errno. */
int instance_init(struct instance *in, const char *name, struct fault *f);

/* Makes run_dir (root only) and takes the lock; -EBUSY with who has it. */
int instance_lock(struct instance *in, struct fault *f);

/* Removes run_dir and lets go of the lock. */
void instance_unlock(struct instance *in);

#endif
