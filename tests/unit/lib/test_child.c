/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/child.h: a child that is this program again, under the name by which it is looked for. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/child.h"

#define PROGRAM "test-child"
/* A test that hangs has failed. */
#define SECONDS_MAX 20

/* ---- the child ---- */

static const char *value_of(int argc, char **argv, const char *option)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], option) == 0)
			return argv[i + 1];
	return "";
}

/* Says by its line what it was given; what has not been handed over is not open. */
static int be_child(int argc, char **argv)
{
	const char *label = value_of(argc, argv, "--labelled");
	const int fd = atoi(value_of(argc, argv, "--fd")), dir = atoi(value_of(argc, argv, "--dir"));
	struct stat st;
	char line[64];
	int n, colon;

	if (strcmp(value_of(argc, argv, "--manner"), "silent") == 0)
		return 1;
	n = snprintf(line, sizeof(line), "ready %s %d %d %d %d\n", value_of(argc, argv, "--number"),
		     fcntl(fd, F_GETFD) == 0, fstat(dir, &st) == 0 && S_ISDIR(st.st_mode),
		     sscanf(label, "a:%d", &colon) == 1 && fcntl(colon, F_GETFD) == 0,
		     strcmp(argv[argc - 3], "--alone"));
	if (strcmp(value_of(argc, argv, "--manner"), "hanging") != 0 &&
	    write(atoi(value_of(argc, argv, "--ready")), line, (size_t)n) != n)
		return 1;
	pause();
	return 0;
}

/* ---- the parent ---- */

static struct child child;
static unsigned starts;
static char heard[64];

static void on_again(void *arg)
{
	(void)arg;
	starts++;
	event_base_loopbreak(child.base);
}

static void on_ready(void *arg, const char *line)
{
	(void)arg;
	snprintf(heard, sizeof(heard), "%s", line);
	event_base_loopbreak(child.base);
}

static int set_up(void **unused)
{
	(void)unused;
	child = (struct child){.name = "child", .program = PROGRAM, .base = event_base_new(), .on_again = on_again};
	starts = 0;
	heard[0] = '\0';
	alarm(SECONDS_MAX);
	return child_init(&child);
}

static int tear_down(void **unused)
{
	(void)unused;
	child_fini(&child);
	event_base_free(child.base);
	alarm(0);
	return 0;
}

static void start_as(const char *manner)
{
	struct child_options options = {0};

	child_option_text(&options, "--manner", manner);
	assert_int_equal(child_start(&child, &options), 0);
	assert_true(child.pid > 0);
}

/* As SIGCHLD does. */
static void reap(void)
{
	siginfo_t end;

	assert_int_equal(waitid(P_PID, (id_t)child.pid, &end, WEXITED | WNOWAIT), 0);
	assert_true(child_reap(&child));
	assert_int_equal(child.pid, 0);
}

static void die(void)
{
	kill(child.pid, SIGKILL);
	reap();
}

/* ---- tests ---- */

static void what_it_is_given_is_there(void **unused)
{
	struct child_options options = {0};
	char line[CHILD_LINE_MAX];
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)unused;
	child_option_number(&options, "--number", 7);
	child_option_fd(&options, "--fd", fd);
	child_option_fd(&options, "--none", -1);
	child_option_labelled_fd(&options, "--labelled", "a", fd);
	child_option_dir(&options, "--dir", "/");
	child_option_dir(&options, "--nowhere", NULL);
	child_option_text(&options, "--alone", NULL);
	assert_int_equal(options.count, 5);
	assert_int_equal(child_start(&child, &options), 0);
	assert_true(child_wait_line(&child, line, 10000));
	assert_string_equal(line, "ready 7 1 1 1 0\n");
	close(fd);
}

static void too_many_options_start_nothing(void **unused)
{
	struct child_options options = {0};
	char line[CHILD_LINE_MAX];

	(void)unused;
	for (unsigned i = 0; i < CHILD_OPTIONS_MAX + 1; i++)
		child_option_number(&options, "--number", i);
	assert_int_equal(child_start(&child, &options), 0);
	assert_true(child_wait_line(&child, line, 10000));
	assert_string_equal(line, "");
	reap();
}

static void its_line_is_heard_by_the_loop(void **unused)
{
	(void)unused;
	child.on_ready = on_ready;
	start_as("good");
	event_base_dispatch(child.base);
	assert_memory_equal(heard, "ready", 5);
	child_stop(&child);
	strcpy(heard, "not yet");
	start_as("silent");
	event_base_dispatch(child.base);
	assert_string_equal(heard, "");
}

static void one_that_hangs_is_waited_for_so_long_and_killed(void **unused)
{
	char line[CHILD_LINE_MAX];

	(void)unused;
	start_as("hanging");
	assert_false(child_wait_line(&child, line, 50));
	assert_string_equal(line, "");
	child_kill(&child, "hangs");
	reap();
	/* Nobody is killed where there is none: 0 would be this process's group. */
	child_kill(&child, "is not there");
	assert_false(child_reap(&child));
}

static int given;

/* Says what it has of its parent: memory and descriptors, but not what the parent does at signals. */
static int be_copy(void *arg, int ready)
{
	struct sigaction action;
	char line[CHILD_LINE_MAX];
	int n;

	sigaction(SIGUSR1, NULL, &action);
	n = snprintf(line, sizeof(line), "ready %s %d %d\n", (const char *)arg, fcntl(given, F_GETFD) >= 0,
		     action.sa_handler == SIG_DFL);
	if (write(ready, line, (size_t)n) != n)
		return 1;
	close(ready);
	pause();
	return 0;
}

static int be_nothing(void *arg, int ready)
{
	(void)arg;
	(void)ready;
	return 3;
}

static void a_copy_is_a_child_like_any_other(void **unused)
{
	static char word[] = "memory";
	char line[CHILD_LINE_MAX];

	(void)unused;
	signal(SIGUSR1, SIG_IGN);
	given = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(child_start_copy(&child, be_copy, word), 0);
	assert_true(child_wait_line(&child, line, 10000));
	signal(SIGUSR1, SIG_DFL);
	close(given);
	assert_string_equal(line, "ready memory 1 1\n");
	die();
	assert_int_equal(child.restarts, 1);
}

/* Its end of the pipe is the only one, or its silence would be taken for a hang. */
static void a_copy_that_ends_without_its_line_is_not_waited_for(void **unused)
{
	char line[CHILD_LINE_MAX];
	int status;

	(void)unused;
	assert_int_equal(child_start_copy(&child, be_nothing, NULL), 0);
	child_wait_line(&child, line, -1);
	assert_string_equal(line, "");
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_int_equal(WEXITSTATUS(status), 3);
	child.pid = 0;
}

static void it_is_started_again_later_each_time(void **unused)
{
	static const unsigned backoff[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};

	(void)unused;
	for (size_t i = 0; i < sizeof(backoff) / sizeof(backoff[0]); i++) {
		start_as("good");
		die();
		assert_int_equal(child.restarts, i + 1);
		child_start_later(&child);
		assert_int_equal(child.backoff_ms, backoff[i]);
		if (i < 2)
			event_base_dispatch(child.base);
		assert_int_equal(starts, i < 2 ? i + 1 : 2);
	}
	/* One that had lived long did not fail at its start. */
	start_as("good");
	child.started_ns -= 11 * 1000000000ULL;
	die();
	assert_int_equal(child.backoff_ms, 0);
}

static void one_that_was_stopped_is_not_started_again(void **unused)
{
	(void)unused;
	start_as("good");
	die();
	child_start_later(&child);
	child_stop(&child);
	assert_false(evtimer_pending(child.again, NULL));
	start_as("good");
	child_stop(&child);
	assert_int_equal(child.pid, 0);
	assert_int_equal(child.restarts, 1);
}

/* ---- all ---- */

/* The name under which it is looked for, beside this program. */
static void make_link(char *path, size_t size)
{
	const ssize_t n = readlink("/proc/self/exe", path, size - sizeof(PROGRAM));

	if (n < 0)
		abort();
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, PROGRAM);
	unlink(path);
	if (symlink("/proc/self/exe", path) < 0)
		abort();
}

#define WITH_CHILD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_CHILD(what_it_is_given_is_there),
		WITH_CHILD(too_many_options_start_nothing),
		WITH_CHILD(its_line_is_heard_by_the_loop),
		WITH_CHILD(one_that_hangs_is_waited_for_so_long_and_killed),
		WITH_CHILD(a_copy_is_a_child_like_any_other),
		WITH_CHILD(a_copy_that_ends_without_its_line_is_not_waited_for),
		WITH_CHILD(it_is_started_again_later_each_time),
		WITH_CHILD(one_that_was_stopped_is_not_started_again),
	};
	char path[512];
	int failed;

	if (strcmp(argv[0], PROGRAM) == 0)
		return be_child(argc, argv);
	make_link(path, sizeof(path));
	failed = cmocka_run_group_tests_name("child", tests, NULL, NULL);
	unlink(path);
	return failed;
}
