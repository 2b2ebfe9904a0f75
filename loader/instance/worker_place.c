/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "worker_place.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

#define PLACE_MAX 80
/* The kernel takes apart what was killed, sockets of many queues one by one. */
#define END_NS 5000000000ULL

static int open_place(const char *run_dir, int flags)
{
	char path[PLACE_MAX];

	snprintf(path, sizeof(path), "%s/worker", run_dir);
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Nobody's yet. A pid is written over it, for which there is room also where the disk is full by then. */
static int write_down(const char *run_dir, pid_t pid)
{
	const int fd = open_place(run_dir, O_WRONLY);
	int err = fd < 0 || dprintf(fd, "%-11d\n", pid) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* Not to be written by the worker: who is to be ended is the supervisors' to say. */
int worker_place_take(const char *run_dir)
{
	struct flock shared = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	const int fd = open_place(run_dir, O_RDONLY | O_CREAT);
	struct stat st;
	int err = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || fcntl(fd, F_OFD_SETLK, &shared) < 0)
		err = -errno;
	else if (!st.st_size)
		err = write_down(run_dir, 0);
	if (!err)
		return fd;
	log_warning("%s/worker: %s: the worker cannot outlive its supervisor", run_dir, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

void worker_place_give(const char *run_dir, int place, pid_t worker)
{
	const int err = write_down(run_dir, worker);

	if (err)
		log_warning("%s/worker: worker %d is written down nowhere: %s", run_dir, worker, strerror(-err));
	close(place);
}

/* ---- of one that has outlived its supervisor ---- */

static bool is_held(int fd)
{
	struct flock alone = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_GETLK, &alone) == 0 && alone.l_type != F_UNLCK;
}

static bool is_worker(pid_t pid)
{
	char path[32], name[16] = "";
	FILE *comm;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	comm = fopen(path, "re");
	if (comm) {
		(void)!fread(name, 1, sizeof(name) - 1, comm);
		fclose(comm);
	}
	/* The kernel cuts it off. */
	return strncmp(name, "xdp-ipsec-worker", 15) == 0;
}

/* The pid is held first, so that whoever is found to be the worker then is the one that is killed. */
static void end_worker(int place, pid_t pid)
{
	const int process = (int)syscall(SYS_pidfd_open, pid, 0);

	if (process < 0)
		return;
	if (is_worker(pid) && is_held(place)) {
		log_line("worker %d has outlived its supervisor: ended", pid);
		syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
	}
	close(process);
}

static pid_t holder(int place)
{
	char text[16] = "";

	return pread(place, text, sizeof(text) - 1, 0) > 0 ? (pid_t)atoi(text) : 0;
}

pid_t worker_place_holder(const char *run_dir)
{
	const int place = open_place(run_dir, O_RDONLY);
	const pid_t pid = place >= 0 && is_held(place) ? holder(place) : 0;

	if (place >= 0)
		close(place);
	return pid;
}

bool worker_place_has_other(const char *run_dir, pid_t pid)
{
	const int place = open_place(run_dir, O_RDONLY);
	const pid_t last = place < 0 ? 0 : holder(place);

	if (place >= 0)
		close(place);
	return last > 0 && last != pid && is_worker(last);
}

static bool clears(int place)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	const uint64_t end = clock_now() + END_NS;

	while (is_held(place)) {
		if (clock_now() >= end)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

int worker_place_clear(const char *run_dir, struct fault *f)
{
	const int place = open_place(run_dir, O_RDONLY);
	const pid_t pid = place < 0 ? 0 : holder(place);
	bool clear;

	if (place < 0)
		return 0;
	if (pid > 0 && is_held(place))
		end_worker(place, pid);
	clear = clears(place);
	close(place);
	return clear ? 0
		     : fault(f, EBUSY,
			     "%s/worker: a worker of an earlier run is still there, and cannot be ended from here "
			     "(process %d, as that one's supervisor saw it): end it",
			     run_dir, pid);
}

void worker_place_remove(const char *run_dir)
{
	char path[PLACE_MAX];

	snprintf(path, sizeof(path), "%s/worker", run_dir);
	if (!worker_place_holder(run_dir))
		unlink(path);
}
