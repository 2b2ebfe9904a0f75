/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More ancestors than anybody has; the topmost of the nearest ones does then. */
#define ANCESTORS_MAX 128
/* The first PID namespace's inode: PROC_PID_INIT_INO, the same in every kernel since 3.8. */
#define FIRST_PID_NAMESPACE 0xeffffffcU
#define DIRECTORY	    (O_PATH | O_DIRECTORY | O_CLOEXEC)

static int view_open(struct view *v, const char *pid)
{
	int err;

	snprintf(v->proc_path, sizeof(v->proc_path), "/proc/%s", pid);
	v->root = -1;
	v->proc = open(v->proc_path, DIRECTORY);
	if (v->proc >= 0)
		v->root = openat(v->proc, "root", DIRECTORY);
	if (v->root >= 0)
		return 0;
	err = -errno;
	view_close(v);
	return err;
}

void view_close(struct view *v)
{
	if (v->proc >= 0)
		close(v->proc);
	if (v->root >= 0)
		close(v->root);
	v->proc = v->root = -1;
}

int view_of_self(struct view *v)
{
	return view_open(v, "self");
}

/* ---- whose ---- */

/* Of the process called pid, in /proc's own numbers; 0: it has none that we know of. */
static int parent_of(const char *pid)
{
	char path[40], line[128];
	int parent = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	if (status)
		fclose(status);
	return parent;
}

static bool has(const struct view *v, const char *needed)
{
	struct stat st;

	return fstatat(v->root, needed, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static bool open_with(struct view *v, const char *pid, const char *needed)
{
	if (view_open(v, pid))
		return false;
	if (has(v, needed))
		return true;
	view_close(v);
	return false;
}

/* kthreadd, which is in the first mount namespace. In a container PID 2 is anybody; a kernel thread has no program. */
static bool open_kernels(struct view *v, const char *needed)
{
	char exe[8];

	return parent_of("2") == 0 && readlink("/proc/2/exe", exe, sizeof(exe)) < 0 && errno == ENOENT &&
	       open_with(v, "2", needed);
}

static bool open_ancestors(struct view *v, const char *needed)
{
	char pids[ANCESTORS_MAX][16];
	unsigned n = 0;
	int pid = parent_of("self");

	for (; pid > 1 && n < ANCESTORS_MAX; n++) {
		snprintf(pids[n], sizeof(pids[n]), "%d", pid);
		pid = parent_of(pids[n]);
	}
	while (n-- > 0)
		if (open_with(v, pids[n], needed))
			return true;
	return false;
}

int view_of_host(struct view *v, const char *needed)
{
	if (open_with(v, "1", needed) || open_kernels(v, needed) || open_ancestors(v, needed))
		return 0;
	return view_of_self(v);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool view_is_ours(const struct view *v)
{
	struct stat theirs, ours;

	if (fstatat(v->proc, "ns/mnt", &theirs, 0) < 0 || stat("/proc/self/ns/mnt", &ours) < 0 ||
	    !same_file(&theirs, &ours))
		return false;
	return fstat(v->root, &theirs) == 0 && stat("/", &ours) == 0 && same_file(&theirs, &ours);
}

bool view_in_container(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != FIRST_PID_NAMESPACE;
}

/* ---- what is in it ---- */

/* setns() goes to the root of the namespace, which need not be that of the process. */
int view_enter(const struct view *v)
{
	int err = 0, ns = openat(v->proc, "ns/mnt", O_RDONLY | O_CLOEXEC);

	if (ns < 0)
		return -errno;
	if (setns(ns, CLONE_NEWNS) < 0 || fchdir(v->root) < 0 || chroot(".") < 0)
		err = -errno;
	close(ns);
	return err;
}

/* "36 35 98:0 /root /mount/point options [optional ...] - type source options" */
static bool read_mount(const char *line, const char *where, char *source, unsigned size)
{
	char point[256], from[64];
	const char *rest = strstr(line, " - ");

	if (!rest || sscanf(line, "%*u %*u %*s %*s %255s", point) != 1 || strcmp(point, where) != 0 ||
	    sscanf(rest, " - %*s %63s", from) != 1)
		return false;
	snprintf(source, size, "%s", from);
	return true;
}

bool view_mount_source(const struct view *v, const char *where, char *source, unsigned size)
{
	const int fd = openat(v->proc, "mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *mounts = fd >= 0 ? fdopen(fd, "r") : NULL;
	bool found = false;
	char line[4096];

	while (mounts && fgets(line, sizeof(line), mounts))
		found |= read_mount(line, where, source, size);
	if (mounts)
		fclose(mounts);
	return found;
}
