/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child_process.h"
#include "clock.h"
#include "log.h"

/* The first death may be chance and costs no delay; then slower and slower, to leave the CPU alone. */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS	 5000
/* Having lived that long, it was not the start that failed. */
#define HEALTHY_NS 10000000000ULL

/* ---- options ---- */

static struct child_option *add(struct child_options *o, const char *name)
{
	static struct child_option nowhere;
	struct child_option *option = &nowhere;

	o->overflow = o->overflow || o->count == CHILD_OPTIONS_MAX;
	if (!o->overflow)
		option = &o->option[o->count++];
	*option = (struct child_option){.name = name, .fd = -1};
	return option;
}

void child_option_text(struct child_options *o, const char *name, const char *text)
{
	add(o, name)->text = text;
}

void child_option_number(struct child_options *o, const char *name, unsigned number)
{
	struct child_option *option = add(o, name);

	snprintf(option->value, sizeof(option->value), "%u", number);
}

void child_option_fd(struct child_options *o, const char *name, int fd)
{
	struct child_option *option;

	if (fd < 0)
		return;
	option = add(o, name);
	option->fd = fd;
	snprintf(option->value, sizeof(option->value), "%d", fd);
}

void child_option_labelled_fd(struct child_options *o, const char *name, const char *label, int fd)
{
	struct child_option *option;

	if (fd < 0)
		return;
	option = add(o, name);
	option->fd = fd;
	snprintf(option->value, sizeof(option->value), "%s:%d", label, fd);
}

void child_option_dir(struct child_options *o, const char *name, const char *dir)
{
	if (dir)
		add(o, name)->dir = dir;
}

/* ---- in the child ---- */

static bool hand_over(struct child_option *option)
{
	if (option->dir) {
		option->fd = child_inherits_dir(option->dir);
		snprintf(option->value, sizeof(option->value), "%d", option->fd);
		return option->fd >= 0;
	}
	return option->fd < 0 || child_inherits(option->fd);
}

static void exec_program(const struct child *c, struct child_options *o)
{
	const char *argv[2 * CHILD_OPTIONS_MAX + 2] = {c->program};
	char path[512];
	unsigned n = 1;
	bool ok = !o->overflow;

	for (unsigned i = 0; i < o->count; i++) {
		struct child_option *option = &o->option[i];

		ok = ok && hand_over(option);
		argv[n++] = option->name;
		if (option->text || option->value[0])
			argv[n++] = option->text ? option->text : option->value;
	}
	if (!ok)
		_exit(EXIT_FAILURE);
	program_find(c->program, path, sizeof(path));
	execv(path, (char *const *)argv);
	log_warning("%s: %s: reinstall xdp-ipsec", path, strerror(errno));
	_exit(EXIT_FAILURE);
}

/* ---- ready ---- */

static void forget_ready(struct child *c)
{
	if (c->ready)
		event_free(c->ready);
	if (c->ready_fd >= 0)
		close(c->ready_fd);
	c->ready = NULL;
	c->ready_fd = -1;
}

static void read_line(int fd, char line[CHILD_LINE_MAX])
{
	const ssize_t n = read(fd, line, CHILD_LINE_MAX - 1);

	line[n > 0 ? n : 0] = '\0';
}

static void on_line(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	char line[CHILD_LINE_MAX];

	(void)what;
	read_line(fd, line);
	forget_ready(c);
	c->on_ready(c->arg, line);
}

static int hear_line(struct child *c)
{
	if (!c->on_ready)
		return 0;
	c->ready = event_new(c->base, c->ready_fd, EV_READ, on_line, c);
	return c->ready && event_add(c->ready, NULL) == 0 ? 0 : -ENOMEM;
}

bool child_wait_line(struct child *c, char line[CHILD_LINE_MAX], int milliseconds)
{
	struct pollfd readable = {.fd = c->ready_fd, .events = POLLIN};
	int n;

	line[0] = '\0';
	do
		n = poll(&readable, 1, milliseconds);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		read_line(c->ready_fd, line);
	forget_ready(c);
	return n != 0;
}

/* ---- its life ---- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	c->on_again(c->arg);
}

int child_init(struct child *c)
{
	c->ready_fd = -1;
	c->again = c->base ? evtimer_new(c->base, on_timer, c) : NULL;
	return c->again || !c->base ? 0 : -ENOMEM;
}

/* What becomes of the fork. */
struct becomes {
	const struct child_options *options; /* a program with these; NULL: */
	int (*be)(void *arg, int ready);     /* a copy that runs this */
	void *arg;
};

static void become(const struct child *c, const struct becomes *b, const int ends[2])
{
	struct child_options all;

	close(ends[0]);
	if (!b->options)
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): who has no options has this */
		_exit(b->be(b->arg, ends[1]));
	all = *b->options;
	child_option_fd(&all, "--ready", ends[1]);
	exec_program(c, &all);
}

static int start(struct child *c, const struct becomes *b)
{
	int ends[2], err = 0;
	pid_t pid;

	if (c->again)
		evtimer_del(c->again);
	c->started_ns = clock_now();
	c->oom_kills = child_oom_kills();
	c->pulse = (struct child_pulse){0};
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = child_fork();
	if (pid == 0)
		become(c, b, ends);
	if (pid < 0)
		err = -errno;
	else
		c->pid = pid;
	close(ends[1]);
	c->ready_fd = ends[0];
	if (!err)
		err = hear_line(c);
	/* Nor may it live: it is started again, and two would be on the same sockets. */
	if (err)
		child_stop(c);
	return err;
}

int child_start(struct child *c, const struct child_options *o)
{
	const struct becomes program = {.options = o};

	return start(c, &program);
}

int child_start_copy(struct child *c, int (*be)(void *arg, int ready), void *arg)
{
	const struct becomes copy = {.be = be, .arg = arg};

	return start(c, &copy);
}

void child_start_later(struct child *c)
{
	const struct timeval delay = {c->backoff_ms / 1000, (c->backoff_ms % 1000) * 1000};

	evtimer_add(c->again, &delay);
	c->backoff_ms = c->backoff_ms ? c->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (c->backoff_ms > BACKOFF_MAX_MS)
		c->backoff_ms = BACKOFF_MAX_MS;
}

bool child_reap(struct child *c)
{
	int status;

	if (!c->pid || waitpid(c->pid, &status, WNOHANG) != c->pid)
		return false;
	child_log_death(c->name, c->pid, status, child_oom_kills() > c->oom_kills);
	forget_ready(c);
	c->pid = 0;
	c->status = status;
	c->restarts++;
	if (clock_now() - c->started_ns >= HEALTHY_NS)
		c->backoff_ms = 0;
	return true;
}

bool child_has_answered(struct child *c, unsigned rounds)
{
	struct child_pulse *pulse = &c->pulse;

	if (!c->pid || pulse->asked == pulse->answered) {
		pulse->missed = 0;
		return true;
	}
	if (++pulse->missed == rounds)
		child_kill(c, "does not answer");
	return false;
}

void child_kill(const struct child *c, const char *why)
{
	if (c->pid <= 0)
		return;
	log_warning("%s %d %s: killed", c->name, c->pid, why);
	kill(c->pid, SIGKILL);
}

void child_stop(struct child *c)
{
	if (c->again)
		evtimer_del(c->again);
	forget_ready(c);
	if (c->pid)
		child_end(c->name, c->pid);
	c->pid = 0;
}

void child_fini(struct child *c)
{
	if (!c->again)
		return;
	child_stop(c);
	event_free(c->again);
	c->again = NULL;
}
