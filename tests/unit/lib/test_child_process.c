/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/child_process.h: what is started is found, and is ended in the way it was asked to. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/child_process.h"

static volatile sig_atomic_t told;

static void on_term(int number)
{
	(void)number;
	told = 1;
}

/* Says good-bye by a byte when it is asked to end, which takes it that long; stubborn: does not end. */
static pid_t start_child(int farewell, bool stubborn, int milliseconds)
{
	sigset_t term, before;
	pid_t child;

	signal(SIGTERM, on_term);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	child = fork();
	if (child == 0) {
		while (!told || stubborn)
			sigsuspend(&before);
		poll(NULL, 0, milliseconds);
		_exit(write(farewell, "x", 1) == 1 ? 0 : 1);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return child;
}

/* Whether the child came to say good-bye before it was gone. */
static bool says_goodbye_in(bool stubborn, int milliseconds)
{
	int ends[2];
	pid_t child;
	char byte;
	bool said;

	if (pipe(ends) < 0)
		abort();
	child = start_child(ends[1], stubborn, milliseconds);
	close(ends[1]);
	child_end("child", child);
	said = read(ends[0], &byte, 1) == 1;
	close(ends[0]);
	return said && kill(child, 0) < 0 && errno == ESRCH;
}

static bool says_goodbye(bool stubborn)
{
	return says_goodbye_in(stubborn, 0);
}

static void ends_as_asked(void **unused)
{
	(void)unused;
	assert_true(says_goodbye(false));
	assert_false(says_goodbye(true));
}

static void on_alarm(int number)
{
	(void)number;
}

/* Each of them interrupts who waits. */
static bool says_goodbye_among_signals(void)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerval often = {{0, 2000}, {0, 2000}}, never = {0};
	bool said;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	said = says_goodbye_in(false, 300);
	setitimer(ITIMER_REAL, &never, NULL);
	return said;
}

static void signals_are_no_end(void **unused)
{
	(void)unused;
	assert_true(says_goodbye_among_signals());
}

/* As in a container whose engine has not heard of it. */
static void forbid_pidfd_open(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		abort();
}

static void ends_as_asked_where_pidfd_open_is_forbidden(void **unused)
{
	const pid_t child = fork();
	int status;

	(void)unused;
	if (child == 0) {
		forbid_pidfd_open();
		_exit(syscall(SYS_pidfd_open, getpid(), 0) < 0 && says_goodbye(false) && !says_goodbye(true) &&
				      says_goodbye_among_signals()
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void program_that_is_not_there(void **unused)
{
	char path[512];

	(void)unused;
	assert_false(program_find("no-such-program", path, sizeof(path)));
	assert_non_null(strstr(path, "/../libexec/xdp-ipsec/no-such-program"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_as_asked),
		cmocka_unit_test(signals_are_no_end),
		cmocka_unit_test(ends_as_asked_where_pidfd_open_is_forbidden),
		cmocka_unit_test(program_that_is_not_there),
	};

	return cmocka_run_group_tests_name("child_process", tests, NULL, NULL);
}
