/* SPDX-License-Identifier: BSD-2-Clause */
/* A process's view of the file system: its mount namespace and its root. */
#ifndef LIB_VIEW_H
#define LIB_VIEW_H

#include <stdbool.h>

struct view {
	char proc_path[32]; /* /proc/PID, for people */
	int proc;	    /* that directory, which stays this process's whoever gets the PID next; -1: closed */
	int root;
};

/*
 * The view that lasts as long as the host as far as this process may see it: PID 1's; where that is denied (init may
 * have more privileges than root's own processes) the kernel's own, or the topmost ancestor's that can be had; else
 * this process's. What has no directory `needed`, relative to its root, does not count, but for this process's own.
 * 0 or -errno; view_close() closes.
 */
int view_of_host(struct view *v, const char *needed);

/* This process's own. 0 or -errno. */
int view_of_self(struct view *v);

/* Whether it is this process's, too. */
bool view_is_ours(const struct view *v);

/* Makes this process one of that view, for good: its mount namespace, its root. 0 or -errno. */
int view_enter(const struct view *v);

/*
 * What is mounted on a directory of the view, absolute and as the view names it: gets the source, as in mountinfo, of
 * the last mount there. False: nothing is.
 */
bool view_mount_source(const struct view *v, const char *where, char *source, unsigned size);

void view_close(struct view *v);

/* Whether this process is in a PID namespace below the first one, as in most containers. */
bool view_in_container(void);

#endif
