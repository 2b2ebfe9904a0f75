/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xdp-ipsec-worker: the datapath. Started by `xdp-ipsec run`, never by hand.
 *
 *   xdp-ipsec-worker --instance NAME --maps FD --vault FD --ready FD [--aead NAME] --port INDEX:TAPFD ...
 *
 * It opens maps, vault and sockets as root, gives everything up, and moves
 * packets until SIGTERM. What it knows is in the maps, so it may be killed at any
 * instant and started again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "inbound.h"
#include "lib/privileges.h"
#include "loop.h"
#include "maps/turns.h"
#include "outbound.h"
#include "sandbox.h"

struct arguments {
	const char *aead;
	int maps_fd; /* the directory of the instance's maps */
	int vault_fd;
	int ready_fd;
	uint32_t port_count;
	struct {
		uint32_t index;
		int tap_fd;
	} ports[PORTS_MAX];
};

static volatile sig_atomic_t stop;

static void on_term(int signal)
{
	(void)signal;
	stop = 1;
}

/* The worker is told when to stop by the supervisor alone; SIGINT of a terminal reaches both. */
static void set_signals(void)
{
	struct sigaction term = {.sa_handler = on_term}, ignore = {.sa_handler = SIG_IGN};
	sigset_t blocked;

	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static int parse_port(struct arguments *a, const char *text, struct fault *f)
{
	uint32_t index;
	int fd;

	if (a->port_count == PORTS_MAX || sscanf(text, "%u:%d", &index, &fd) != 2 || index >= PORTS_MAX)
		return fault(f, EINVAL, "--port %s: not INDEX:TAPFD", text);
	a->ports[a->port_count].index = index;
	a->ports[a->port_count++].tap_fd = fd;
	return 0;
}

static int parse(struct arguments *a, int argc, char **argv, struct fault *f)
{
	static const struct option options[] = {
		{"instance", required_argument, NULL, 'i'},
		{"maps", required_argument, NULL, 'm'},
		{"vault", required_argument, NULL, 'v'},
		{"ready", required_argument, NULL, 'r'},
		{"aead", required_argument, NULL, 'a'},
		{"port", required_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};
	int c, err = 0;

	*a = (struct arguments){.aead = "auto", .maps_fd = -1, .vault_fd = -1, .ready_fd = -1};
	while (!err && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'i')
			continue; /* for who looks at the processes */
		if (c == 'm')
			a->maps_fd = atoi(optarg);
		else if (c == 'v')
			a->vault_fd = atoi(optarg);
		else if (c == 'r')
			a->ready_fd = atoi(optarg);
		else if (c == 'a')
			a->aead = optarg;
		else if (c == 'p')
			err = parse_port(a, optarg, f);
		else
			err = fault(f, EINVAL, "xdp-ipsec-worker is started by 'xdp-ipsec run'");
	}
	if (!err && (a->maps_fd < 0 || a->vault_fd < 0 || a->ready_fd < 0))
		err = fault(f, EINVAL, "xdp-ipsec-worker is started by 'xdp-ipsec run'");
	return err;
}

static int open_maps(struct worker *w, const struct arguments *a, struct fault *f)
{
	char dir[BPFFS_PATH_MAX];
	int err;

	bpffs_inherited_dir(dir, a->maps_fd);
	err = maps_open(&w->maps, dir, f);
	close(a->maps_fd);
	return err;
}

static int prepare(struct worker *w, struct port_state *ports, const struct arguments *a, struct fault *f)
{
	int err = open_maps(w, a, f);

	if (!err)
		err = vault_map(&w->vault, a->vault_fd, false, f);
	if (!err) {
		w->aead = aead_select(a->aead, f);
		err = w->aead ? 0 : -ENOTSUP;
	}
	if (!err)
		err = ip_id_init(&w->ip_ids, f);
	if (!err)
		err = sa_cache_create(&w->sas, w->aead, &w->maps, &w->vault, f);
	for (uint32_t i = 0; i < a->port_count && !err; i++) {
		err = port_open(&ports[i], w, a->ports[i].index, a->ports[i].tap_fd, f);
		if (!err)
			err = inbound_init(&ports[i], f);
		if (!err)
			err = outbound_init(&ports[i], f);
	}
	/* The sockets were another worker's as long as that one lived, so what it was in the midst of is over. */
	if (!err)
		turn_end(w->maps.turns, w->lane);
	maps_close_fds(&w->maps);
	return err ? err : sandbox_enter(f);
}

/* By one plain write: stdio would ask for more system calls than are left. */
static void tell_ready(int fd, const char *aead)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "ready %s\n", aead);

	if (write(fd, line, (size_t)n) != n)
		_exit(1);
}

int main(int argc, char **argv)
{
	static struct worker worker;
	static struct port_state ports[PORTS_MAX];
	struct arguments arguments;
	struct fault f = {""};

	privileges_harden();
	set_signals();
	/* Sleeps of tens of microseconds must not become hundreds. */
	prctl(PR_SET_TIMERSLACK, 1);
	if (parse(&arguments, argc, argv, &f) < 0 || prepare(&worker, ports, &arguments, &f) < 0) {
		fprintf(stderr, "xdp-ipsec-worker: %s\n", f.text);
		return 1;
	}
	tell_ready(arguments.ready_fd, worker.aead->name);
	loop_run(&worker, ports, arguments.port_count, &stop);
	return 0;
}
