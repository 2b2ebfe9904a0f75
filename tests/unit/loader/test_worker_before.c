/* SPDX-License-Identifier: BSD-2-Clause */
/* A worker that somebody else has started: played by a process that is nobody's child here, as after a supervisor's
 * death. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/worker_before.h"
#include "maps/worker_channel.h"

static struct event_base *base;
static struct worker_before before;
static unsigned gone;
static int orders; /* this end */

static bool endless; /* answers to something else come without end */
static unsigned received;

ssize_t recv(int fd, void *data, size_t size, int flags)
{
	const struct worker_answer other = {.kind = WORKER_PULSE};
	ssize_t (*real)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");

	/* Who takes so many takes all. */
	if (!endless || received == 100000)
		return real(fd, data, size, flags);
	received++;
	memcpy(data, &other, sizeof(other));
	return sizeof(other);
}

static void on_gone(void *unused)
{
	(void)unused;
	gone++;
}

static void answer_one_order(int channel)
{
	const struct worker_answer late = {.kind = WORKER_ATTACH}, left = {.kind = WORKER_LEAVE};
	struct worker_order order;
	int fds[WORKER_FDS_MAX];
	uint32_t n;

	if (worker_order_receive(channel, &order, fds, &n) || order.kind != WORKER_LEAVE)
		_exit(1);
	worker_answer_send(channel, &late);
	worker_answer_send(channel, &left);
	_exit(0);
}

static void hang(int unused)
{
	(void)unused;
	for (;;)
		pause();
}

static void end(int unused)
{
	(void)unused;
	_exit(0);
}

/* Its parent ends first, so that it is this process's no more. */
static pid_t start(void (*be)(int channel))
{
	int ends[2], pids[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(pipe(pids), 0);
	if (fork() == 0) {
		pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, 0);
			close(ends[0]);
			be(ends[1]);
		}
		_exit(write(pids[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	wait(NULL);
	close(ends[1]);
	assert_int_equal(read(pids[0], &pid, sizeof(pid)), sizeof(pid));
	close(pids[0]);
	close(pids[1]);
	orders = ends[0];
	return pid;
}

static int setup(void **unused)
{
	(void)unused;
	base = event_base_new();
	gone = 0;
	worker_before_init(&before, base, on_gone, NULL);
	return base ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	worker_before_kill(&before);
	event_base_free(base);
	return 0;
}

static void until_it_has_ended(void)
{
	while (before.pid)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void wait_for_end(pid_t pid)
{
	while (kill(pid, 0) == 0)
		usleep(1000);
}

static void test_it_leaves(void **unused)
{
	const pid_t pid = start(answer_one_order);

	(void)unused;
	assert_int_equal(worker_before_is(&before, pid, orders), 0);
	assert_false(worker_before_is_gone(&before));
	worker_before_end(&before);
	until_it_has_ended();
	assert_int_equal(gone, 1);
	assert_true(worker_before_is_gone(&before));
	assert_false(before.hard);
}

/* Nobody's SIGCHLD tells of it. */
static void test_it_is_killed(void **unused)
{
	const pid_t pid = start(hang);

	(void)unused;
	assert_int_equal(worker_before_is(&before, pid, orders), 0);
	kill(pid, SIGKILL);
	until_it_has_ended();
	assert_int_equal(gone, 1);
	assert_true(before.hard);
}

static void test_it_has_ended_before(void **unused)
{
	const pid_t pid = start(end);

	(void)unused;
	wait_for_end(pid);
	assert_int_equal(worker_before_is(&before, pid, orders), -ESRCH);
	assert_true(worker_before_is_gone(&before));
	assert_int_equal(before.pid, 0);
}

/* Another process has its pid by now: that one is let alone. */
static void test_its_pid_is_another_ones(void **unused)
{
	const pid_t other = start(hang);

	(void)unused;
	close(orders);
	wait_for_end(start(end));
	assert_int_equal(worker_before_is(&before, other, orders), -ESRCH);
	assert_int_equal(kill(other, 0), 0);
	kill(other, SIGKILL);
}

static void test_it_is_ended_at_once(void **unused)
{
	const pid_t pid = start(hang);

	(void)unused;
	assert_int_equal(worker_before_is(&before, pid, orders), 0);
	worker_before_kill(&before);
	assert_int_equal(before.pid, 0);
	assert_int_equal(gone, 0);
}

/* Then it is killed when its time is up. */
static void test_it_answers_without_end(void **unused)
{
	const pid_t pid = start(hang);

	(void)unused;
	assert_int_equal(worker_before_is(&before, pid, orders), 0);
	worker_before_end(&before);
	endless = true;
	event_active(before.answer, EV_READ, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_in_range(received, 1, 1000);
	endless = false;
	assert_false(worker_before_is_gone(&before));
	until_it_has_ended();
	assert_true(before.hard);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_it_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_has_ended_before, setup, teardown),
		cmocka_unit_test_setup_teardown(test_its_pid_is_another_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_is_ended_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_answers_without_end, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
