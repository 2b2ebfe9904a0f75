/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock of an instance, and who holds it: one that runs well, or was killed and takes its time. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "instance/instance.h"
#include "lib/clock.h"
#include "unit/needs_root.h"

#define MS 1000000ULL

static struct instance mine;
static pid_t holder; /* or who asks */

static struct instance instance(void)
{
	struct instance in = {.lock_fd = -1};

	snprintf(in.name, sizeof(in.name), "unit-%d", getpid());
	snprintf(in.run_dir, sizeof(in.run_dir), "/run/xdp-ipsec/%s", in.name);
	return in;
}

/* A process that has the lock, and stops at its end until it is let go. */
static int start_holder(void **unused)
{
	int ready[2];
	char byte;

	(void)unused;
	mine = instance();
	if (pipe(ready))
		return -1;
	holder = fork();
	if (holder == 0) {
		if (instance_lock(&mine, NULL) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1 || ptrace(PTRACE_SEIZE, holder, NULL, PTRACE_O_TRACEEXIT))
		return -1;
	return close(ready[0]);
}

/* What holds up its end is not signals' but the kernel's: only its tracer can let it go on. */
static void kill_holder(void)
{
	int status;

	assert_int_equal(kill(holder, SIGKILL), 0);
	assert_int_equal(waitpid(holder, &status, 0), holder);
	assert_int_equal(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

static void let_go(int signum)
{
	(void)signum;
	ptrace(PTRACE_DETACH, holder, NULL, NULL);
}

static int end_holder(void **unused)
{
	(void)unused;
	kill(holder, SIGKILL);
	while (waitpid(holder, NULL, 0) == holder && ptrace(PTRACE_DETACH, holder, NULL, NULL) == 0)
		;
	instance_unlock(&mine);
	/* What the holder has left. */
	assert_int_equal(instance_lock(&mine, NULL), 0);
	instance_unlock(&mine);
	return 0;
}

static void test_who_runs_is_not_waited_for(void **unused)
{
	const uint64_t before = clock_now();
	struct fault f;

	(void)unused;
	assert_int_equal(instance_running(&mine), holder);
	assert_int_equal(instance_lock(&mine, &f), -EBUSY);
	assert_non_null(strstr(f.text, "running already"));
	assert_true(clock_now() - before < 2000 * MS);
}

static void test_who_dies_is_waited_for(void **unused)
{
	struct fault f = {.text = ""};

	(void)unused;
	kill_holder();
	signal(SIGALRM, let_go);
	ualarm(100000, 0);
	assert_int_equal(instance_lock(&mine, &f), 0);
	assert_string_equal(f.text, "");
}

static void test_who_dies_is_not_waited_for_without_end(void **unused)
{
	const uint64_t before = clock_now();
	struct fault f;

	(void)unused;
	kill_holder();
	assert_int_equal(instance_lock(&mine, &f), -EBUSY);
	assert_true(clock_now() - before >= 2000 * MS);
	assert_non_null(strstr(f.text, "was killed and is not gone yet"));
	let_go(0);
}

/* What one that was killed leaves. */
static void leave_pid_file(void)
{
	char path[RUN_DIR_MAX + 8];
	FILE *file;

	snprintf(path, sizeof(path), "%s/pid", mine.run_dir);
	assert_true(mkdir(mine.run_dir, 0700) == 0 || errno == EEXIST);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
}

/* A supervisor of a version before: its lock is flock()'s. */
static int start_old_holder(void **unused)
{
	char path[RUN_DIR_MAX + 8], byte;
	int ready[2];

	(void)unused;
	mine = instance();
	leave_pid_file();
	snprintf(path, sizeof(path), "%s/pid", mine.run_dir);
	if (pipe(ready))
		return -1;
	holder = fork();
	if (holder == 0) {
		const int fd = open(path, O_RDWR | O_CLOEXEC);

		if (flock(fd, LOCK_EX) || dprintf(fd, "%d\n", getpid()) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	return read(ready[0], &byte, 1) != 1 || close(ready[0]);
}

static void test_a_version_before_is_not_run_beside(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(instance_lock(&mine, &f), -EBUSY);
	assert_non_null(strstr(f.text, "running already"));
}

/* As `status` does, all the time. */
static int start_asker(void **unused)
{
	(void)unused;
	mine = instance();
	holder = fork();
	while (holder == 0)
		instance_running(&mine);
	return holder < 0;
}

static int end_asker(void **unused)
{
	(void)unused;
	kill(holder, SIGKILL);
	return waitpid(holder, NULL, 0) != holder;
}

static void test_who_asks_keeps_nobody_out(void **unused)
{
	struct fault f = {.text = ""};
	int i;

	(void)unused;
	for (i = 0; i < 1000; i++) {
		leave_pid_file();
		assert_int_equal(instance_lock(&mine, &f), 0);
		assert_string_equal(f.text, "");
		instance_unlock(&mine);
	}
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_runs_is_not_waited_for, start_holder, end_holder),
		cmocka_unit_test_setup_teardown(test_who_dies_is_waited_for, start_holder, end_holder),
		cmocka_unit_test_setup_teardown(test_who_dies_is_not_waited_for_without_end, start_holder, end_holder),
		cmocka_unit_test_setup_teardown(test_a_version_before_is_not_run_beside, start_old_holder, end_holder),
		cmocka_unit_test_setup_teardown(test_who_asks_keeps_nobody_out, start_asker, end_asker),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
