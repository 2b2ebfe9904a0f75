/* SPDX-License-Identifier: BSD-2-Clause */
/* What is asked of the worker, which is played here: it has the other end of its orders. Needs root, for AF_XDP. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/worker_process.h"
#include "maps/worker_channel.h"
#include "unit/needs_root.h"

#define QUEUES 2

static struct worker w;
static struct tap taps[2];
static struct port ports[PORTS_MAX];
static struct turns turns;
static struct maps maps = {.port = ports, .turns = &turns};
static int there; /* the worker's end */
static int told;  /* how often that it is ready */

/* ---- one that never stops ---- */

static struct worker_answer endless; /* of kind 0: there is nothing of it */
static unsigned received;

ssize_t recv(int fd, void *data, size_t size, int flags)
{
	ssize_t (*real)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");

	/* Who takes so many takes all. */
	if (!endless.kind || received == 100000)
		return real(fd, data, size, flags);
	received++;
	memcpy(data, &endless, sizeof(endless));
	return sizeof(endless);
}

/* ---- the worker's end ---- */

static void on_ready(void *unused)
{
	(void)unused;
	told++;
}

static int make_tap(struct tap *tap)
{
	for (tap->count = 0; tap->count < 2 * QUEUES; tap->count++) {
		tap->fds[tap->count] = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (tap->fds[tap->count] < 0)
			return -1;
	}
	return 0;
}

/* Who can be killed in its place. */
static pid_t start_nobody(void)
{
	const pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

/* It listens, and serves no NIC. */
static int setup(void **unused)
{
	int ends[2];

	(void)unused;
	told = 0;
	w = (struct worker){.base = event_base_new(), .cpus = "", .maps = &maps, .on_ready = on_ready};
	if (!w.base || worker_init(&w) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -1;
	maps.xsks = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "xsks", 4, 4, PORTS_MAX * QUEUES_MAX, NULL);
	if (maps.xsks < 0)
		return -1;
	w.orders = ends[0];
	there = ends[1];
	w.child.pid = start_nobody();
	strcpy(w.aead, "played");
	for (unsigned i = 0; i < PORTS_MAX; i++)
		ports[i] = (struct port){.queues = QUEUES};
	return make_tap(&taps[0]) || make_tap(&taps[1]);
}

static int teardown(void **unused)
{
	(void)unused;
	close(there);
	worker_fini(&w);
	close(maps.xsks);
	event_base_free(w.base);
	tap_close(&taps[0]);
	tap_close(&taps[1]);
	return 0;
}

static void attach_with(unsigned index, bool running)
{
	static const int no_link = -1;
	const struct worker_nic nic = {&taps[index], &no_link, QUEUES, running};

	worker_attach(&w, index, &nic);
}

static void attach(unsigned index)
{
	attach_with(index, true);
}

/* The order that has come; of kind 0 if none has. */
static struct worker_order whole_order(uint32_t port)
{
	struct worker_order o = {0};
	int fds[WORKER_FDS_MAX];
	uint32_t n = 0;

	if (fcntl(there, F_SETFL, O_NONBLOCK) || worker_order_receive(there, &o, fds, &n))
		return (struct worker_order){0};
	while (n)
		close(fds[--n]);
	assert_int_equal(o.port, port);
	return o;
}

static uint32_t order(uint32_t port)
{
	return whole_order(port).kind;
}

static void give_answer(const struct worker_answer *a)
{
	assert_int_equal(worker_answer_send(there, a), 0);
}

static void answer(uint32_t kind, uint32_t port, int error)
{
	give_answer(&(struct worker_answer){.kind = kind, .port = port, .error = error});
}

/* What the first NIC was asked for has been answered: that is heard when the second one goes. */
static void hear(void)
{
	attach(1);
	answer(WORKER_DETACH, 1, 0);
	worker_detach(&w, 1);
	assert_int_equal(order(1), WORKER_DETACH);
}

static void a_round_passes(void)
{
	event_active(w.pulse, EV_TIMEOUT, 0);
	event_base_loop(w.base, EVLOOP_NONBLOCK);
}

/* ports is the worker's to write, too: one that has been taken over tells anything there. */
static void test_queues_are_not_what_ports_says(void **unused)
{
	(void)unused;
	ports[0].queues = 1000;
	attach(0);
	assert_int_equal(w.ports[0].sockets.count, QUEUES);
	assert_int_equal(order(0), WORKER_ATTACH);
}

/* The one that is asked for goes: its answer comes while that is waited for, and the other is asked for then. */
static void test_the_next_is_asked_for_after_one_has_gone(void **unused)
{
	(void)unused;
	attach(0);
	attach(1);
	assert_int_equal(order(0), WORKER_ATTACH);
	assert_int_equal(order(0), 0);
	answer(WORKER_ATTACH, 0, 0);
	answer(WORKER_DETACH, 0, 0);
	worker_detach(&w, 0);
	assert_int_equal(order(0), WORKER_DETACH);
	assert_int_equal(order(1), WORKER_ATTACH);
}

/* So does the one that cannot be served: whoever waits until all are hears of it. */
static void test_ready_when_what_failed_has_gone(void **unused)
{
	(void)unused;
	attach(0);
	w.ports[1].state = PORT_ON;
	assert_int_equal(order(0), WORKER_ATTACH);
	answer(WORKER_ATTACH, 0, EBUSY);
	answer(WORKER_DETACH, 0, 0);
	assert_false(worker_is_ready(&w));
	worker_detach(&w, 0);
	assert_true(worker_is_ready(&w));
	assert_int_equal(told, 1);
}

/* What was asked for has been answered: that is heard when a third one goes. */
static void hear_beside(void)
{
	w.ports[2].state = PORT_ON;
	answer(WORKER_DETACH, 2, 0);
	worker_detach(&w, 2);
	assert_int_equal(order(2), WORKER_DETACH);
}

/* It waits for its own time, and no other for it: neither one that waits already nor one that comes later. */
static void what_fails_keeps_no_other_waiting(bool later)
{
	attach(0);
	if (!later)
		attach(1);
	assert_int_equal(order(0), WORKER_ATTACH);
	answer(WORKER_ATTACH, 0, EBUSY);
	hear_beside();
	if (later)
		attach(1);
	assert_int_equal(order(1), WORKER_ATTACH);
	answer(WORKER_ATTACH, 1, 0);
	hear_beside();
	assert_int_equal(w.ports[1].state, PORT_ON);
	assert_int_equal(order(0), 0);
	assert_int_equal(told, 0);
	event_active(w.retry, EV_TIMEOUT, 0);
	event_base_loop(w.base, EVLOOP_NONBLOCK);
	assert_int_equal(order(0), WORKER_ATTACH);
	answer(WORKER_ATTACH, 0, 0);
	hear_beside();
	assert_true(worker_is_ready(&w));
	assert_int_equal(told, 1);
}

static void test_what_fails_keeps_no_other_waiting(void **unused)
{
	(void)unused;
	what_fails_keeps_no_other_waiting(false);
}

static void test_what_fails_keeps_none_that_comes_later_waiting(void **unused)
{
	(void)unused;
	what_fails_keeps_no_other_waiting(true);
}

/* One that answers for what was not asked makes nothing of it. */
static void test_answers_that_nobody_asked_for(void **unused)
{
	(void)unused;
	attach(0);
	assert_int_equal(order(0), WORKER_ATTACH);
	answer(WORKER_ATTACH, 5, 0);
	answer(WORKER_ATTACH, 1, EOPNOTSUPP);
	answer(WORKER_DETACH, 1, 0);
	w.ports[1].state = PORT_ON;
	worker_detach(&w, 1);
	assert_int_equal(order(1), WORKER_DETACH);
	assert_int_equal(w.ports[0].state, PORT_ASKED);
	assert_true(event_pending(w.patience, EV_TIMEOUT, NULL));
	assert_int_equal(told, 0);
}

/* One that does so without end has no more of this process's time than what comes to it otherwise. */
static void test_answers_without_end(void **unused)
{
	const uint32_t kinds[] = {WORKER_PULSE, WORKER_DETACH, WORKER_CAPTURE, WORKER_LEAVE, 1000};

	(void)unused;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		endless = (struct worker_answer){.kind = kinds[i], .error = EIO};
		received = 0;
		a_round_passes();
		assert_in_range(received, 1, 1000);
	}
	/* Nor is all of it written down. */
	assert_true(w.complaints.suppressed > 0);
	endless.kind = 0;
	a_round_passes();
	assert_int_equal(kill(w.child.pid, 0), 0);
}

/* ---- zero-copy ---- */

/* A driver that says it has zero-copy and moves no frame: the same NIC, by copying, and no retry in between. */
static void test_copying_where_zero_copy_does_not_work(void **unused)
{
	struct worker_order o;

	(void)unused;
	attach(0);
	o = whole_order(0);
	assert_true(o.running && !o.copy);
	answer(WORKER_ATTACH, 0, EOPNOTSUPP);
	hear();
	o = whole_order(0);
	assert_int_equal(o.kind, WORKER_ATTACH);
	assert_true(o.copy);
	answer(WORKER_ATTACH, 0, 0);
	hear();
	assert_int_equal(w.ports[0].state, PORT_ON);
	assert_true(w.ports[0].copy);
}

static void bound(bool running, bool zero_copy)
{
	worker_sockets_close(&w.ports[0].sockets);
	attach_with(0, running);
	assert_int_equal(order(0), WORKER_ATTACH);
	give_answer(&(struct worker_answer){.kind = WORKER_ATTACH, .zero_copy = zero_copy});
	hear();
	assert_int_equal(w.ports[0].state, PORT_ON);
}

/* Without a link no frame could have been sent to try it. Once is enough: afterwards there is traffic. */
static void test_zero_copy_waits_for_a_link_to_be_tried(void **unused)
{
	(void)unused;
	assert_false(worker_on_link(&w, 0, true));
	bound(false, true);
	assert_false(worker_on_link(&w, 0, false));
	assert_true(worker_on_link(&w, 0, true));
	bound(true, true);
	assert_false(worker_on_link(&w, 0, true));
	assert_false(worker_on_link(&w, 0, false));
	assert_false(worker_on_link(&w, 0, true));
}

static void test_copying_has_nothing_to_try(void **unused)
{
	(void)unused;
	bound(false, false);
	assert_false(worker_on_link(&w, 0, true));
}

/* Another worker, which starts when the link has come or gone meanwhile, is told how it is then. */
static void test_another_worker_is_told_of_the_link(void **unused)
{
	(void)unused;
	bound(false, true);
	worker_on_link(&w, 0, true);
	kill(w.child.pid, SIGKILL);
	waitid(P_PID, (id_t)w.child.pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
	worker_reap(&w);
	assert_int_equal(w.ports[0].state, PORT_WAITS);
	assert_true(w.ports[0].nic.running);
	assert_false(w.ports[0].copy);
}

/* ---- a worker that takes its time ---- */

static void *answer_late(void *unused)
{
	(void)unused;
	/* Longer than a NIC without queues may take. */
	usleep(3200000);
	answer(WORKER_DETACH, 0, 0);
	return NULL;
}

/* Each queue waits for the kernel, on a busy machine for long: who is slow by that is not ended. */
static void test_letting_go_takes_its_time(void **unused)
{
	pthread_t late;

	(void)unused;
	attach(0);
	attach(1);
	assert_int_equal(order(0), WORKER_ATTACH);
	assert_int_equal(order(0), 0);
	w.ports[0].state = w.ports[1].state = PORT_ON;
	assert_int_equal(pthread_create(&late, NULL, answer_late, NULL), 0);
	worker_detach(&w, 0);
	pthread_join(late, NULL);
	assert_int_equal(w.child.restarts, 0);
	assert_int_equal(w.ports[1].state, PORT_ON);
}

/* ---- a worker that says nothing ---- */

static void run_out_of_patience(void)
{
	assert_true(event_pending(w.patience, EV_TIMEOUT, NULL));
	event_active(w.patience, EV_TIMEOUT, 0);
	event_base_loop(w.base, EVLOOP_NONBLOCK);
}

static void assert_killed(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(info.si_code, CLD_KILLED);
	assert_int_equal(info.si_status, SIGKILL);
}

static void test_no_answer(void **unused)
{
	(void)unused;
	attach(0);
	run_out_of_patience();
	assert_killed(w.child.pid);
	worker_reap(&w);
	assert_int_equal(w.ports[0].state, PORT_WAITS);
	assert_int_equal(w.ports[0].sockets.count, 0);
}

/* An answer that has come is heard before anybody is found to hang. */
static void test_pulse(void **unused)
{
	(void)unused;
	for (unsigned round = 0; round < 5; round++) {
		a_round_passes();
		assert_int_equal(order(0), WORKER_PULSE);
		answer(WORKER_PULSE, 0, 0);
	}
	assert_int_equal(kill(w.child.pid, 0), 0);
	assert_int_equal(w.child.pulse.missed, 0);
}

static void test_no_pulse(void **unused)
{
	(void)unused;
	a_round_passes();
	assert_int_equal(order(0), WORKER_PULSE);
	for (unsigned round = 0; round < 3; round++)
		a_round_passes();
	assert_int_equal(order(0), 0);
	assert_killed(w.child.pid);
	worker_reap(&w);
}

/* Binding has a deadline of its own. */
static void test_no_pulse_while_it_binds(void **unused)
{
	(void)unused;
	attach(0);
	assert_int_equal(order(0), WORKER_ATTACH);
	for (unsigned round = 0; round < 5; round++)
		a_round_passes();
	assert_int_equal(order(0), 0);
	assert_int_equal(w.child.pulse.missed, 0);
}

/* Not even that it listens. */
static void test_no_line(void **unused)
{
	const pid_t nobody = w.child.pid;

	(void)unused;
	w.child.pid = 0;
	close(w.orders);
	w.orders = -1;
	w.aead[0] = '\0';
	attach(0);
	assert_true(event_pending(w.patience, EV_TIMEOUT, NULL));
	child_stop(&w.child);
	w.child.pid = nobody;
	run_out_of_patience();
	assert_killed(nobody);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_queues_are_not_what_ports_says, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_next_is_asked_for_after_one_has_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ready_when_what_failed_has_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_fails_keeps_no_other_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_fails_keeps_none_that_comes_later_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_that_nobody_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_without_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copying_where_zero_copy_does_not_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zero_copy_waits_for_a_link_to_be_tried, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copying_has_nothing_to_try, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_worker_is_told_of_the_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_letting_go_takes_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pulse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_pulse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_pulse_while_it_binds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_line, setup, teardown),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
