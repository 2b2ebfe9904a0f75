/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "root_dir.h"
#include "worker_place.h"

#define RUN_ROOT "/run/xdp-ipsec"

/* How long a holder that was killed is waited for. It takes milliseconds, on a machine that has nothing left for it a
 * second; who runs `run` by hand would think by then that it hangs. */
#define DYING_NS 2000000000ULL

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

/* ---- who has the lock ---- */

/* A lock of the open file description, so that a look needs no lock of its own: one that flock() took for a moment, to
 * find out whether another has it, refused a `run` that began in that moment. fcntl(2), F_OFD_SETLK. */
static struct flock whole_file(short type)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

/* The lock of versions before as well, which neither see ours nor are seen by it: two supervisors would take each
 * other's programs away. */
static int take_both(int fd)
{
	struct flock lock = whole_file(F_WRLCK);

	return fcntl(fd, F_OFD_SETLK, &lock) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

static bool is_held(int fd)
{
	struct flock lock = whole_file(F_RDLCK);

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* "" while he has not written it. */
static void holder_pid(int fd, char pid[16])
{
	const ssize_t n = pread(fd, pid, 15, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
}

static bool line_says_dying(const char *line)
{
	unsigned long long pending;
	char state;

	if (sscanf(line, "State: %c", &state) == 1)
		return state == 'Z' || state == 'X';
	return (sscanf(line, "SigPnd: %llx", &pending) == 1 || sscanf(line, "ShdPnd: %llx", &pending) == 1) &&
	       pending & 1ULL << (SIGKILL - 1);
}

/* A process that was killed keeps its locks until the kernel has taken its memory apart, and SIGKILL pending until the
 * end. One that is not there has let go by now, or is of another PID namespace. */
static bool is_dying(const char *pid)
{
	char path[32], line[128];
	bool dying = false;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	status = pid[0] ? fopen(path, "re") : NULL;
	if (!status)
		return pid[0];
	while (!dying && fgets(line, sizeof(line), status))
		dying = line_says_dying(line);
	fclose(status);
	return dying;
}

static int busy(const struct instance *in, const char *pid, bool dying, struct fault *f)
{
	if (dying)
		return fault(f, EBUSY,
			     "instance '%s' is still held by process %s, which was killed and is not gone yet, or is "
			     "of another PID namespace: wait for its end, or choose another instance with --instance",
			     in->name, pid);
	return fault(f, EBUSY, "instance '%s' is running already (pid %s): stop it, or choose another with --instance",
		     in->name, pid[0] ? pid : "not known");
}

pid_t instance_running(const struct instance *in)
{
	char path[RUN_DIR_MAX + 8], pid[16];
	bool held;
	int fd;

	pid_path(in, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	held = is_held(fd);
	holder_pid(fd, pid);
	close(fd);
	if (!held)
		return 0;
	return atoi(pid) > 0 ? (pid_t)atoi(pid) : -1;
}

/* Those that run, with ", " between them, and "..." for what there is no room for. */
static void list_running(char *text, size_t size)
{
	DIR *d = opendir(RUN_ROOT);
	const struct dirent *entry;
	struct instance in;
	size_t used = 0;

	text[0] = '\0';
	while (d && (entry = readdir(d)) && used + sizeof(in.name) + sizeof(", ...") < size) {
		if (instance_check(entry->d_name, NULL))
			continue;
		snprintf(in.name, sizeof(in.name), "%.*s", (int)sizeof(in.name) - 1, entry->d_name);
		snprintf(in.run_dir, sizeof(in.run_dir), RUN_ROOT "/%s", in.name);
		if (instance_running(&in))
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", in.name);
	}
	if (d && readdir(d))
		snprintf(text + used, size - used, ", ...");
	if (d)
		closedir(d);
}

const char *instance_remedy(const struct instance *in, char text[INSTANCE_REMEDY])
{
	const bool is_default = strcmp(in->name, "default") == 0;
	char running[120];

	list_running(running, sizeof(running));
	snprintf(text, INSTANCE_REMEDY, "%s%s%sstart 'xdp-ipsec %s%s%srun'%s",
		 *running ? "give '--instance NAME' for one that runs (" : "", running, *running ? "), or " : "",
		 is_default ? "" : "--instance ", is_default ? "" : in->name, is_default ? "" : " ",
		 *running ? "" : " first");
	return text;
}

/* The file may have been unlinked by the one who had the lock before us: then the lock is on nothing. */
static bool still_there(int fd, const char *path)
{
	struct stat by_fd, by_path;

	return fstat(fd, &by_fd) == 0 && stat(path, &by_path) == 0 && by_fd.st_ino == by_path.st_ino &&
	       by_fd.st_dev == by_path.st_dev;
}

/* last: also one that is dying, or has not yet written who he is, is waited for no longer. */
static int on_held(const struct instance *in, int fd, bool last, struct fault *f)
{
	char pid[16];
	bool dying;

	holder_pid(fd, pid);
	dying = is_dying(pid);
	return (dying || !pid[0]) && !last ? -EAGAIN : busy(in, pid, dying, f);
}

/* 0; -EAGAIN: to be tried again, as the holder is on its way out, or the file was; else the fault. */
static int try_lock(struct instance *in, const char *path, bool last, struct fault *f)
{
	int err, fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return run_fault(path, errno, f);
	err = take_both(fd);
	if (err) {
		err = err == -EAGAIN ? on_held(in, fd, last, f) : fault(f, -err, "%s: %s", path, strerror(-err));
	} else if (!still_there(fd, path)) {
		err = -EAGAIN;
	}
	if (err)
		close(fd);
	else
		in->lock_fd = fd;
	return err;
}

static int take_lock(struct instance *in, const char *path, struct fault *f)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	const uint64_t end = clock_now() + DYING_NS;
	int err;

	while ((err = try_lock(in, path, clock_now() >= end, f)) == -EAGAIN)
		nanosleep(&pause, NULL);
	return err;
}

/* For people, and commands: the lock is what counts, and no gate is left open because a disk is full. What one that was
 * killed has left is written over, as there is room for that. */
static void write_pid(const struct instance *in, const char *path)
{
	char pid[16];
	const int size = snprintf(pid, sizeof(pid), "%d\n", getpid());

	if (pwrite(in->lock_fd, pid, (size_t)size, 0) != size || ftruncate(in->lock_fd, size) < 0)
		log_warning("%s: cannot be written, so nobody can be told which process runs: make room in " RUN_ROOT,
			    path);
}

int instance_lock(struct instance *in, struct fault *f)
{
	char path[RUN_DIR_MAX + 8];
	int err = make_run_dir(RUN_ROOT, f);

	if (!err)
		err = make_run_dir(in->run_dir, f);
	pid_path(in, path, sizeof(path));
	if (!err)
		err = take_lock(in, path, f);
	if (!err)
		write_pid(in, path);
	return err;
}

void instance_keep_lock(struct instance *in, int fd)
{
	in->lock_fd = fd;
}

void instance_unlock(struct instance *in)
{
	char path[RUN_DIR_MAX + 8];

	if (in->lock_fd < 0)
		return;
	pid_path(in, path, sizeof(path));
	unlink(path);
	worker_place_remove(in->run_dir);
	rmdir(in->run_dir);
	close(in->lock_fd);
	in->lock_fd = -1;
}
