/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fault.h"
#include "process.h"

static const uint16_t ports[] = {500, 4500};

#define STOP_IT "stop it, and keep it from starting: two IKE daemons cannot share a host's ports"

/* As IKE will: nobody can tell better. */
static int try_port(uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* The inode of a socket that has the port, in a table of the kernel's; 0: there is none. */
static unsigned long find_socket(const char *table, uint16_t port)
{
	FILE *file = fopen(table, "re");
	unsigned long found = 0, inode;
	char line[512];
	unsigned local;

	while (file && !found && fgets(line, sizeof(line), file))
		if (sscanf(line, " %*[^:]: %*[^:]:%x %*s %*s %*s %*s %*s %*s %*s %lu", &local, &inode) == 2 &&
		    local == port)
			found = inode;
	if (file)
		fclose(file);
	return found;
}

static pid_t holder(uint16_t port, char name[PROCESS_NAME])
{
	unsigned long inode = find_socket("/proc/thread-self/net/udp", port);

	if (!inode)
		inode = find_socket("/proc/thread-self/net/udp6", port);
	return inode ? process_of_socket(inode, name) : 0;
}

void check_ike_ports(struct report *r)
{
	char name[PROCESS_NAME];
	bool taken = false;
	struct fault f;

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		const int err = try_port(ports[i]);
		const pid_t pid = err == -EADDRINUSE ? holder(ports[i], name) : 0;

		if (err != -EADDRINUSE)
			continue;
		taken = true;
		if (pid)
			fault(&f, EADDRINUSE, "UDP port %u is taken by %s (pid %d)", ports[i], name, (int)pid);
		else
			fault(&f, EADDRINUSE, "UDP port %u is taken, by a process that is not seen from here",
			      ports[i]);
		report_say(r, LEVEL_FAIL, "IKE ports", f.text, STOP_IT);
	}
	if (!taken)
		report_say(r, LEVEL_OK, "IKE ports", "UDP 500 and 4500 are free", NULL);
}

/* ---- others that do IKE ---- */

static bool is_ike_daemon(const char *name)
{
	static const char *const names[] = {"charon", "charon-systemd", "charon-nm", "pluto",
					    "racoon", "iked",		"isakmpd"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool has_a_port(pid_t pid)
{
	char name[PROCESS_NAME];

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (holder(ports[i], name) == pid)
			return true;
	return false;
}

static bool look(pid_t pid, const char *name, void *arg)
{
	struct fault f;

	if (is_ike_daemon(name) && !has_a_port(pid)) {
		fault(&f, EBUSY, "%s runs too (pid %d), and has the kernel do ESP", name, (int)pid);
		report_say(arg, LEVEL_WARN, "other IKE", f.text,
			   "stop it, unless its connections are for other hosts and its ports are others");
	}
	return true;
}

void check_ike_daemons(struct report *r)
{
	process_for_each(look, r);
}
