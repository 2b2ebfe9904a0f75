/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker_nics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"

/* When a NIC that could not be served is tried again: sooner, then slower and slower. */
#define RETRY_FIRST_MS 200
#define RETRY_MAX_MS   5000

bool worker_is_wanted(const struct worker *w)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (w->ports[i].state != PORT_OFF)
			return true;
	return false;
}

bool worker_is_ready(const struct worker *w)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (w->ports[i].state != PORT_OFF && w->ports[i].state != PORT_ON)
			return false;
	return w->aead[0];
}

const char *worker_nic_name(const struct worker *w, unsigned index)
{
	return w->maps->port[index].name;
}

static void retry_later(struct worker *w)
{
	const struct timeval delay = {w->retry_ms / 1000, (int)(w->retry_ms % 1000) * 1000};

	if (event_pending(w->retry, EV_TIMEOUT, NULL))
		return;
	event_add(w->retry, &delay);
	w->retry_ms = 2 * w->retry_ms < RETRY_MAX_MS ? 2 * w->retry_ms : RETRY_MAX_MS;
}

/* What the next supervisor would go on with, if the manager keeps descriptors. */
static void keep(struct worker *w, unsigned index)
{
	struct worker_port *p = &w->ports[index];

	if (!w->kept) {
		left_drop_orders();
		left_orders(w->child.pid, w->orders, left_keep, NULL);
	}
	left_keep_nic(worker_nic_name(w, index), p->nic.tap, *p->nic.tap_link, &p->sockets);
	w->kept = p->kept = true;
}

void worker_nic_give_up_sockets(struct worker *w, unsigned index)
{
	struct worker_port *p = &w->ports[index];

	if (p->kept || p->resume)
		left_sockets(worker_nic_name(w, index), &p->sockets, left_drop, NULL);
	worker_sockets_close(&p->sockets);
	p->resume = false;
}

void worker_nic_give_up(struct worker *w, unsigned index)
{
	struct worker_port *p = &w->ports[index];

	worker_nic_give_up_sockets(w, index);
	if (p->kept)
		left_tap(worker_nic_name(w, index), p->nic.tap, *p->nic.tap_link, left_drop, NULL);
	p->kept = false;
}

/* As long as it is for the same reason it is said once. */
static void fail(struct worker *w, unsigned index, const char *why)
{
	struct worker_port *p = &w->ports[index];

	if (strncmp(p->why, why, sizeof(p->why) - 1) != 0)
		log_warning("%.15s: the worker cannot serve it: %s", worker_nic_name(w, index), why);
	snprintf(p->why, sizeof(p->why), "%s", why);
	worker_nic_give_up_sockets(w, index);
	p->state = PORT_FAILED;
	retry_later(w);
}

static int send_attach(struct worker *w, unsigned index, struct fault *f)
{
	struct worker_port *p = &w->ports[index];
	const struct worker_order order = {
		.kind = WORKER_ATTACH,
		.port = index,
		.queues = p->nic.queues,
		.tap_queues = p->nic.tap->count / 2,
		.udp_segments = p->nic.tap->udp_segments,
		.running = p->nic.running,
		.copy = p->copy,
		.resume = p->resume,
		.links = *p->nic.tap_link >= 0,
	};
	int fds[WORKER_FDS_MAX], err = 0;
	unsigned n;

	/* What another worker has left has carried something. */
	p->tried = order.running || order.resume;
	if (!p->resume)
		err = worker_sockets_make(&p->sockets, order.queues, &w->maps->port[index], f);
	if (err)
		return err;
	memcpy(fds, p->sockets.fds, order.queues * sizeof(int));
	n = order.queues;
	memcpy(fds + n, p->nic.tap->fds, p->nic.tap->count * sizeof(int));
	n += p->nic.tap->count;
	fds[n++] = p->sockets.memory;
	if (order.links)
		fds[n++] = *p->nic.tap_link;
	err = worker_order_send(w->orders, &order, fds, n);
	return err ? fault(f, -err, "%s", strerror(-err)) : 0;
}

void worker_be_patient(struct worker *w)
{
	const struct timeval patience = {.tv_sec = WORKER_ANSWER_S};

	event_add(w->patience, &patience);
}

static void ask(struct worker *w, unsigned index)
{
	struct fault f;

	if (send_attach(w, index, &f)) {
		fail(w, index, f.text);
		return;
	}
	w->ports[index].state = PORT_ASKED;
	worker_be_patient(w);
}

static int find(const struct worker *w, int state)
{
	for (int i = 0; i < PORTS_MAX; i++)
		if ((int)w->ports[i].state == state)
			return i;
	return -1;
}

bool worker_nics_is_asking(const struct worker *w)
{
	return find(w, PORT_ASKED) >= 0;
}

static bool may_ask(const struct worker *w)
{
	return w->aead[0] && worker_before_is_gone(&w->before) && !worker_nics_is_asking(w);
}

void worker_nics_ask(struct worker *w)
{
	int next;

	while (may_ask(w) && (next = find(w, PORT_WAITS)) >= 0)
		ask(w, (unsigned)next);
}

/* What could not be served keeps no other NIC waiting meanwhile. */
static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (w->ports[i].state == PORT_FAILED)
			w->ports[i].state = PORT_WAITS;
	worker_nics_ask(w);
}

void worker_nics_tell_ready(struct worker *w)
{
	if (w->told || !worker_is_ready(w))
		return;
	w->told = true;
	w->retry_ms = RETRY_FIRST_MS;
	log_line("worker %d is ready (%s)", w->child.pid, w->aead);
	w->on_ready(w->arg);
}

void worker_nics_attached(struct worker *w, const struct worker_answer *answer)
{
	struct worker_port *p = &w->ports[answer->port];
	int err = 0;

	/* Detached meanwhile, or never asked for. */
	if (p->state != PORT_ASKED)
		return;
	event_del(w->patience);
	if (answer->error && p->resume) {
		log_line("%.15s: is served anew: %s", worker_nic_name(w, answer->port), answer->text);
		worker_nic_give_up_sockets(w, answer->port);
		p->state = PORT_WAITS;
		return;
	}
	if (answer->error == EOPNOTSUPP && !p->copy) {
		log_warning("%s; going on by copying", answer->text);
		p->copy = true;
		worker_sockets_close(&p->sockets);
		p->state = PORT_WAITS;
		return;
	}
	if (!answer->error)
		err = worker_sockets_enter(&p->sockets, w->maps, answer->port);
	if (answer->error || err) {
		fail(w, answer->port, answer->error ? answer->text : strerror(-err));
		return;
	}
	w->maps->port[answer->port].zero_copy = answer->zero_copy != 0;
	p->resume = false;
	p->why[0] = '\0';
	p->state = PORT_ON;
	keep(w, answer->port);
	worker_nics_tell_ready(w);
}

int worker_nics_init(struct worker *w)
{
	w->retry_ms = RETRY_FIRST_MS;
	w->retry = evtimer_new(w->base, on_retry, w);
	return w->retry ? 0 : -ENOMEM;
}

void worker_nics_fini(struct worker *w)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		worker_nic_give_up(w, i);
	if (w->retry)
		event_free(w->retry);
	w->retry = NULL;
}
