/* SPDX-License-Identifier: BSD-2-Clause */
#include "left.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "service.h"

#define LEFT_TAP      "tap/"
#define LEFT_TAP_LINK "taplink/"
#define LEFT_SOCKET   "xsk/"
#define LEFT_MEMORY   "packets/"
#define LEFT_ORDERS   "worker/"

/* A manager hands them on in any order, so each has its place in its name. */
static void name_of(char name[SERVICE_NAME_MAX], const char *kind, const char *nic, unsigned n)
{
	snprintf(name, SERVICE_NAME_MAX, "%s%.15s/%u", kind, nic, n);
}

static void tell_one(const char *kind, const char *nic, unsigned n, int fd, left_fn *tell, void *arg)
{
	char name[SERVICE_NAME_MAX];

	name_of(name, kind, nic, n);
	if (fd >= 0)
		tell(arg, name, fd);
}

void left_tap(const char *nic, const struct tap *tap, int tap_link, left_fn *tell, void *arg)
{
	for (unsigned i = 0; i < tap->count; i++)
		tell_one(LEFT_TAP, nic, i, tap->fds[i], tell, arg);
	tell_one(LEFT_TAP_LINK, nic, 0, tap_link, tell, arg);
}

void left_sockets(const char *nic, const struct worker_sockets *sockets, left_fn *tell, void *arg)
{
	for (unsigned q = 0; q < sockets->count; q++)
		tell_one(LEFT_SOCKET, nic, q, sockets->fds[q], tell, arg);
	if (sockets->count)
		tell_one(LEFT_MEMORY, nic, 0, sockets->memory, tell, arg);
}

void left_orders(pid_t worker, int orders, left_fn *tell, void *arg)
{
	char name[SERVICE_NAME_MAX];

	snprintf(name, sizeof(name), LEFT_ORDERS "%d", worker);
	tell(arg, name, orders);
}

void left_keep(void *unused, const char *name, int fd)
{
	(void)unused;
	service_store_fd(name, fd);
}

void left_drop(void *unused, const char *name, int fd)
{
	(void)unused;
	(void)fd;
	service_drop_fd(name);
}

static void drop_given(const char *kind, const char *nic)
{
	char prefix[SERVICE_NAME_MAX];

	snprintf(prefix, sizeof(prefix), "%s%.15s/", kind, nic);
	service_drop_given(prefix);
}

/* What it has already it keeps once. But for the link, which each supervisor makes anew, that is so of all that was
 * gone on with. */
void left_keep_nic(const char *nic, const struct tap *tap, int tap_link, const struct worker_sockets *sockets)
{
	drop_given(LEFT_TAP_LINK, nic);
	left_tap(nic, tap, tap_link, left_keep, NULL);
	left_sockets(nic, sockets, left_keep, NULL);
}

/* ---- in the next ---- */

static struct nic_left *left_of(struct nics_left *left, const char *name)
{
	struct nic_left *nic;

	for (unsigned i = 0; i < left->count; i++)
		if (strcmp(left->nic[i].name, name) == 0)
			return &left->nic[i];
	if (left->count == PORTS_MAX || strlen(name) >= sizeof(nic->name))
		return NULL;
	nic = &left->nic[left->count++];
	*nic = (struct nic_left){.tap_link = -1};
	strcpy(nic->name, name);
	return nic;
}

static void take_tap(struct nics_left *left, const char *nic_name)
{
	struct nic_left *nic = left_of(left, nic_name);
	char name[SERVICE_NAME_MAX];
	int fd = -1;

	if (!nic)
		return;
	do {
		name_of(name, LEFT_TAP, nic_name, nic->tap.count);
		fd = nic->tap.count < 2 * QUEUES_MAX ? service_take_fd(name) : -1;
		if (fd >= 0)
			nic->tap.fds[nic->tap.count++] = fd;
	} while (fd >= 0);
	name_of(name, LEFT_TAP_LINK, nic_name, 0);
	nic->tap_link = service_take_fd(name);
	nic->tap.ifindex = nic->tap.count ? tap_ifindex(nic->tap.fds[0]) : 0;
}

/* By each one's first queue. What has none stays untaken, and is given up with the rest. */
void left_take_taps(struct nics_left *left)
{
	char rest[SERVICE_NAME_MAX];

	for (unsigned i = 0; service_look_like(LEFT_TAP, i, rest); i++) {
		char *end = strchr(rest, '/');

		if (!end || strcmp(end, "/0") != 0)
			continue;
		*end = '\0';
		take_tap(left, rest);
	}
}

void left_drop_taps(const struct nics_left *left)
{
	for (unsigned i = 0; i < left->count; i++) {
		if (left->nic[i].resumed)
			continue;
		drop_given(LEFT_TAP, left->nic[i].name);
		drop_given(LEFT_TAP_LINK, left->nic[i].name);
	}
}

void left_drop_orders(void)
{
	service_drop_given(LEFT_ORDERS);
}

void left_take_sockets(const char *nic, struct worker_sockets *sockets)
{
	char name[SERVICE_NAME_MAX];
	int fd;

	*sockets = (struct worker_sockets){.memory = -1};
	do {
		name_of(name, LEFT_SOCKET, nic, sockets->count);
		fd = sockets->count < QUEUES_MAX ? service_take_fd(name) : -1;
		if (fd >= 0)
			sockets->fds[sockets->count++] = fd;
	} while (fd >= 0);
	name_of(name, LEFT_MEMORY, nic, 0);
	sockets->memory = service_take_fd(name);
	if (sockets->memory < 0)
		worker_sockets_close(sockets);
}

/* Answers to orders of the supervisor before are no end. */
static bool is_alive(int orders)
{
	struct pollfd p = {.fd = orders};

	return poll(&p, 1, 0) == 0;
}

void left_end(pid_t worker, int orders)
{
	const int process = (int)syscall(SYS_pidfd_open, worker, 0);

	if (process >= 0 && is_alive(orders))
		syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
	if (process >= 0)
		close(process);
}

int left_take_orders(pid_t *worker)
{
	char pid[SERVICE_NAME_MAX];
	int orders;

	while ((orders = service_take_fd_like(LEFT_ORDERS, pid)) >= 0) {
		*worker = (pid_t)atoi(pid);
		if (*worker > 0 && is_alive(orders))
			return orders;
		left_orders(*worker, orders, left_drop, NULL);
		close(orders);
	}
	return -1;
}
