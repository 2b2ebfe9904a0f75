/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of this process that are called as lanes are. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "daemon/lane_cpus.h"

#define THREADS 4

static const struct {
	const char *name;
	int cpu;
} threads[THREADS] = {{"lane 0", 1}, {"lane 2", 0}, {"lane 64", 0}, {") S 1 2", 0}};
static pthread_barrier_t there, done;

static void *run(void *arg)
{
	const long i = (long)arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(threads[i].cpu, &cpus);
	assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus), 0);
	assert_int_equal(pthread_setname_np(pthread_self(), threads[i].name), 0);
	pthread_barrier_wait(&there);
	pthread_barrier_wait(&done);
	return NULL;
}

static void test_each_lane(void **unused)
{
	pthread_t thread[THREADS];
	int cpus[3] = {7, 7, 7};

	(void)unused;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	pthread_barrier_init(&there, NULL, THREADS + 1);
	pthread_barrier_init(&done, NULL, THREADS + 1);
	for (long i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run, (void *)i), 0);
	pthread_barrier_wait(&there);
	lane_cpus(getpid(), cpus, 3);
	pthread_barrier_wait(&done);
	for (long i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(cpus[0], 1);
	assert_int_equal(cpus[1], -1);
	assert_int_equal(cpus[2], 0);
}

static void test_no_process(void **unused)
{
	int cpus[2] = {7, 7};

	(void)unused;
	lane_cpus(-1, cpus, 2);
	assert_int_equal(cpus[0], -1);
	assert_int_equal(cpus[1], -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_lane),
		cmocka_unit_test(test_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
