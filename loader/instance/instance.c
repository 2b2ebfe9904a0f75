/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root_dir.h"

#define RUN_ROOT "/run/xdp-ipsec"

int instance_init(struct instance *in, const char *name, struct fault *f)
{
	int err = instance_check(name, f);

	*in = (struct instance){.lock_fd = -1, .bpffs.fd = -1};
	if (!err)
		err = bpffs_open(&in->bpffs, f);
	if (err)
		return err;
	snprintf(in->name, sizeof(in->name), "%s", name);
	snprintf(in->run_dir, sizeof(in->run_dir), RUN_ROOT "/%s", in->name);
	return bpffs_instance_dir(&in->bpffs, in->bpf_dir, sizeof(in->bpf_dir), name, f);
}

const char *instance_gate_limit(const struct instance *in)
{
	return in->bpffs.private ? " only until this mount namespace ends, and then goes in clear" : "";
}

static int run_fault(const char *path, int err, struct fault *f)
{
	const char *remedy = err == EROFS || err == ENOSPC || err == ENOENT
				     ? ": " RUN_ROOT " must be a place to write to: 'mount -t tmpfs tmpfs /run'"
				     : "";

	return fault(f, err, "%s: %s%s", path, strerror(err), remedy);
}

static int make_run_dir(const char *path, struct fault *f)
{
	const int err = root_dir_make(path, f);

	return err && err != -EPERM ? run_fault(path, -err, f) : err;
}

static void pid_path(const struct instance *in, char *path, size_t size)
{
	snprintf(path, size, "%s/pid", in->run_dir);
}

static int busy(const struct instance *in, int fd, struct fault *f)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	return fault(f, EBUSY, "instance '%s' is running already (pid %s): stop it, or choose another with --instance",
		     in->name, pid[0] ? pid : "not known");
}

pid_t instance_running(const struct instance *in)
{
	char path[RUN_DIR_MAX + 8], pid[16] = "";
	bool held;
	int fd;

	pid_path(in, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK && pread(fd, pid, sizeof(pid) - 1, 0) > 0;
	close(fd);
	return held ? (pid_t)atoi(pid) : 0;
}

/* The file may have been unlinked by the one who had the lock before us: then the lock is on nothing. */
static bool still_there(int fd, const char *path)
{
	struct stat by_fd, by_path;

	return fstat(fd, &by_fd) == 0 && stat(path, &by_path) == 0 && by_fd.st_ino == by_path.st_ino &&
	       by_fd.st_dev == by_path.st_dev;
}

static int take_lock(struct instance *in, const char *path, struct fault *f)
{
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return run_fault(path, errno, f);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			int err = errno == EWOULDBLOCK ? busy(in, fd, f)
						       : fault(f, errno, "%s: %s", path, strerror(errno));

			close(fd);
			return err;
		}
		if (still_there(fd, path)) {
			in->lock_fd = fd;
			return 0;
		}
		close(fd);
	}
}

int instance_lock(struct instance *in, struct fault *f)
{
	char path[RUN_DIR_MAX + 8], pid[16];
	int err = make_run_dir(RUN_ROOT, f);

	if (!err)
		err = make_run_dir(in->run_dir, f);
	pid_path(in, path, sizeof(path));
	if (!err)
		err = take_lock(in, path, f);
	if (err)
		return err;
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(in->lock_fd, 0) < 0 || pwrite(in->lock_fd, pid, strlen(pid), 0) < 0) {
		err = run_fault(path, errno, f);
		instance_unlock(in);
	}
	return err;
}

void instance_unlock(struct instance *in)
{
	char path[RUN_DIR_MAX + 8];

	if (in->lock_fd < 0)
		return;
	pid_path(in, path, sizeof(path));
	unlink(path);
	rmdir(in->run_dir);
	close(in->lock_fd);
	in->lock_fd = -1;
}
