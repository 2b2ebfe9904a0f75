/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "bpffs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define HERE "/sys/fs/bpf"
#define HOST "/proc/1/root/sys/fs/bpf"

static bool is_bpffs(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && (unsigned long)st.f_type == BPF_FS_MAGIC;
}

/* In a child, because a process cannot come back from another mount namespace with its own root and cwd. */
static int mount_in_host_namespace(void)
{
	int status, ns;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0) {
		ns = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
		if (ns < 0 || setns(ns, CLONE_NEWNS) < 0)
			_exit(errno);
		if (is_bpffs(HERE) || mount("bpf", HERE, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0)
			_exit(0);
		_exit(errno);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

int bpffs_find(char *root, struct fault *f)
{
	int err = 0;

	if (!is_bpffs(HERE) && !is_bpffs(HOST))
		err = mount_in_host_namespace();
	if (is_bpffs(HERE))
		strcpy(root, HERE);
	else if (is_bpffs(HOST))
		strcpy(root, HOST);
	else
		return fault(f, err ? -err : ENOENT,
			     "%s: no BPF file system, and mounting it failed (%s): "
			     "run as root, or 'mount -t bpf bpf %s'",
			     HERE, strerror(err ? -err : ENOENT), HERE);
	return 0;
}

int instance_check(const char *name, struct fault *f)
{
	size_t n = strlen(name);

	/* No dots: bpffs keeps them for itself. */
	if (n == 0 || n >= INSTANCE_MAX ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != n)
		return fault(f, EINVAL, "instance '%.40s': use 1 to %d letters, digits, '_' or '-'", name,
			     INSTANCE_MAX - 1);
	return 0;
}

int bpffs_instance_dir(char *dir, size_t size, const char *instance, struct fault *f)
{
	char root[BPFFS_PATH_MAX];
	int err = instance_check(instance, f);

	if (!err)
		err = bpffs_find(root, f);
	if (err)
		return err;
	if ((size_t)snprintf(dir, size, "%s/xdp-ipsec/%s", root, instance) >= size)
		return fault(f, ENAMETOOLONG, "instance '%s': name too long", instance);
	return 0;
}
