/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay INTERVAL_US COUNT
 *
 * A round trip's hand-overs and nothing else: a byte goes from this process to a
 * second, to a third and back, through sockets, each of them asleep in poll until it comes. That is
 * the way of a ping through the workers of two hosts on one machine, so it is what
 * the scheduler, and on a virtual machine the hypervisor, take of one. Between two
 * of them this process is awake, as ping is at short intervals. Prints each one's nanoseconds.
 */
#define _GNU_SOURCE
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "udp_flow.h"

static void make_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) < 0)
		err(1, "socketpair");
}

static void take(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char byte;

	if (poll(&wait, 1, -1) < 0 || recv(fd, &byte, 1, MSG_DONTWAIT) != 1)
		err(1, "receiving");
}

static void pass(int fd)
{
	if (send(fd, "", 1, 0) != 1)
		err(1, "sending");
}

/* A process that does `work` with the two sockets for as long as its parent lives. */
static void start(void (*work)(int, int), int a, int b)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		work(a, b);
}

static void forward(int near, int far)
{
	take(near);
	pass(far);
	take(far);
	pass(near);
}

static void answer(int near, int unused)
{
	(void)unused;
	take(near);
	pass(near);
}

int main(int argc, char **argv)
{
	int near[2], far[2];
	uint64_t interval, next;

	if (argc != 3)
		errx(2, "usage: relay INTERVAL_US COUNT");
	make_pair(near);
	make_pair(far);
	start(forward, near[1], far[0]);
	start(answer, far[1], -1);
	interval = strtoull(argv[1], NULL, 10) * 1000;
	next = now_ns();
	for (long n = atol(argv[2]); n > 0; n--) {
		uint64_t began;

		while (now_ns() < next)
			;
		began = now_ns();
		pass(near[0]);
		take(near[0]);
		printf("%llu\n", (unsigned long long)(now_ns() - began));
		next += interval;
	}
	return 0;
}
