/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/privileges.h"

/* OpenSSL's deepest call, the reading of a chain of certificates, takes less than 20 KB; the largest message is on the
 * heap. */
#define STACK_SIZE (512 << 10)

unsigned threads_useful(void)
{
	cpu_set_t set;
	const int n = sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : CPU_COUNT(&set);

	return n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

/* Of the one set of threads that a process has; they leave the barrier at their own time. */
static struct {
	pthread_barrier_t all_run;
	void (*work)(void *arg);
	void *arg;
} start;

/*
 * What keeps all of them busy, the engine and the key holder that it asks, needs a CPU for microseconds and then again
 * and again. At one priority it would wait for milliseconds each time, behind what goes on for as long as it may: on
 * two CPUs 1,100 handshakes a second became 1,400 by this. And the worker forwards packets meanwhile. No harm if it
 * fails.
 */
#define GIVE_WAY 10

void threads_give_way(void)
{
	setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, (id_t)gettid()) + GIVE_WAY);
}

static void *begin(void *unused)
{
	(void)unused;
	threads_give_way();
	pthread_barrier_wait(&start.all_run);
	start.work(start.arg);
	threads_end(EXIT_SUCCESS);
	return NULL;
}

static int create(const pthread_attr_t *attributes)
{
	pthread_t thread;
	sigset_t all, before;
	int err;

	/* Signals are the first thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, attributes, begin, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

int threads_start(unsigned count, void (*work)(void *arg), void *arg, struct fault *f)
{
	pthread_attr_t attributes;
	int err = pthread_attr_init(&attributes);

	start.work = work;
	start.arg = arg;
	if (!err)
		err = pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (!err)
		err = pthread_barrier_init(&start.all_run, NULL, count + 1);
	for (unsigned i = 0; i < count && !err; i++)
		err = create(&attributes);
	pthread_attr_destroy(&attributes);
	if (err)
		return fault(f, err, "threads: %s: %s", strerror(err),
			     privileges_remedy(err, "this machine has no more"));
	pthread_barrier_wait(&start.all_run);
	return 0;
}

/* By the system call alone: what else there is to do at the end takes others. */
void threads_end(int status)
{
	syscall(SYS_exit_group, status);
}
