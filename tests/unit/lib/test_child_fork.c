/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals around a fork: the child does nothing of its parent's, and loses none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/child_process.h"

#define ROUNDS 300

/* What both processes see. */
static struct {
	unsigned handled_by_parent;
	unsigned handled_by_child;
	unsigned blocked;
	unsigned not_default;
} * seen;
static pid_t parent;

static void on_signal(int number)
{
	(void)number;
	__atomic_add_fetch(getpid() == parent ? &seen->handled_by_parent : &seen->handled_by_child, 1,
			   __ATOMIC_RELAXED);
	if (getpid() != parent)
		_exit(99);
}

static int set_up(void **unused)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	(void)unused;
	parent = getpid();
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		return -1;
	memset(seen, 0, sizeof(*seen));
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	return munmap(seen, sizeof(*seen));
}

/* It is told to end at once, as when the supervisor is stopped just after it started one. */
static void ends_by_a_signal_at_any_time(void **unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		const pid_t child = child_fork();
		int status;

		assert_true(child >= 0);
		if (child == 0)
			for (;;)
				pause();
		assert_int_equal(kill(child, SIGTERM), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	}
	assert_int_equal(seen->handled_by_child, 0);
}

static void look_around(void)
{
	struct sigaction action;
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int number = 1; number < NSIG; number++) {
		seen->blocked += sigismember(&mask, number) == 1;
		if (sigaction(number, NULL, &action) == 0)
			seen->not_default += action.sa_handler != SIG_DFL;
	}
}

/* What was blocked or ignored in the parent is not in the child, and still is in the parent. */
static void child_begins_afresh(void **unused)
{
	sigset_t mask;
	pid_t child;

	(void)unused;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	child = child_fork();
	assert_true(child >= 0);
	if (child == 0) {
		look_around();
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(seen->blocked, 0);
	assert_int_equal(seen->not_default, 0);
	look_around();
	assert_int_equal(seen->blocked, 1);
	assert_true(seen->not_default >= 3);
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* A signal for the parent that comes meanwhile is the parent's. */
static void parent_loses_none(void **unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		const pid_t child = child_fork();

		if (child == 0) {
			kill(parent, SIGHUP);
			_exit(0);
		}
		assert_int_equal(waitpid(child, NULL, 0), child);
		assert_int_equal(seen->handled_by_parent, i + 1);
	}
	assert_int_equal(seen->handled_by_child, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ends_by_a_signal_at_any_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(child_begins_afresh, set_up, tear_down),
		cmocka_unit_test_setup_teardown(parent_loses_none, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("child_process", tests, NULL, NULL);
}
