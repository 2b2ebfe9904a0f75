/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that runs as a child of this one: found and started with the descriptors that it needs, known to be ready
 * by the one line that it writes, ended, killed when it hangs, and started again when it dies, later each time it dies
 * soon.
 */
#ifndef LIB_CHILD_H
#define LIB_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
	const char *name;	 /* for people: "worker" */
	const char *program;	 /* its file's name (program_find) */
	struct event_base *base; /* NULL: nobody starts it again */
	/* It is to be started again, now. */
	void (*on_again)(void *arg);
	/* It has written its line, or ended without (""). NULL: child_wait_line() is called instead. */
	void (*on_ready)(void *arg, const char *line);
	void *arg;

	pid_t pid;	     /* 0: not running */
	unsigned restarts;   /* after deaths */
	unsigned backoff_ms; /* before the next start */
	uint64_t started_ns;
	int ready_fd;
	struct event *ready;
	struct event *again;
};

#define CHILD_LINE_MAX 64

/* What it is given: option after option. Too many end the child before it begins. */
#define CHILD_OPTIONS_MAX 32

struct child_options {
	unsigned count;
	bool overflow;
	struct child_option {
		const char *name;
		const char *text; /* NULL: the value below, if any */
		char value[48];
		int fd;		 /* that it inherits; -1: none */
		const char *dir; /* that it inherits as a descriptor */
	} option[CHILD_OPTIONS_MAX];
};

/* A word; text NULL: the name stands alone. Texts stay the caller's until the child has been started. */
void child_option_text(struct child_options *o, const char *name, const char *text);

void child_option_number(struct child_options *o, const char *name, unsigned number);

/* A descriptor, as its number; -1 is no option. */
void child_option_fd(struct child_options *o, const char *name, int fd);

/* The same behind a label: LABEL:FD. */
void child_option_labelled_fd(struct child_options *o, const char *name, const char *label, int fd);

/* A directory, as a descriptor; NULL is no option. */
void child_option_dir(struct child_options *o, const char *name, const char *dir);

/* Prepares; starts nothing. The fields up to arg are the caller's. 0 or -ENOMEM. */
int child_init(struct child *c);

/* Starts it with these options and `--ready FD`, for its line. It was to be started again: that is done with. 0 or
 * -errno. */
int child_start(struct child *c, const struct child_options *o);

/* Waits for its line so long; "" if it ends without, or hangs. */
void child_wait_line(struct child *c, char line[CHILD_LINE_MAX], int milliseconds);

/* Starts it again after a while: at once, then slower and slower. */
void child_start_later(struct child *c);

/* Whether it has ended (SIGCHLD); it is logged then, and is not running any more. */
bool child_reap(struct child *c);

/* It hangs, or talks nonsense: it is killed with a line that says so. SIGCHLD tells the rest. */
void child_kill(const struct child *c, const char *why);

/* Ends it if it runs, and waits; nor is it started again. */
void child_stop(struct child *c);

/* The same, and frees what child_init made. Safe where that was not called. */
void child_fini(struct child *c);

#endif
