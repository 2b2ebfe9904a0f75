/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/one_fd.h"

/* SD_LISTEN_FDS_START */
#define FIRST_FD 3

static struct {
	struct sockaddr_un address;
	socklen_t size; /* 0: there is no manager */
	uint64_t watchdog_us;
	unsigned count;
	struct service_fd *given; /* fd -1: taken */
} manager;

/* ---- what it has told ---- */

static void take_address(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(manager.address.sun_path))
		return;
	manager.address.sun_family = AF_UNIX;
	memcpy(manager.address.sun_path, path, strlen(path));
	if (path[0] == '@')
		manager.address.sun_path[0] = '\0';
	manager.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

/* 0: not given, or no number. */
static uint64_t number(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	const uint64_t n = text ? strtoull(text, &end, 10) : 0;

	return text && *text && !*end ? n : 0;
}

/* What a variable says is for the process whose pid another one has: who is started by that one inherits both. */
static bool is_for_us(const char *variable)
{
	return number(variable) == (uint64_t)getpid();
}

/* Names stand in the order of the descriptors, with a colon between two. */
static void take_fds(unsigned count)
{
	const char *names = getenv("LISTEN_FDNAMES");

	if (!count)
		return;
	manager.given = calloc(count, sizeof(*manager.given));
	for (unsigned i = 0; i < count; i++) {
		const size_t n = names ? strcspn(names, ":") : 0;
		const int fd = FIRST_FD + (int)i;

		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			break;
		if (manager.given && n < SERVICE_NAME_MAX) {
			manager.given[manager.count].fd = fd;
			snprintf(manager.given[manager.count++].name, SERVICE_NAME_MAX, "%.*s", (int)n,
				 names ? names : "");
		}
		if (names)
			names += n + (names[n] == ':');
	}
}

void service_begin(void)
{
	static const char *const told[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
					   "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};

	take_address();
	if (!getenv("WATCHDOG_PID") || is_for_us("WATCHDOG_PID"))
		manager.watchdog_us = number("WATCHDOG_USEC");
	if (is_for_us("LISTEN_PID"))
		take_fds((unsigned)number("LISTEN_FDS"));
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		unsetenv(told[i]);
}

uint64_t service_watchdog_us(void)
{
	return manager.watchdog_us;
}

/* ---- what it is told ---- */

/* fd: -1, or one that goes along. */
static bool tell(const char *state, int fd)
{
	struct iovec text = {.iov_base = (void *)state, .iov_len = strlen(state)};
	struct msghdr message = {
		.msg_name = &manager.address,
		.msg_namelen = manager.size,
		.msg_iov = &text,
		.msg_iovlen = 1,
	};
	union one_fd control;
	int s;
	bool sent;

	if (!manager.size)
		return false;
	one_fd_add(&message, &control, fd);
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return false;
	sent = sendmsg(s, &message, MSG_NOSIGNAL) >= 0;
	close(s);
	return sent;
}

void service_notify(const char *state)
{
	tell(state, -1);
}

void service_reloading(void)
{
	struct timespec now;
	char state[80];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
	tell(state, -1);
}

void service_status(const char *format, ...)
{
	char state[256] = "STATUS=";
	const size_t n = strlen(state);
	va_list args;

	va_start(args, format);
	vsnprintf(state + n, sizeof(state) - n, format, args);
	va_end(args);
	tell(state, -1);
}

/* ---- what it keeps ---- */

int service_take_fd_like(const char *prefix, char *rest)
{
	for (unsigned i = 0; i < manager.count; i++) {
		const int fd = manager.given[i].fd;

		if (fd < 0 || strncmp(manager.given[i].name, prefix, strlen(prefix)) != 0)
			continue;
		strcpy(rest, manager.given[i].name + strlen(prefix));
		manager.given[i].fd = -1;
		return fd;
	}
	return -1;
}

bool service_look_like(const char *prefix, unsigned n, char *rest)
{
	for (unsigned i = 0; i < manager.count; i++) {
		if (strncmp(manager.given[i].name, prefix, strlen(prefix)) != 0 || n--)
			continue;
		strcpy(rest, manager.given[i].name + strlen(prefix));
		return true;
	}
	return false;
}

int service_take_fd(const char *name)
{
	for (unsigned i = 0; i < manager.count; i++) {
		const int fd = manager.given[i].fd;

		if (fd < 0 || strcmp(manager.given[i].name, name) != 0)
			continue;
		manager.given[i].fd = -1;
		return fd;
	}
	return -1;
}

/* Without a poll: what the manager keeps is to be there although nobody has the other end of it. */
bool service_store_fd(const char *name, int fd)
{
	char state[SERVICE_NAME_MAX + 40];

	snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	return tell(state, fd);
}

void service_drop_fd(const char *name)
{
	char state[SERVICE_NAME_MAX + 40];

	snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	tell(state, -1);
}

void service_drop_given(const char *prefix)
{
	for (unsigned i = 0; i < manager.count; i++)
		if (strncmp(manager.given[i].name, prefix, strlen(prefix)) == 0)
			service_drop_fd(manager.given[i].name);
}

void service_end_fds(void)
{
	for (unsigned i = 0; i < manager.count; i++) {
		if (manager.given[i].fd < 0)
			continue;
		close(manager.given[i].fd);
		service_drop_fd(manager.given[i].name);
		manager.given[i].fd = -1;
	}
}

/* ---- to the next program of this process ---- */

static int put_number(const char *variable, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return setenv(variable, text, 1);
}

static int put_names(const struct service_fd *fds, unsigned count)
{
	char *names = malloc((size_t)count * SERVICE_NAME_MAX + 1), *end = names;
	int err;

	if (!names)
		return -1;
	*end = '\0';
	for (unsigned i = 0; i < count; i++)
		end += sprintf(end, "%s%s", i ? ":" : "", fds[i].name);
	err = setenv("LISTEN_FDNAMES", names, 1);
	free(names);
	return err;
}

static int put_words(const struct service_fd *fds, unsigned count)
{
	char address[sizeof(manager.address.sun_path) + 1];
	int err =
		put_names(fds, count) | put_number("LISTEN_FDS", count) | put_number("LISTEN_PID", (uint64_t)getpid());

	if (manager.watchdog_us)
		err |= put_number("WATCHDOG_USEC", manager.watchdog_us);
	if (!manager.size)
		return err;
	snprintf(address, sizeof(address), "%c%.106s", manager.address.sun_path[0] ? '/' : '@',
		 manager.address.sun_path + 1);
	return err | setenv("NOTIFY_SOCKET", address, 1);
}

/* Out of the way first, where none is among those that they are to be. */
static int put_fds(const struct service_fd *fds, unsigned count)
{
	const int above = FIRST_FD + (int)count;
	int *moved = calloc(count + 1, sizeof(*moved)), err = moved ? 0 : -ENOMEM;

	for (unsigned i = 0; i < count && !err; i++) {
		moved[i] = fcntl(fds[i].fd, F_DUPFD, above);
		err = moved[i] < 0 ? -errno : 0;
	}
	for (unsigned i = 0; i < count && !err; i++)
		err = dup2(moved[i], FIRST_FD + (int)i) < 0 ? -errno : 0;
	free(moved);
	if (!err)
		syscall(SYS_close_range, (unsigned)above, ~0U, 0);
	return err;
}

int service_exec(const char *path, char *const argv[], const struct service_fd *fds, unsigned count)
{
	int err = put_words(fds, count) ? -ENOMEM : put_fds(fds, count);

	if (err)
		return err;
	execv(path, argv);
	return -errno;
}
