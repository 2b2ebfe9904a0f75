/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker_process.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "maps/turns.h"

#define WORKER "xdp-ipsec-worker"

/* One line, "ready AEAD". */
static void on_ready(void *arg, const char *line)
{
	struct worker *w = arg;

	if (sscanf(line, "ready %15[a-z0-9-]", w->aead) != 1)
		return;
	log_line("worker %d is ready (%s)", w->child.pid, w->aead);
	w->on_ready(w->arg);
}

/* It has ended, or never was. */
static void forget(struct worker *w)
{
	w->aead[0] = '\0';
	if (w->turns)
		turns_abandon(w->turns);
}

static void start(void *arg)
{
	struct worker *w = arg;
	struct child_options options = {0};
	int err;

	child_option_text(&options, "--instance", w->instance);
	child_option_dir(&options, "--maps", w->bpf_dir);
	child_option_fd(&options, "--vault", w->vault_fd);
	child_option_text(&options, "--aead", w->aead_option);
	for (unsigned i = 0; i < w->port_count; i++) {
		char index[12];

		snprintf(index, sizeof(index), "%u", w->ports[i].index);
		child_option_labelled_fd(&options, "--port", index, w->ports[i].tap_fd);
	}
	err = child_start(&w->child, &options);
	if (!err)
		return;
	log_line("starting the worker: %s", strerror(-err));
	forget(w);
	child_start_later(&w->child);
}

int worker_init(struct worker *w)
{
	w->child = (struct child){
		.name = "worker",
		.program = WORKER,
		.base = w->base,
		.on_again = start,
		.on_ready = on_ready,
		.arg = w,
	};
	return child_init(&w->child);
}

void worker_run(struct worker *w, const struct worker_port *ports, unsigned count)
{
	worker_stop(w);
	memcpy(w->ports, ports, count * sizeof(*ports));
	w->port_count = count;
	w->wanted = count > 0;
	w->child.backoff_ms = 0;
	if (w->wanted)
		start(w);
}

void worker_stop(struct worker *w)
{
	const bool ran = w->child.pid;

	w->wanted = false;
	w->aead[0] = '\0';
	child_stop(&w->child);
	if (ran)
		forget(w);
}

void worker_reap(struct worker *w)
{
	if (!child_reap(&w->child))
		return;
	forget(w);
	child_start_later(&w->child);
}

void worker_fini(struct worker *w)
{
	worker_stop(w);
	child_fini(&w->child);
}
