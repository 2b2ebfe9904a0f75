/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "worker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/child_process.h"
#include "lib/log.h"
#include "maps/maps.h"
#include "maps/turns.h"

#define WORKER "xdp-ipsec-worker"
/* The first death may be chance and costs no delay; then slower and slower, to leave the CPU alone. */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS	 5000
/* Having lived that long, it was not the start that failed. */
#define HEALTHY_NS 10000000000ULL

/* ---- in the child ---- */

struct command_line {
	char numbers[3 + PORTS_MAX][24];
	const char *argv[11 + 2 * PORTS_MAX + 1];
};

static void build_command_line(struct command_line *c, const struct worker *w, int maps_fd, int ready_fd)
{
	const char **at = c->argv;

	snprintf(c->numbers[0], sizeof(c->numbers[0]), "%d", w->vault_fd);
	snprintf(c->numbers[1], sizeof(c->numbers[1]), "%d", ready_fd);
	snprintf(c->numbers[2], sizeof(c->numbers[2]), "%d", maps_fd);
	*at++ = WORKER;
	*at++ = "--instance";
	*at++ = w->instance;
	*at++ = "--maps";
	*at++ = c->numbers[2];
	*at++ = "--vault";
	*at++ = c->numbers[0];
	*at++ = "--ready";
	*at++ = c->numbers[1];
	*at++ = "--aead";
	*at++ = w->aead_option;
	for (unsigned i = 0; i < w->port_count; i++) {
		snprintf(c->numbers[3 + i], sizeof(c->numbers[3 + i]), "%u:%d", w->ports[i].index, w->ports[i].tap_fd);
		*at++ = "--port";
		*at++ = c->numbers[3 + i];
	}
	*at = NULL;
}

static void exec_worker(const struct worker *w, int ready_fd)
{
	struct command_line line;
	char path[512];
	const int maps_fd = child_inherits_dir(w->bpf_dir);
	bool ok = maps_fd >= 0 && child_inherits(w->vault_fd) && child_inherits(ready_fd);

	for (unsigned i = 0; i < w->port_count; i++)
		ok = ok && child_inherits(w->ports[i].tap_fd);
	if (!ok)
		_exit(EXIT_FAILURE);
	build_command_line(&line, w, maps_fd, ready_fd);
	program_find(WORKER, path, sizeof(path));
	execv(path, (char *const *)line.argv);
	log_line("%s: %s: reinstall xdp-ipsec", path, strerror(errno));
	_exit(EXIT_FAILURE);
}

/* ---- ready ---- */

static void forget_ready(struct worker *w)
{
	if (w->ready)
		event_free(w->ready);
	if (w->ready_fd >= 0)
		close(w->ready_fd);
	w->ready = NULL;
	w->ready_fd = -1;
}

/* One line, "ready AEAD"; a worker that dies first closes the pipe without. */
static void on_ready_line(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	char line[64];
	ssize_t n = read(fd, line, sizeof(line) - 1);

	(void)what;
	line[n > 0 ? n : 0] = '\0';
	forget_ready(w);
	if (sscanf(line, "ready %15[a-z0-9-]", w->aead) != 1)
		return;
	log_line("worker %d is ready (%s)", w->pid, w->aead);
	w->on_ready(w->arg);
}

/* ---- start and stop ---- */

static void start(struct worker *w);

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start(arg);
}

static void start_later(struct worker *w)
{
	const struct timeval delay = {w->backoff_ms / 1000, (w->backoff_ms % 1000) * 1000};

	evtimer_add(w->again, &delay);
	if (w->backoff_ms == 0)
		w->backoff_ms = BACKOFF_FIRST_MS;
	else if (w->backoff_ms < BACKOFF_MAX_MS)
		w->backoff_ms = w->backoff_ms * 2 < BACKOFF_MAX_MS ? w->backoff_ms * 2 : BACKOFF_MAX_MS;
}

/* It has ended and was waited for. */
static void has_ended(struct worker *w)
{
	w->pid = 0;
	if (w->turns)
		turns_abandon(w->turns);
}

static int spawn(struct worker *w)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	w->pid = child_fork();
	if (w->pid == 0)
		exec_worker(w, ends[1]);
	close(ends[1]);
	if (w->pid < 0) {
		const int err = -errno;

		w->pid = 0;
		close(ends[0]);
		return err;
	}
	w->ready_fd = ends[0];
	w->ready = event_new(w->base, ends[0], EV_READ, on_ready_line, w);
	if (w->ready && event_add(w->ready, NULL) == 0)
		return 0;
	/* It is started again: two would be on the same sockets. */
	forget_ready(w);
	child_end("worker", w->pid);
	has_ended(w);
	return -ENOMEM;
}

static void start(struct worker *w)
{
	int err;

	w->started_ns = maps_now();
	w->aead[0] = '\0';
	err = spawn(w);
	if (err) {
		log_line("starting the worker: %s", strerror(-err));
		start_later(w);
	}
}

int worker_init(struct worker *w)
{
	w->ready_fd = -1;
	w->again = evtimer_new(w->base, on_again, w);
	return w->again ? 0 : -ENOMEM;
}

void worker_run(struct worker *w, const struct worker_port *ports, unsigned count)
{
	worker_stop(w);
	memcpy(w->ports, ports, count * sizeof(*ports));
	w->port_count = count;
	w->wanted = count > 0;
	w->backoff_ms = 0;
	if (w->wanted)
		start(w);
}

void worker_stop(struct worker *w)
{
	w->wanted = false;
	w->aead[0] = '\0';
	evtimer_del(w->again);
	forget_ready(w);
	if (!w->pid)
		return;
	child_end("worker", w->pid);
	has_ended(w);
}

void worker_reap(struct worker *w)
{
	int status;

	if (!w->pid || waitpid(w->pid, &status, WNOHANG) != w->pid)
		return;
	child_log_death("worker", w->pid, status);
	forget_ready(w);
	has_ended(w);
	w->aead[0] = '\0';
	w->restarts++;
	if (maps_now() - w->started_ns >= HEALTHY_NS)
		w->backoff_ms = 0;
	start_later(w);
}

void worker_fini(struct worker *w)
{
	worker_stop(w);
	event_free(w->again);
}
