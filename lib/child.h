/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child process. One set of rules for worker, IKE and key holder:
 *
 *   start   it has the descriptors that it is given, none of this process's signal handlers, and dies with this process
 *   ready   it writes one line to a pipe; no line, or none in time, is a start that has failed
 *   death   child_reap() logs it; child_start_later() starts it again, later each time it dies soon
 *   hang    who has waited too long for an answer kills it (child_kill), and death tells the rest
 *
 *   supervisor ─► worker          a program (child_start)
 *              └► IKE ─► key holder   a program, and a copy of that (child_start_copy)
 *
 * The key holder has start and ready by these rules, death and hang by others, because its parent is in a sandbox, from
 * which it can neither kill nor wait: the end of their socket tells of the death, a deadline of the hang, and on either
 * the parent ends. So the key holder dies with its parent, and the supervisor starts both anew, as it does when IKE
 * dies: neither is of use without what the other knows.
 */
#ifndef LIB_CHILD_H
#define LIB_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether it answers, for who asks it now and then. */
struct child_pulse {
	unsigned asked;
	unsigned answered;
	unsigned missed; /* looks in a row that found no answer */
};

struct child {
	const char *name;	 /* for people: "worker" */
	const char *program;	 /* its file's name (program_find); NULL: a copy */
	struct event_base *base; /* NULL: nobody starts it again */
	/* It is to be started again, now. */
	void (*on_again)(void *arg);
	/* It has written its line, or ended without (""). NULL: child_wait_line() is called instead. */
	void (*on_ready)(void *arg, const char *line);
	void *arg;

	pid_t pid;	     /* 0: not running */
	int status;	     /* of its last death, as waitpid() has it */
	unsigned restarts;   /* after deaths */
	unsigned backoff_ms; /* before the next start */
	uint64_t started_ns; /* clock_now() */
	uint64_t oom_kills;  /* child_oom_kills(), when it was started */
	struct child_pulse pulse;
	int ready_fd; /* where its line comes; -1: not waited for */
	struct event *ready;
	struct event *again;
};

/* What IKE ends with when the key holder does not answer any more. */
#define EXIT_WITHOUT_KEYHOLDER 3

/* Of the line, its NUL included. */
#define CHILD_LINE_MAX 64

/* Options that a program can be given. With more, the child ends before it is the program. */
#define CHILD_OPTIONS_MAX 32

/* What a program is given: option after option. Zeroed there is none. */
struct child_options {
	unsigned count;
	bool overflow;
	struct child_option {
		const char *name;
		const char *text; /* NULL: the value below, if any */
		char value[48];
		int fd;		 /* that the program inherits; -1: none */
		const char *dir; /* that the program inherits as a descriptor */
	} option[CHILD_OPTIONS_MAX];
};

/* A word; text NULL: the name stands alone. Names and texts stay the caller's, and there, until child_start(). */
void child_option_text(struct child_options *o, const char *name, const char *text);

void child_option_number(struct child_options *o, const char *name, unsigned number);

/* A descriptor, which the program inherits under its number; -1 is no option. It stays open here, the caller's. */
void child_option_fd(struct child_options *o, const char *name, int fd);

/* The same behind a label: LABEL:FD. */
void child_option_labelled_fd(struct child_options *o, const char *name, const char *label, int fd);

/* A directory, which the program inherits as a descriptor; NULL is no option. */
void child_option_dir(struct child_options *o, const char *name, const char *dir);

/* Prepares; starts nothing. The fields up to arg are the caller's. 0 or -ENOMEM. */
int child_init(struct child *c);

/*
 * Starts the program with these options, and `--ready FD` for its line. A start that child_start_later() has planned is
 * planned no more. 0 or -errno: nothing runs then.
 */
int child_start(struct child *c, const struct child_options *o);

/*
 * Starts a copy of this process instead: be(arg, ready) runs in it, writes the line to `ready`, which is be's to close,
 * and returns the status that the child ends with. The copy has every descriptor and all memory of this process: be
 * closes what it is not to have. As child_start().
 */
int child_start_copy(struct child *c, int (*be)(void *arg, int ready), void *arg);

/* Waits for the line so long; "" if the child ends without one. False: it has neither written nor ended by then. Once
 * after each start, if there is no on_ready. */
bool child_wait_line(struct child *c, char line[CHILD_LINE_MAX], int milliseconds);

/* Has on_again called after a while: at once after the first death, then after 100 ms, twice as long each time, 5 s at
 * most; at once again after a child that had lived for 10 s. */
void child_start_later(struct child *c);

/* Called before it is asked anew, in rounds: whether it has answered, or there is none to ask. One that has not for so
 * many rounds in a row is killed. Who asks and hears counts in pulse. */
bool child_has_answered(struct child *c, unsigned rounds);

/* Called at SIGCHLD: whether this child has ended. Then its end is logged, and it is not running any more. */
bool child_reap(struct child *c);

/* Kills a child that hangs or talks nonsense, with a log line that says why. SIGCHLD tells the rest. */
void child_kill(const struct child *c, const char *why);

/* Ends the child if it runs, and waits: SIGTERM, after two seconds SIGKILL. Nor is it started again. */
void child_stop(struct child *c);

/* The same, and frees what child_init() made. Safe where that was not called. */
void child_fini(struct child *c);

#endif
