/* SPDX-License-Identifier: BSD-2-Clause */
/* A process's view of the file system: its mount namespace and its root. */
#ifndef LIB_VIEW_H
#define LIB_VIEW_H

#include <stdbool.h>

struct view {
	char proc_path[32]; /* /proc/PID of the process whose view it is, for people */
	int proc;	    /* that directory: it stays that process's whoever gets the PID next; -1: closed */
	int root;	    /* the process's root directory */
};

/*
 * Opens the view that is likely to last as long as the host: that of PID 1. Where that is denied, as init may have more
 * privileges than root's own processes, it is the kernel's own view (a kernel thread's), then that of the topmost
 * ancestor that can be had, then this process's. A view counts only if it has the directory `needed`, relative to its
 * root; this process's counts in any case. 0 or -errno.
 */
int view_of_host(struct view *v, const char *needed);

/* Opens this process's own view. 0 or -errno. */
int view_of_self(struct view *v);

/* Whether the view is the same as this process's: mount namespace and root. */
bool view_is_ours(const struct view *v);

/* Moves this process into the view, for good: mount namespace and root, which is its working directory then. 0 or
 * -errno. */
int view_enter(const struct view *v);

/*
 * What is mounted on a directory, whose path is absolute and as the view has it. source gets the source of the last
 * mount there, as mountinfo has it. False: nothing is mounted there.
 */
bool view_mount_source(const struct view *v, const char *where, char *source, unsigned size);

/* Safe on one that is closed. */
void view_close(struct view *v);

/* Whether this process is in a PID namespace below the first one, as in most containers. */
bool view_in_container(void);

#endif
