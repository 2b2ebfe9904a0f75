/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "worker_before.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "maps/worker_channel.h"

/* What is half done is given half a second, in all lanes at once (worker/loop.c). Longer, and it hangs. */
#define LEAVE_S 3
/* The kernel takes apart what was killed. */
#define KILL_MS 5000

void worker_before_init(struct worker_before *b, struct event_base *base, void (*on_gone)(void *arg), void *arg)
{
	*b = (struct worker_before){.base = base, .on_gone = on_gone, .arg = arg, .end = -1, .orders = -1};
}

static void forget_process(struct worker_before *b)
{
	if (!b->pid)
		return;
	if (b->ended)
		event_free(b->ended);
	if (b->end >= 0)
		close(b->end);
	b->ended = NULL;
	b->end = -1;
	/* If it is a child. */
	waitpid(b->pid, NULL, WNOHANG);
	b->pid = 0;
}

static void let_go(struct worker_before *b)
{
	if (b->answer)
		event_free(b->answer);
	if (b->patience)
		event_free(b->patience);
	b->answer = b->patience = NULL;
	close(b->orders);
	b->orders = -1;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct worker_before *b = arg;

	(void)fd;
	(void)what;
	forget_process(b);
	if (worker_before_is_gone(b))
		return;
	b->hard = true;
	let_go(b);
	b->on_gone(b->arg);
}

/* The pid is of the one with the other end of orders, if that is still there once the pid is held. */
static int watch(struct worker_before *b, pid_t pid, int orders)
{
	struct pollfd other_end = {.fd = orders};

	b->end = (int)syscall(SYS_pidfd_open, pid, 0);
	if (b->end < 0)
		return -errno;
	if (poll(&other_end, 1, 0) != 0)
		return -ESRCH;
	b->ended = event_new(b->base, b->end, EV_READ, on_end, b);
	return b->ended && event_add(b->ended, NULL) == 0 ? 0 : -ENOMEM;
}

int worker_before_is(struct worker_before *b, pid_t pid, int orders)
{
	const int err = watch(b, pid, orders);

	b->pid = pid;
	b->orders = orders;
	if (!err)
		return 0;
	/* Not left to itself, with NICs that nobody else could have. */
	if (err != -ESRCH)
		kill(pid, SIGKILL);
	let_go(b);
	forget_process(b);
	return err;
}

bool worker_before_is_gone(const struct worker_before *b)
{
	return b->orders < 0;
}

static void end_hard(const struct worker_before *b)
{
	syscall(SYS_pidfd_send_signal, b->end, SIGKILL, NULL, 0);
}

static void lose_patience(struct worker_before *b)
{
	log_warning("worker %d does not let go of its NICs: killed", b->pid);
	b->hard = true;
	/* Its end tells the rest. */
	end_hard(b);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lose_patience(arg);
}

/* Answers to orders of the supervisor before may come first. */
static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct worker_before *b = arg;
	struct worker_answer answer = {0};
	int err = 0;

	(void)what;
	for (unsigned i = 0; i < WORKER_ANSWERS_MAX && !err && answer.kind != WORKER_LEAVE; i++)
		err = worker_answer_receive(fd, &answer);
	if (err && err != -EAGAIN)
		event_del(b->answer);
	if (err || answer.kind != WORKER_LEAVE)
		return;
	let_go(b);
	b->on_gone(b->arg);
}

static int begin(struct worker_before *b)
{
	const struct worker_order order = {.kind = WORKER_LEAVE};
	const struct timeval patience = {.tv_sec = LEAVE_S};

	b->answer = event_new(b->base, b->orders, EV_READ | EV_PERSIST, on_answer, b);
	b->patience = evtimer_new(b->base, on_patience, b);
	if (!b->answer || !b->patience || event_add(b->answer, NULL) || event_add(b->patience, &patience))
		return -ENOMEM;
	return worker_order_send(b->orders, &order, NULL, 0);
}

void worker_before_end(struct worker_before *b)
{
	/* The next worker was started twice. */
	if (b->answer)
		return;
	if (begin(b))
		lose_patience(b);
}

void worker_before_kill(struct worker_before *b)
{
	if (b->orders >= 0)
		let_go(b);
	if (!b->pid)
		return;
	end_hard(b);
	poll(&(struct pollfd){.fd = b->end, .events = POLLIN}, 1, KILL_MS);
	forget_process(b);
}
