/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The service manager, as systemd is one (sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3)): it hears how this
 * process does, and keeps descriptors for the next one. Without it these do nothing.
 */
#ifndef LOADER_DAEMON_SERVICE_H
#define LOADER_DAEMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Of a descriptor's name, its NUL included. */
#define SERVICE_NAME_MAX 64

/*
 * Takes what the manager has told out of the environment, where children would find it, and keeps the descriptors that
 * came along from them. Called once, first of all.
 */
void service_begin(void);

/* Tells it a state, as "READY=1". */
void service_notify(const char *state);

/* Tells it that the configuration is read again; "READY=1" ends that. */
void service_reloading(void);

/* One line for people, in 'systemctl status'. */
__attribute__((format(printf, 1, 2))) void service_status(const char *format, ...);

/* How long it waits for "WATCHDOG=1" before it thinks that this process hangs, us; 0: it does not ask. */
uint64_t service_watchdog_us(void);

/* A descriptor that it was given under that name, the first that nobody has taken, the caller's to close from now on;
 * -1: there is none. */
int service_take_fd(const char *name);

/* The same of a name that begins so; rest gets what follows, and has room for SERVICE_NAME_MAX. */
int service_take_fd_like(const char *prefix, char *rest);

/* The name of the n-th that it has given, taken or not, which begins so, as above. False: there are not so many. */
bool service_look_like(const char *prefix, unsigned n, char *rest);

/* Gives it a copy of fd to keep under that name, whatever becomes of this process. False: there is no manager. */
bool service_store_fd(const char *name, int fd);

/* It need not keep what has that name any more. */
void service_drop_fd(const char *name);

/* Nor what it has given under names that begin so, taken or not. */
void service_drop_given(const char *prefix);

/* Closes those that nobody has taken, and has the manager let go of them, too. */
void service_end_fds(void);

/* A descriptor under a name, which has no colon. */
struct service_fd {
	char name[SERVICE_NAME_MAX];
	int fd;
};

/*
 * This process becomes another program, to which the manager's words and the descriptors come as they would from the
 * manager; no other descriptor does but stdin, stdout and stderr. Returns on an error alone: -errno, and descriptors
 * are not what they were.
 */
int service_exec(const char *path, char *const argv[], const struct service_fd *fds, unsigned count);

#endif
