/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "huge_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

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

int huge_file_make(size_t size)
{
	int fd = make_in_tmpfs(), err;

	if (fd < 0)
		fd = memfd_create("packets", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}
