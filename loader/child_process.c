/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "child_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

#ifndef LIBEXECDIR
#define LIBEXECDIR "/usr/local/libexec/xdp-ipsec"
#endif

/* Time to close sockets and say good-bye; more is a hang. */
#define STOP_MS 2000

bool program_find(const char *name, char *path, size_t size)
{
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash) {
		snprintf(path, size, "%.*s/%s", (int)(slash - self), self, name);
		if (access(path, X_OK) == 0)
			return true;
	}
	snprintf(path, size, LIBEXECDIR "/%s", name);
	return access(path, X_OK) == 0;
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

/* Whether it ended within the time. */
static bool wait_for_end(pid_t pid, int milliseconds)
{
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	const bool ended = end.fd >= 0 && poll(&end, 1, milliseconds) == 1;

	if (end.fd >= 0)
		close(end.fd);
	return ended;
}

void child_end(const char *what, pid_t pid)
{
	kill(pid, SIGTERM);
	if (!wait_for_end(pid, STOP_MS)) {
		log_line("%s %d does not stop: killed", what, pid);
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void child_log_death(const char *what, pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		log_line("%s %d was ended by signal %d (%s): starting it again", what, pid, WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		log_line("%s %d ended with status %d: starting it again", what, pid, WEXITSTATUS(status));
}
