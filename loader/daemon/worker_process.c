/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child_told.h"
#include "cpu_lane.h"
#include "instance/worker_place.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/privileges.h"
#include "maps/turns.h"
#include "maps/worker_channel.h"
#include "service.h"

#define WORKER "xdp-ipsec-worker"
/* A lane gives up a NIC between two turns; unbinding each queue waits for grace periods of the kernel's, which take
 * long where all CPUs are busy. Longer, and the worker hangs. */
#define LET_GO_MS      3000
#define LET_GO_EACH_MS 2000
/* No manager is less patient. */
#define AWAIT_ROUND_MS 500
/* How long it goes on without a supervisor, where no manager keeps the other end of its orders as long as it is to go
 * on. */
#define OUTLIVES_S 120
/* How often each lane is made to take a turn, and how many times in a row in vain: then one hangs. */
#define PULSE_S	     2
#define PULSE_MISSED 3

/* ---- orders and answers ---- */

static void on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	child_kill(&w->child, "does not answer");
}

static void take_answer(struct worker *w, const struct worker_answer *answer)
{
	if (answer->kind == WORKER_DETACH)
		w->detached = true;
	else if (answer->kind == WORKER_ATTACH)
		worker_nics_attached(w, answer);
	else if (answer->kind == WORKER_PULSE)
		w->child.pulse.answered = w->child.pulse.asked;
	else if (answer->kind == WORKER_CAPTURE && answer->error && log_limit_allows(&w->complaints, "the worker"))
		log_warning("the worker cannot capture packets: %s", answer->text);
}

/* Takes the answers that are there, but not for ever. */
static void take_answers(struct worker *w)
{
	struct worker_answer answer;
	int err = 0;

	for (unsigned i = 0; i < WORKER_ANSWERS_MAX && !err; i++) {
		err = worker_answer_receive(w->orders, &answer);
		if (!err)
			take_answer(w, &answer);
	}
	if (err == -EBADMSG)
		child_kill(&w->child, "talks nonsense");
	/* It is gone, which SIGCHLD tells. */
	if (err && err != -EAGAIN)
		event_del(w->answers);
}

static void on_answers(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	take_answers(w);
	worker_nics_ask(w);
}

/* Binding takes its time, and has a deadline of its own. What has come meanwhile is heard first: this process, too, may
 * have been kept from its turns. */
static void on_pulse(evutil_socket_t fd, short what, void *arg)
{
	const struct worker_order order = {.kind = WORKER_PULSE};
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (!w->aead[0] || worker_nics_is_asking(w))
		return;
	take_answers(w);
	worker_nics_ask(w);
	if (child_has_answered(&w->child, PULSE_MISSED) && worker_order_send(w->orders, &order, NULL, 0) == 0)
		w->child.pulse.asked++;
}

/* ---- its life ---- */

/* One line, "ready AEAD LANES": it listens. */
static void on_line(void *arg, const char *line)
{
	struct worker *w = arg;

	char aead[sizeof(w->aead)];
	unsigned lanes;
	struct fault f;

	if (sscanf(line, "ready %15[a-z0-9-] %u", aead, &lanes) != 2 || lanes > LANES_MAX)
		return;
	strcpy(w->aead, aead);
	w->lane_count = lanes;
	if (cpu_lane_tell(w->maps, lanes, w->cpus, &f))
		log_warning("%s: no lane has an SA of its own", f.text);
	child_tell_started(&w->child, KIND_WORKER_STARTED);
	event_del(w->patience);
	if (w->capture_fd >= 0)
		worker_capture(w, w->capture_fd);
	worker_nics_tell_ready(w);
	if (worker_before_is_gone(&w->before))
		worker_nics_ask(w);
	else
		worker_before_end(&w->before);
}

/* It has let go, or was killed, perhaps in the midst of a turn. */
static void on_before_gone(void *arg)
{
	struct worker *w = arg;

	if (w->before.hard)
		turns_abandon(w->maps->turns);
	worker_nics_ask(w);
}

/* It has ended, or never was: what it served is to be served by the next one. */
static void forget(struct worker *w)
{
	w->aead[0] = '\0';
	w->told = false;
	if (w->answers)
		event_free(w->answers);
	w->answers = NULL;
	if (w->kept)
		left_orders(w->child.pid, w->orders, left_drop, NULL);
	if (w->orders >= 0)
		close(w->orders);
	w->orders = -1;
	w->kept = false;
	event_del(w->patience);
	event_del(w->retry);
	for (unsigned i = 0; i < PORTS_MAX; i++) {
		/* What no worker has gone on with yet, the next one may. */
		if (!w->ports[i].resume)
			worker_nic_give_up_sockets(w, i);
		if (w->ports[i].state != PORT_OFF)
			w->ports[i].state = PORT_WAITS;
	}
	if (worker_before_is_gone(&w->before))
		turns_abandon(w->maps->turns);
}

static int start_child(struct worker *w, int orders, int place)
{
	struct child_options options = {0};

	child_option_text(&options, "--instance", w->instance);
	child_option_dir(&options, "--maps", w->bpf_dir);
	child_option_fd(&options, "--vault", w->vault_fd);
	child_option_fd(&options, "--orders", orders);
	child_option_text(&options, "--aead", w->aead_option);
	child_option_number(&options, "--lanes", w->lanes);
	if (w->cpus[0])
		child_option_text(&options, "--cpus", w->cpus);
	if (w->low_latency)
		child_option_text(&options, "--latency", "low");
	if (!worker_before_is_gone(&w->before))
		child_option_text(&options, "--beside", NULL);
	if (place >= 0) {
		child_option_fd(&options, "--place", place);
		child_option_number(&options, "--outlives", w->manager ? 0 : OUTLIVES_S);
	}
	return child_start(&w->child, &options);
}

/* One that could not be found when its supervisor is gone ends with that. */
static int start_in_place(struct worker *w, int orders)
{
	const int place = w->run_dir ? worker_place_take(w->run_dir) : -1;
	int err = start_child(w, orders, place);

	if (place >= 0)
		worker_place_give(w->run_dir, place, w->child.pid);
	return err;
}

static int start_listening(struct worker *w, int orders)
{
	w->orders = orders;
	w->answers = event_new(w->base, orders, EV_READ | EV_PERSIST, on_answers, w);
	return w->answers && event_add(w->answers, NULL) == 0 ? 0 : -ENOMEM;
}

static void start(void *arg)
{
	struct worker *w = arg;
	int ends[2], err = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		err = -errno;
	if (!err) {
		err = start_listening(w, ends[0]);
		if (!err)
			err = start_in_place(w, ends[1]);
		close(ends[1]);
	}
	if (!err) {
		worker_be_patient(w);
		return;
	}
	log_warning("starting the worker: %s: %s", strerror(-err), privileges_remedy(-err, "this machine has no more"));
	forget(w);
	child_start_later(&w->child);
}

int worker_init(struct worker *w)
{
	const struct timeval pulse = {.tv_sec = PULSE_S};

	w->orders = -1;
	w->capture_fd = -1;
	w->patience = evtimer_new(w->base, on_silence, w);
	w->pulse = event_new(w->base, -1, EV_PERSIST, on_pulse, w);
	worker_before_init(&w->before, w->base, on_before_gone, w);
	w->child = (struct child){
		.name = "worker",
		.program = WORKER,
		.base = w->base,
		.on_again = start,
		.on_ready = on_line,
		.arg = w,
	};
	if (!w->patience || !w->pulse || event_add(w->pulse, &pulse) < 0 || worker_nics_init(w))
		return -ENOMEM;
	return child_init(&w->child);
}

static void stop(struct worker *w)
{
	const bool ran = w->child.pid;

	child_stop(&w->child);
	if (ran)
		forget(w);
}

/* ---- NICs ---- */

void worker_attach(struct worker *w, unsigned index, const struct worker_nic *nic)
{
	struct worker_port *p = &w->ports[index];

	if (p->resume && p->sockets.count != nic->queues)
		worker_nic_give_up_sockets(w, index);
	p->state = PORT_WAITS;
	p->nic = *nic;
	p->copy = false;
	p->why[0] = '\0';
	w->told = false;
	if (w->child.pid) {
		worker_nics_ask(w);
	} else {
		w->child.backoff_ms = 0;
		start(w);
	}
}

bool worker_on_link(struct worker *w, unsigned index, bool running)
{
	struct worker_port *p = &w->ports[index];

	p->nic.running = running;
	return running && p->state == PORT_ON && !p->tried && w->maps->port[index].zero_copy;
}

void worker_capture(struct worker *w, int fd)
{
	const struct worker_order order = {.kind = WORKER_CAPTURE};

	w->capture_fd = fd;
	if (w->aead[0] && worker_order_send(w->orders, &order, &fd, fd >= 0))
		log_warning("the worker cannot be told what to capture");
}

/* Takes answers until what is asked has been answered, or time is up. It is the worker that hangs then, and not this
 * process, which the manager has to be told meanwhile. */
static bool await(struct worker *w, const bool *answered, uint64_t until)
{
	while (!*answered) {
		struct pollfd p = {.fd = w->orders, .events = POLLIN};
		const int left = clock_ms_until(until), round = left < AWAIT_ROUND_MS ? left : AWAIT_ROUND_MS;

		service_notify("WATCHDOG=1");
		/* A signal is not an answer. */
		if (!left || (poll(&p, 1, round) < 0 && errno != EINTR) || p.revents & POLLHUP)
			return false;
		take_answers(w);
	}
	return true;
}

/* How long the worker may take to let go of a NIC, perhaps behind one that it is binding. */
static uint64_t patience_ms(const struct worker *w, const struct worker_port *p)
{
	const uint64_t queues = LET_GO_MS + (uint64_t)p->nic.queues * LET_GO_EACH_MS, most = WORKER_ANSWER_S * 1000;

	return queues < most && !worker_nics_is_asking(w) ? queues : most;
}

static bool let_go(struct worker *w, unsigned index, uint64_t patience)
{
	const struct worker_order order = {.kind = WORKER_DETACH, .port = index};

	w->detached = false;
	return worker_order_send(w->orders, &order, NULL, 0) == 0 && await(w, &w->detached, clock_in_ms(patience));
}

void worker_detach(struct worker *w, unsigned index)
{
	struct worker_port *p = &w->ports[index];
	const bool was = p->state != PORT_OFF;
	const uint64_t patience = patience_ms(w, p);

	/* In the midst of an upgrade: the NIC is the worker's before. */
	if (!worker_before_is_gone(&w->before)) {
		worker_before_kill(&w->before);
		turns_abandon(w->maps->turns);
	}
	if (p->state == PORT_ASKED)
		event_del(w->patience);
	worker_nic_give_up(w, index);
	p->state = PORT_OFF;
	if (!worker_is_wanted(w)) {
		stop(w);
		return;
	}
	if (!was || !w->aead[0])
		return;
	/* Also where it has failed here, it may be bound there. */
	if (let_go(w, index, patience)) {
		worker_nics_tell_ready(w);
		worker_nics_ask(w);
		return;
	}
	log_warning("worker %d does not let go of %.15s: ended", w->child.pid, worker_nic_name(w, index));
	/* It has been asked for long enough. */
	kill(w->child.pid, SIGKILL);
	stop(w);
	w->child.status = SIGKILL;
	child_tell_death(&w->child, KIND_WORKER_DIED);
	w->child.restarts++;
	child_start_later(&w->child);
}

void worker_reap(struct worker *w)
{
	if (!child_reap(&w->child))
		return;
	child_tell_death(&w->child, KIND_WORKER_DIED);
	forget(w);
	child_start_later(&w->child);
}

/* ---- to the next supervisor, and from the one before ---- */

void worker_inherit(struct worker *w, unsigned index, const struct worker_sockets *sockets)
{
	w->ports[index].sockets = *sockets;
	w->ports[index].resume = true;
}

void worker_leave(struct worker *w, left_fn *left, void *arg)
{
	if (w->aead[0] && worker_before_is_gone(&w->before)) {
		left_orders(w->child.pid, w->orders, left, arg);
		for (unsigned i = 0; i < PORTS_MAX; i++)
			if (w->ports[i].state == PORT_ON)
				left_sockets(worker_nic_name(w, i), &w->ports[i].sockets, left, arg);
	} else {
		stop(w);
	}
	event_del(w->patience);
	event_del(w->retry);
	event_del(w->pulse);
}

int worker_follow(struct worker *w, pid_t pid, int orders)
{
	return worker_before_is(&w->before, pid, orders);
}

void worker_fini(struct worker *w)
{
	worker_before_kill(&w->before);
	stop(w);
	worker_nics_fini(w);
	child_fini(&w->child);
	if (w->patience)
		event_free(w->patience);
	if (w->pulse)
		event_free(w->pulse);
	w->patience = w->pulse = NULL;
}
