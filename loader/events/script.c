/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "script.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/script_file.h"
#include "event_text.h"
#include "lib/child_process.h"

#define PREFIX "XDP_IPSEC_"
/* Of the environment: PATH, what it has missed, the NULL, and what each event has. */
#define ENTRIES_MAX (EVENT_VALUES_MAX + 9)

/* ---- in the child ---- */

static char *entry_of(const cJSON *value)
{
	char name[EVENT_NAME_MAX + sizeof(PREFIX)], text[EVENT_VALUE_MAX], *entry;

	snprintf(name, sizeof(name), PREFIX "%s", value->string);
	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return asprintf(&entry, "%s=%s", name, event_value_text(value, text)) < 0 ? NULL : entry;
}

static void fill_environment(char *entries[ENTRIES_MAX], const cJSON *event, unsigned missed)
{
	const cJSON *value;
	unsigned n = 0;

	entries[n++] = strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (asprintf(&entries[n], PREFIX "MISSED=%u", missed) > 0)
		n++;
	cJSON_ArrayForEach(value, event)
		if (n < ENTRIES_MAX - 1 && (entries[n] = entry_of(value)))
			n++;
	entries[n] = NULL;
}

/* Its output is the log's. A group of its own is what can be killed with all that is in it. */
static void become(const char *real, const cJSON *event, unsigned missed)
{
	char *argv[] = {(char *)real, (char *)json_text(event, "event"), NULL}, *environment[ENTRIES_MAX];
	const int nothing = open("/dev/null", O_RDONLY);

	setsid();
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(EXIT_FAILURE);
	fill_environment(environment, event, missed);
	execve(real, argv, environment);
	log_warning("event-script %s: %s", real, strerror(errno));
	_exit(EXIT_FAILURE);
}

/* ---- one run ---- */

static void complain(struct script *s, const char *why)
{
	if (log_limit_allows(&s->limit, "event-script"))
		log_warning("event-script %s, for %s: %s", s->path, s->event, why);
}

/* Looked at anew each time: it may have been given to others since. */
static int start(struct script *s, const cJSON *event)
{
	char real[PATH_MAX];
	struct fault f;

	snprintf(s->event, sizeof(s->event), "%s", json_text(event, "event"));
	if (script_file_check(s->path, real, &f)) {
		complain(s, f.text);
		return -EPERM;
	}
	s->pid = child_fork();
	if (s->pid == 0)
		become(real, event, s->missed);
	if (s->pid < 0) {
		s->pid = 0;
		complain(s, strerror(errno));
		return -EAGAIN;
	}
	s->missed = 0;
	evtimer_add(s->late, &s->patience);
	return 0;
}

static cJSON *take_first(struct script *s)
{
	cJSON *first = s->queue[0];

	s->count--;
	memmove(s->queue, s->queue + 1, s->count * sizeof(s->queue[0]));
	return first;
}

/* One that cannot be run for one event is not run for those that wait either, and is tried again with the next. */
static void run_next(struct script *s)
{
	while (!s->pid && s->count) {
		cJSON *event = take_first(s);

		s->missed += start(s, event) != 0;
		cJSON_Delete(event);
	}
}

/* What it has left running in its group ends with it: nothing of an event outlives its time. */
static void end_group(const struct script *s)
{
	kill(-s->pid, SIGKILL);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct script *s = arg;

	(void)fd;
	(void)what;
	if (!s->pid)
		return;
	complain(s, "has not ended in its time: killed");
	/* It is not the leader of a group before it has come that far. */
	kill(s->pid, SIGKILL);
	end_group(s);
}

/* ---- what its owner calls ---- */

int script_init(struct script *s, struct event_base *base, const char *path)
{
	*s = (struct script){
		.path = path, .late = evtimer_new(base, on_late, s), .patience = {.tv_sec = SCRIPT_SECONDS}};
	return s->late ? 0 : -ENOMEM;
}

void script_run(struct script *s, const cJSON *event)
{
	const enum event_kind kind = kind_find(json_text(event, "event"));
	const bool others = kind < KINDS && kinds[kind].flags & KIND_OF_OTHERS;
	cJSON *copy;

	if (!s->late || !s->path[0])
		return;
	copy = s->count < (others ? SCRIPT_QUEUE_OTHERS : SCRIPT_QUEUE_MAX) ? cJSON_Duplicate(event, true) : NULL;
	if (!copy) {
		s->missed++;
		if (log_limit_allows(&s->limit, "event-script"))
			log_warning("event-script %s: too slow for what happens: it misses %s", s->path,
				    json_text(event, "event"));
		return;
	}
	s->queue[s->count++] = copy;
	run_next(s);
}

void script_reap(struct script *s)
{
	siginfo_t info = {.si_pid = 0};
	char why[60];
	int status;

	if (!s->pid || waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
		return;
	/* As long as it is not reaped, its number is nobody else's. */
	end_group(s);
	waitpid(s->pid, &status, 0);
	s->pid = 0;
	evtimer_del(s->late);
	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		snprintf(why, sizeof(why), "ended with status %d", WEXITSTATUS(status));
		complain(s, why);
	}
	run_next(s);
}

void script_stop(struct script *s)
{
	if (!s->late)
		return;
	while (s->count)
		cJSON_Delete(take_first(s));
	if (s->pid) {
		kill(s->pid, SIGKILL);
		end_group(s);
		waitpid(s->pid, NULL, 0);
	}
	event_free(s->late);
	*s = (struct script){0};
}
