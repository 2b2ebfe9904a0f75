/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xdp-ipsec-iked: IKEv2. Started by `xdp-ipsec run`, never by hand.
 *
 *   xdp-ipsec-iked --instance NAME --maps FD --vault FD --control FD --keys FD --ready FD [--keylog FD]
 *   xdp-ipsec-iked --judge --control FD --keys FD --ready FD        what is in the files: 'xdp-ipsec check'
 *
 *   supervisor ══control══ protocol process ══questions══ key holder ══keys══ supervisor
 *
 * It becomes two processes: one that parses the network and has no key of its
 * host's, and one that has the keys and answers three questions.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon.h"
#include "dh.h"
#include "judge.h"
#include "prf.h"
#include "sandbox.h"

struct arguments {
	int maps_fd; /* the directory of the instance's maps */
	int vault_fd;
	int control_fd;
	int keys_fd;
	int ready_fd;
	int keylog_fd; /* -1: no key log */
	bool judge;
};

static int parse(struct arguments *a, int argc, char **argv, struct fault *f)
{
	static const struct option options[] = {
		{"instance", required_argument, NULL, 'i'},
		{"maps", required_argument, NULL, 'm'},
		{"vault", required_argument, NULL, 'v'},
		{"control", required_argument, NULL, 'c'},
		{"keys", required_argument, NULL, 'k'},
		{"ready", required_argument, NULL, 'r'},
		{"keylog", required_argument, NULL, 'l'},
		{"judge", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*a = (struct arguments){-1, -1, -1, -1, -1, -1, false};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'm')
			a->maps_fd = atoi(optarg);
		else if (c == 'v')
			a->vault_fd = atoi(optarg);
		else if (c == 'c')
			a->control_fd = atoi(optarg);
		else if (c == 'k')
			a->keys_fd = atoi(optarg);
		else if (c == 'r')
			a->ready_fd = atoi(optarg);
		else if (c == 'l')
			a->keylog_fd = atoi(optarg);
		else if (c == 'j')
			a->judge = true;
	}
	/* The name of the instance is for who looks at the processes. */
	if (((a->maps_fd < 0 || a->vault_fd < 0) && !a->judge) || a->control_fd < 0 || a->keys_fd < 0 ||
	    a->ready_fd < 0)
		return fault(f, EINVAL, "xdp-ipsec-iked is started by 'xdp-ipsec run'");
	return 0;
}

/* Stopped by the supervisor alone; SIGINT of a terminal reaches all of us. */
static void set_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The key holder has nothing of this process but its two sockets. */
static int start_keyholder(const struct arguments *a, int *questions, struct fault *f)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fault(f, errno, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return fault(f, errno, "fork: %s", strerror(errno));
	if (pid == 0) {
		close(ends[0]);
		close(a->control_fd);
		close(a->ready_fd);
		close_if_open(a->maps_fd);
		close_if_open(a->vault_fd);
		close_if_open(a->keylog_fd);
		signal(SIGTERM, SIG_IGN); /* it ends when its sockets do */
		_exit(keyholder_run(a->keys_fd, ends[1]));
	}
	close(ends[1]);
	close(a->keys_fd);
	*questions = ends[0];
	return 0;
}

/* What the libraries open or load at first use must be done before the doors close. */
static void warm_up(void)
{
	uint8_t secret[DH_SECRET_SIZE], out[PRF_SIZE_MAX];
	const struct chunk in = CHUNK(secret);
	struct dh dh = {0};

	memset(secret, 0, sizeof(secret));
	if (dh_generate(&dh) == 0)
		dh_derive(&dh, dh.public, secret);
	dh_free(&dh);
	for (uint16_t prf = 5; prf <= 7; prf++)
		prf_compute(prf, in, &in, 1, out);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(out, sizeof(out));
}

static int prepare(struct ike_daemon *d, const struct arguments *a, struct fault *f)
{
	int questions = -1, err;

	d->control = a->control_fd;
	d->keylog = a->keylog_fd;
	err = start_keyholder(a, &questions, f);
	/* To judge takes the supervisor's socket, and nothing else. */
	if (a->judge)
		return err ? err : sandbox_enter_protocol(-1, f);
	if (!err)
		err = sad_open(&d->sad, a->maps_fd, a->vault_fd, f);
	if (!err)
		err = sockets_open(&d->sockets, f);
	if (!err)
		err = sockets_publish(&d->sockets, &d->sad.maps, f);
	if (!err)
		err = keyholder_client_new(&d->keys, questions);
	if (!err)
		err = daemon_init(d, f);
	return err ? err : sandbox_enter_protocol(d->sad.maps.sad, f);
}

int main(int argc, char **argv)
{
	static struct ike_daemon daemon;
	struct arguments arguments;
	struct fault f = {""};

	vault_harden_process();
	set_signals();
	warm_up();
	if (parse(&arguments, argc, argv, &f) < 0 || prepare(&daemon, &arguments, &f) < 0) {
		fprintf(stderr, "xdp-ipsec-iked: %s\n", f.text);
		return EXIT_FAILURE;
	}
	if (write(arguments.ready_fd, "ready\n", 6) != 6)
		return EXIT_FAILURE;
	close(arguments.ready_fd);
	if (arguments.judge)
		judge_run(arguments.control_fd);
	else
		daemon_run(&daemon);
	return EXIT_SUCCESS;
}
