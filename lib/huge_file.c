/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "huge_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child_process.h"

/* glibc has these from 2.36 on. */
static int call_fsopen(const char *type)
{
	return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static int call_fsconfig(int fs, unsigned command, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fs, command, key, value, 0);
}

static int call_fsmount(int fs)
{
	return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
}

/*
 * A memfd has small pages, unless an administrator has set transparent_hugepage/shmem_enabled. A tmpfs of one's own
 * says for itself what it wants; nobody sees it, and it ends with its last file. -1: not here.
 */
static int make_in_tmpfs(void)
{
	int fs = call_fsopen("tmpfs"), mount = -1, fd = -1;

	if (fs < 0)
		return -1;
	if (call_fsconfig(fs, FSCONFIG_SET_STRING, "huge", "always") == 0 &&
	    call_fsconfig(fs, FSCONFIG_SET_STRING, "size", "0") == 0 &&
	    call_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL) == 0)
		mount = call_fsmount(fs);
	close(fs);
	if (mount < 0)
		return -1;
	fd = openat(mount, ".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	close(mount);
	return fd;
}

/* ---- its memory ---- */

/* Who is killed when there is no more is this one. */
static void offer_oneself(void)
{
	const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* Who can't be chosen before the others can still try. */
	if (write(fd, "1000", 4) < 0)
		errno = 0;
	close(fd);
}

/*
 * Where a control group has not enough, no call fails: the kernel kills whoever touches a page that is too many, and
 * that would be one worker after the other, with all that they serve. So a child has all pages made, and may be killed.
 */
static int fill(int fd, size_t size)
{
	const pid_t child = child_fork();
	int status;

	if (child == 0) {
		offer_oneself();
		_exit(fallocate(fd, 0, 0, (off_t)size) < 0 ? errno : 0);
	}
	/* With no room for a process, either, it has to be tried without. */
	if (child < 0)
		return 0;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ENOMEM;
}

int huge_file_make(size_t size)
{
	int fd = make_in_tmpfs(), err;

	if (fd < 0)
		fd = memfd_create("packets", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = ftruncate(fd, (off_t)size) < 0 ? -errno : fill(fd, size);
	if (!err)
		return fd;
	close(fd);
	return err;
}
