/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

/* Time to close sockets and say good-bye; more is a hang. */
#define STOP_MS 2000
#define POLL_MS 5

bool program_find(const char *name, char *path, size_t size)
{
	static const char *const places[] = {"", "../libexec/xdp-ipsec/"};
	char self[400];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, "%.*s/%s%s", slash ? (int)(slash - self) : 0, self, places[i], name);
		if (slash && access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* SIGKILL and SIGSTOP cannot be, nor those in between that the C library keeps for itself; they have no handlers. */
static void forget_handlers(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
}

/* Those of libevent write into a pipe that the child shares with its parent. */
pid_t child_fork(void)
{
	const pid_t parent = getpid();
	sigset_t all, before, none;
	pid_t child;
	int err;

	sigfillset(&all);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &all, &before);
	child = fork();
	err = errno;
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The parent may have died before that took effect. */
		if (getppid() != parent)
			_exit(EXIT_FAILURE);
		forget_handlers();
	}
	sigprocmask(SIG_SETMASK, child == 0 ? &none : &before, NULL);
	errno = err;
	return child;
}

bool child_inherits(int fd)
{
	return fcntl(fd, F_SETFD, 0) == 0;
}

int child_inherits_dir(const char *path)
{
	return open(path, O_PATH | O_DIRECTORY);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Whether it ended within the time, however many signals come meanwhile: of other children that end, or of who ends all
 * of us at once. Filters of system calls that are older than pidfd_open() forbid it. */
static bool wait_for_end(pid_t pid, int milliseconds)
{
	const uint64_t deadline = clock_in_ms((uint64_t)milliseconds);
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int n;

	while (end.fd < 0 && !has_ended(pid) && clock_ms_until(deadline))
		poll(NULL, 0, POLL_MS);
	if (end.fd < 0)
		return has_ended(pid);
	do
		n = poll(&end, 1, clock_ms_until(deadline));
	while (n < 0 && errno == EINTR);
	close(end.fd);
	return n == 1;
}

void child_end(const char *what, pid_t pid)
{
	kill(pid, SIGTERM);
	if (!wait_for_end(pid, STOP_MS)) {
		log_warning("%s %d does not stop: killed", what, pid);
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

uint64_t child_oom_kills(void)
{
	static const char name[] = "oom_kill ";
	FILE *all = fopen("/proc/vmstat", "re");
	uint64_t kills = 0;
	char line[80];

	while (all && fgets(line, sizeof(line), all))
		if (strncmp(line, name, sizeof(name) - 1) == 0)
			kills = strtoull(line + sizeof(name) - 1, NULL, 10);
	if (all)
		fclose(all);
	return kills;
}

void child_log_death(const char *what, pid_t pid, int status, bool starved)
{
	const char *why = starved ? ", and the kernel has killed for want of memory meanwhile: 'dmesg' tells whom, and "
				    "whether it is the machine's or a control group's: 'MemoryMax=' of the service"
				  : "";

	if (WIFSIGNALED(status))
		log_warning("%s %d was ended by signal %d (%s)%s: starting it again", what, pid, WTERMSIG(status),
			    strsignal(WTERMSIG(status)), why);
	else
		log_warning("%s %d ended with status %d%s: starting it again", what, pid, WEXITSTATUS(status), why);
}
