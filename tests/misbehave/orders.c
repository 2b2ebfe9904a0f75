/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "misbehave/misbehave.h"

static struct orders ours = {.none = true};
pid_t own_pid;
const struct orders *const orders = &ours;

/* Before main, while files can be read. */
__attribute__((constructor)) static void read_orders(void)
{
	char path[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 20);
	FILE *file;

	path[n > 0 ? n : 0] = '\0';
	strcpy(strrchr(path, '/') ? strrchr(path, '/') + 1 : path, "misbehave");
	file = fopen(path, "re");
	if (!file)
		return;
	ours.none =
		fscanf(file, "without %79s kill %19s victim %d secret %lu listens %u map %u pin %159s", ours.without,
		       ours.kill, &ours.victim, &ours.secret, &ours.listens, &ours.map, ours.pin) != 7;
	fclose(file);
}

bool is_without(const char *wall)
{
	return !ours.none && strstr(ours.without, wall);
}

static void say(const char *who, const char *name, int err)
{
	char line[160];
	const char *how = err == 0		       ? "done"
			  : err == -REFUSED_BY_SECCOMP ? "SIGSYS"
			  : strerrorname_np(-err)      ? strerrorname_np(-err)
						       : "?";
	const int n = snprintf(line, sizeof(line), "misbehave %s: %s: %s\n", who, name, how);

	if (write(STDERR_FILENO, line, (size_t)n) != n)
		abort();
}

static void try_all(const char *who, const struct attempt *a)
{
	for (; a && a->name; a++)
		say(who, a->name, a->act());
}

static const char *tried[8];

static bool is_first(const char *who)
{
	for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
		if (tried[i] && strcmp(tried[i], who) == 0)
			return false;
		if (!tried[i]) {
			tried[i] = who;
			return true;
		}
	}
	return false;
}

void misbehave(const char *who, const struct attempt *more)
{
	static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;
	char tries[20];

	if (ours.none)
		return;
	pthread_mutex_lock(&busy);
	if (!is_first(who)) {
		/* nothing: it has been tried */
	} else if (strcmp(ours.kill, who) == 0) {
		snprintf(tries, sizeof(tries), "%d tries", own_pid);
		say(who, tries, 0);
		syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);
		say(who, "it survives", 0);
	} else if (strcmp(ours.kill, "nobody") == 0) {
		try_all(who, attempts);
		try_all(who, more);
	}
	pthread_mutex_unlock(&busy);
}
