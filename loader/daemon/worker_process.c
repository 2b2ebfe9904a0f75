/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker_process.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/privileges.h"
#include "maps/turns.h"
#include "maps/worker_channel.h"
#include "net/busy_poll.h"

#define WORKER "xdp-ipsec-worker"
/* Copy mode charges frames to the socket; the default buffer ends at some 90 of them. */
#define SEND_BUFFER (4 << 20)
/* A lane gives up a NIC between two turns; unbinding each queue waits for grace periods of the kernel's, which take
 * long where all CPUs are busy. Longer, and the worker hangs. */
#define LET_GO_MS      3000
#define LET_GO_EACH_MS 2000
/* Binding waits for a worker that has just died, for two seconds a queue at most. Longer, and the worker hangs; so it
 * does if it does not say by then that it listens. */
#define ANSWER_S 30
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
		if (w->ports[i].state == PORT_WAITS || w->ports[i].state == PORT_ASKED)
			return false;
	return w->aead[0];
}

/* ---- sockets of a NIC ---- */

static void close_sockets(struct worker_port *p)
{
	while (p->socket_count)
		close(p->sockets[--p->socket_count]);
}

/* What takes privileges is done here: the worker has none. */
static int make_socket(void)
{
	const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), buffer = SEND_BUFFER;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	return fd;
}

static int make_sockets(struct worker_port *p, unsigned count, struct fault *f)
{
	while (p->socket_count < count) {
		const int fd = make_socket();

		if (fd < 0) {
			close_sockets(p);
			return fault(f, -fd, "AF_XDP: %s: %s", strerror(-fd),
				     privileges_remedy(-fd, "the kernel needs CONFIG_XDP_SOCKETS"));
		}
		p->sockets[p->socket_count++] = fd;
	}
	return 0;
}

/* A NIC whose sockets cannot have it goes on without. */
static void set_busy_poll(const struct worker_port *p, struct port *port)
{
	const int err = port->busy_poll ? busy_poll_set(p->sockets, p->socket_count) : 0;

	if (!err)
		return;
	port->busy_poll = 0;
	log_line("%.15s: busy-poll: %s: %s; going on without", port->name, strerror(-err),
		 privileges_remedy(-err, "it takes Linux 5.11 with CONFIG_NET_RX_BUSY_POLL"));
}

/* From now on what XDP redirects arrives. */
static int enter_sockets(struct worker *w, unsigned index)
{
	const struct worker_port *p = &w->ports[index];

	for (unsigned q = 0; q < p->socket_count; q++)
		if (bpf_map_update_elem(w->maps->xsks, &(uint32_t){index * QUEUES_MAX + q}, &p->sockets[q], BPF_ANY) <
		    0)
			return -errno;
	return 0;
}

/* ---- orders and answers ---- */

static void retry_later(struct worker *w)
{
	const struct timeval delay = {w->retry_ms / 1000, (int)(w->retry_ms % 1000) * 1000};

	event_add(w->retry, &delay);
	w->retry_ms = 2 * w->retry_ms < RETRY_MAX_MS ? 2 * w->retry_ms : RETRY_MAX_MS;
}

static void fail(struct worker *w, unsigned index, const char *why)
{
	log_line("%.15s: the worker cannot serve it: %s", w->maps->port[index].name, why);
	close_sockets(&w->ports[index]);
	w->ports[index].state = PORT_WAITS;
	retry_later(w);
}

static int send_attach(struct worker *w, unsigned index, struct fault *f)
{
	struct worker_port *p = &w->ports[index];
	const struct worker_order order = {
		.kind = WORKER_ATTACH,
		.port = index,
		.queues = p->queues,
		.tap_queues = p->tap->count / 2,
		.udp_segments = p->tap->udp_segments,
		.running = p->running,
		.copy = p->copy,
	};
	int fds[WORKER_FDS_MAX], err = make_sockets(p, order.queues, f);

	if (err)
		return err;
	set_busy_poll(p, &w->maps->port[index]);
	memcpy(fds, p->sockets, p->socket_count * sizeof(int));
	memcpy(fds + p->socket_count, p->tap->fds, p->tap->count * sizeof(int));
	err = worker_order_send(w->orders, &order, fds, p->socket_count + p->tap->count);
	return err ? fault(f, -err, "%s", strerror(-err)) : 0;
}

static void lose_patience_later(struct worker *w)
{
	const struct timeval patience = {.tv_sec = ANSWER_S};

	event_add(w->retry, &patience);
}

static void ask(struct worker *w, unsigned index)
{
	struct fault f;

	if (send_attach(w, index, &f)) {
		fail(w, index, f.text);
		return;
	}
	w->ports[index].state = PORT_ASKED;
	lose_patience_later(w);
}

static int find(const struct worker *w, int state)
{
	for (int i = 0; i < PORTS_MAX; i++)
		if ((int)w->ports[i].state == state)
			return i;
	return -1;
}

/* Asks for the next NIC that waits: one at a time, so that nothing here waits for the worker. */
static void ask_next(struct worker *w)
{
	const int next = find(w, PORT_WAITS);

	if (w->aead[0] && next >= 0 && find(w, PORT_ASKED) < 0 && !event_pending(w->retry, EV_TIMEOUT, NULL))
		ask(w, (unsigned)next);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (find(w, PORT_ASKED) >= 0 || !w->aead[0])
		child_kill(&w->child, "does not answer");
	else
		ask_next(w);
}

static void tell_once_ready(struct worker *w)
{
	if (w->told || !worker_is_ready(w))
		return;
	w->told = true;
	w->retry_ms = RETRY_FIRST_MS;
	log_line("worker %d is ready (%s)", w->child.pid, w->aead);
	w->on_ready(w->arg);
}

static void on_attached(struct worker *w, const struct worker_answer *answer)
{
	struct worker_port *p = &w->ports[answer->port];
	int err = 0;

	/* Detached meanwhile, or never asked for. */
	if (p->state != PORT_ASKED)
		return;
	event_del(w->retry);
	if (answer->error == EOPNOTSUPP && !p->copy) {
		log_line("%s; going on by copying", answer->text);
		p->copy = true;
		close_sockets(p);
		p->state = PORT_WAITS;
		return;
	}
	if (!answer->error)
		err = enter_sockets(w, answer->port);
	if (answer->error || err) {
		fail(w, answer->port, answer->error ? answer->text : strerror(-err));
		return;
	}
	close_sockets(p);
	p->state = PORT_ON;
	tell_once_ready(w);
}

/* Takes the answers that are there. */
static void take_answers(struct worker *w)
{
	struct worker_answer answer;
	int err;

	while (!(err = worker_answer_receive(w->orders, &answer))) {
		if (answer.kind == WORKER_DETACH)
			w->detached = true;
		else if (answer.kind == WORKER_ATTACH)
			on_attached(w, &answer);
		else if (answer.error)
			log_line("the worker cannot capture packets: %s", answer.text);
	}
	if (err == -EBADMSG)
		child_kill(&w->child, "talks nonsense");
	/* It is gone, which SIGCHLD tells. */
	if (err != -EAGAIN)
		event_del(w->answers);
}

static void on_answers(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	take_answers(w);
	ask_next(w);
}

/* ---- its life ---- */

/* One line, "ready AEAD LANES": it listens. */
static void on_line(void *arg, const char *line)
{
	struct worker *w = arg;

	char aead[sizeof(w->aead)];
	unsigned lanes;

	if (sscanf(line, "ready %15[a-z0-9-] %u", aead, &lanes) != 2 || lanes > LANES_MAX)
		return;
	strcpy(w->aead, aead);
	w->lane_count = lanes;
	event_del(w->retry);
	if (w->capture_fd >= 0)
		worker_capture(w, w->capture_fd);
	tell_once_ready(w);
	ask_next(w);
}

/* It has ended, or never was: what it served is to be served by the next one. */
static void forget(struct worker *w)
{
	w->aead[0] = '\0';
	w->told = false;
	if (w->answers)
		event_free(w->answers);
	w->answers = NULL;
	if (w->orders >= 0)
		close(w->orders);
	w->orders = -1;
	event_del(w->retry);
	for (unsigned i = 0; i < PORTS_MAX; i++) {
		close_sockets(&w->ports[i]);
		if (w->ports[i].state != PORT_OFF)
			w->ports[i].state = PORT_WAITS;
	}
	turns_abandon(w->maps->turns);
}

static int start_child(struct worker *w, int orders)
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
	return child_start(&w->child, &options);
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
			err = start_child(w, ends[1]);
		close(ends[1]);
	}
	if (!err) {
		lose_patience_later(w);
		return;
	}
	log_line("starting the worker: %s", strerror(-err));
	forget(w);
	child_start_later(&w->child);
}

int worker_init(struct worker *w)
{
	w->orders = -1;
	w->capture_fd = -1;
	w->retry_ms = RETRY_FIRST_MS;
	w->retry = evtimer_new(w->base, on_retry, w);
	w->child = (struct child){
		.name = "worker",
		.program = WORKER,
		.base = w->base,
		.on_again = start,
		.on_ready = on_line,
		.arg = w,
	};
	return w->retry ? child_init(&w->child) : -ENOMEM;
}

static void stop(struct worker *w)
{
	const bool ran = w->child.pid;

	child_stop(&w->child);
	if (ran)
		forget(w);
}

/* ---- NICs ---- */

void worker_attach(struct worker *w, unsigned index, const struct tap *tap, unsigned queues, bool running)
{
	w->ports[index] = (struct worker_port){.state = PORT_WAITS, .tap = tap, .queues = queues, .running = running};
	w->told = false;
	if (w->child.pid) {
		ask_next(w);
	} else {
		w->child.backoff_ms = 0;
		start(w);
	}
}

void worker_capture(struct worker *w, int fd)
{
	const struct worker_order order = {.kind = WORKER_CAPTURE};

	w->capture_fd = fd;
	if (w->aead[0] && worker_order_send(w->orders, &order, &fd, fd >= 0))
		log_line("the worker cannot be told what to capture");
}

/* Takes answers until what is asked has been answered, or time is up. */
static bool await(struct worker *w, const bool *answered, uint64_t until)
{
	while (!*answered) {
		struct pollfd p = {.fd = w->orders, .events = POLLIN};
		const uint64_t now = maps_now();

		/* A signal is not an answer. */
		if (now >= until || (poll(&p, 1, (int)((until - now) / 1000000) + 1) < 0 && errno != EINTR) ||
		    p.revents & POLLHUP)
			return false;
		take_answers(w);
	}
	return true;
}

/* How long the worker may take to let go of a NIC, perhaps behind one that it is binding. */
static uint64_t patience_ms(const struct worker *w, const struct worker_port *p)
{
	const uint64_t queues = LET_GO_MS + (uint64_t)p->queues * LET_GO_EACH_MS, most = ANSWER_S * 1000;

	return queues < most && find(w, PORT_ASKED) < 0 ? queues : most;
}

static bool let_go(struct worker *w, unsigned index, uint64_t patience)
{
	const struct worker_order order = {.kind = WORKER_DETACH, .port = index};

	w->detached = false;
	return worker_order_send(w->orders, &order, NULL, 0) == 0 &&
	       await(w, &w->detached, maps_now() + patience * 1000000);
}

void worker_detach(struct worker *w, unsigned index)
{
	struct worker_port *p = &w->ports[index];
	const bool was = p->state != PORT_OFF;
	const uint64_t patience = patience_ms(w, p);

	if (p->state == PORT_ASKED)
		event_del(w->retry);
	close_sockets(p);
	p->state = PORT_OFF;
	if (!worker_is_wanted(w)) {
		stop(w);
		return;
	}
	if (!was || !w->aead[0])
		return;
	/* Also where it has failed here, it may be bound there. */
	if (let_go(w, index, patience)) {
		tell_once_ready(w);
		ask_next(w);
		return;
	}
	log_line("worker %d does not let go of %.15s: ended", w->child.pid, w->maps->port[index].name);
	stop(w);
	w->child.restarts++;
	child_start_later(&w->child);
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
	stop(w);
	child_fini(&w->child);
	if (w->retry)
		event_free(w->retry);
	w->retry = NULL;
}
