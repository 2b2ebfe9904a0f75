/* SPDX-License-Identifier: BSD-2-Clause */
/* An instance: its directories, and the lock that keeps a second supervisor out of them. */
#ifndef LOADER_INSTANCE_INSTANCE_H
#define LOADER_INSTANCE_INSTANCE_H

#include <sys/types.h>

#include "lib/bpffs.h"
#include "lib/fault.h"

#define RUN_DIR_MAX	64
#define INSTANCE_REMEDY 256

struct instance {
	char name[INSTANCE_MAX];
	char run_dir[RUN_DIR_MAX]; /* /run/xdp-ipsec/NAME */
	struct bpffs bpffs;
	char bpf_dir[BPFFS_PATH_MAX]; /* xdp-ipsec/NAME in the bpffs: a path for this process, and a child before exec
				       */
	int lock_fd;
};

/* Finds or mounts the BPF file system, which stays open, and names the directories; makes none. 0 or -errno. */
int instance_init(struct instance *in, const char *name, struct fault *f);

/* Makes run_dir (root_dir.h) and takes the lock. Waits up to 2 s for a holder that is dying. 0, -EBUSY with who has the
 * lock, or -errno. */
int instance_lock(struct instance *in, struct fault *f);

/* Goes on with the lock of the program before in this process, whose descriptor is taken over. */
void instance_keep_lock(struct instance *in, int fd);

/* What a line says behind "stays blocked": "", or for how long that is true where the BPF file system is private. */
const char *instance_gate_limit(const struct instance *in);

/* The pid of the supervisor that has the lock, as that one sees it; 0: none does; -1: it could not write it down. */
pid_t instance_running(const struct instance *in);

/* What to do where this one does not run: start it, or name another one that does. Returns text. */
const char *instance_remedy(const struct instance *in, char text[INSTANCE_REMEDY]);

/* Removes run_dir and lets go of the lock. */
void instance_unlock(struct instance *in);

#endif
