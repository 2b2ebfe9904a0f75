/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has outlived his supervisor is ended; nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "instance/worker_place.h"

static char dir[] = "/tmp/worker-place-XXXXXX";

/* A process of that name, which has the place. */
static pid_t live(const char *name)
{
	const int place = worker_place_take(dir);
	const pid_t pid = fork();

	assert_true(place >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		for (;;)
			pause();
	}
	worker_place_give(dir, place, pid);
	return pid;
}

static void wait_for_name(pid_t pid, const char *name)
{
	char path[32], text[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	do {
		f = fopen(path, "r");
		assert_non_null(f);
		assert_non_null(fgets(text, sizeof(text), f));
		fclose(f);
		text[strcspn(text, "\n")] = '\0';
	} while (strncmp(text, name, 15) != 0);
}

static bool was_killed(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void test_nobody(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(worker_place_clear(dir, &f), 0);
	worker_place_give(dir, worker_place_take(dir), getpid());
	assert_int_equal(worker_place_clear(dir, &f), 0);
}

static void test_it_is_ended(void **unused)
{
	const pid_t pid = live("xdp-ipsec-worker");
	struct fault f;

	(void)unused;
	wait_for_name(pid, "xdp-ipsec-worker");
	assert_int_equal(worker_place_clear(dir, &f), 0);
	assert_true(was_killed(pid));
}

/* In an upgrade there are two. */
static void test_two_have_it(void **unused)
{
	const pid_t one = live("xdp-ipsec-worker"), other = live("xdp-ipsec-worker");
	struct fault f;

	(void)unused;
	wait_for_name(other, "xdp-ipsec-worker");
	kill(one, SIGKILL);
	assert_true(was_killed(one));
	assert_int_equal(worker_place_clear(dir, &f), 0);
	assert_true(was_killed(other));
}

/* Who is not the last one has another beside it as long as that lives. */
static void test_has_other(void **unused)
{
	const pid_t one = live("xdp-ipsec-worker"), other = live("xdp-ipsec-worker");

	(void)unused;
	wait_for_name(other, "xdp-ipsec-worker");
	assert_true(worker_place_has_other(dir, one));
	assert_false(worker_place_has_other(dir, other));
	kill(other, SIGKILL);
	assert_true(was_killed(other));
	assert_false(worker_place_has_other(dir, one));
	kill(one, SIGKILL);
	assert_true(was_killed(one));
}

/* As where the pid is of another PID namespace: it says so, and who has that pid here is let alone. */
static void test_another_process(void **unused)
{
	const pid_t pid = live("another");
	char pid_text[32];
	struct fault f;

	(void)unused;
	wait_for_name(pid, "another");
	assert_int_equal(worker_place_clear(dir, &f), -EBUSY);
	snprintf(pid_text, sizeof(pid_text), "process %d", pid);
	assert_non_null(strstr(f.text, pid_text));
	assert_int_equal(kill(pid, 0), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_it_is_ended),
		cmocka_unit_test(test_two_have_it),
		cmocka_unit_test(test_has_other),
		cmocka_unit_test(test_another_process),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	worker_place_remove(dir);
	return rmdir(dir) || failed;
}
