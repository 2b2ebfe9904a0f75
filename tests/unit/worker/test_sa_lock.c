/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/esp/sa_lock.h, around what it is for: lanes that take packets of one SA at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "esp/replay.h"
#include "esp/sa_lock.h"
#include "vectors/random.h"

/* More threads than CPUs, so that a lock's holder is taken off its CPU at times. */
#define THREADS 4
#define NUMBERS 2000000
#define WINDOW	8192
/* How far a thread's numbers are from their order: whoever is ahead offers each of them within the window. */
#define DISORDER 512
#define BATCH	 64

struct receiver {
	struct sa_lock lock;
	struct sa_state sa;
	__u64 ring[REPLAY_WIDE_WORDS];
	uint8_t accepted[NUMBERS + 1]; /* times */
};

static struct receiver *r;

static int set_up(void **unused)
{
	(void)unused;
	r = aligned_alloc(64, (sizeof(*r) + 63) / 64 * 64);
	if (!r)
		return -1;
	memset(r, 0, sizeof(*r));
	r->sa.replay_window = WINDOW;
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	free(r);
	return 0;
}

static void note(uint64_t seq)
{
	__atomic_add_fetch(&r->accepted[seq], 1, __ATOMIC_RELAXED);
}

/* As worker/in/inbound.c does: looked at before it is opened, marked under the lock after. */
static void take_batch(const uint64_t *seqs, uint32_t n)
{
	bool may[BATCH];

	for (uint32_t i = 0; i < n; i++)
		may[i] = replay_check(&r->sa, r->ring, r->sa.replay_window, seqs[i]);
	sa_lock_take(&r->lock);
	for (uint32_t i = 0; i < n; i++)
		if (may[i] && replay_update(&r->sa, r->ring, r->sa.replay_window, seqs[i])) {
			note(seqs[i]);
			r->sa.packets++;
		}
	sa_lock_give(&r->lock);
}

static void shuffle(uint64_t *seqs, uint32_t n, uint64_t *rnd)
{
	for (uint32_t i = n - 1; i > 0; i--) {
		const uint32_t k = (uint32_t)random_below(rnd, i + 1);
		const uint64_t kept = seqs[i];

		seqs[i] = seqs[k];
		seqs[k] = kept;
	}
}

/* Every number there is, block by block, each in an order of its own. */
static void *offer_all(void *arg)
{
	uint64_t seqs[DISORDER], rnd = (uintptr_t)arg;

	for (uint64_t first = 1; first <= NUMBERS; first += DISORDER) {
		const uint32_t n = NUMBERS + 1 - first < DISORDER ? (uint32_t)(NUMBERS + 1 - first) : DISORDER;

		for (uint32_t i = 0; i < n; i++)
			seqs[i] = first + i;
		shuffle(seqs, n, &rnd);
		for (uint32_t i = 0; i < n; i += BATCH)
			take_batch(seqs + i, n - i < BATCH ? n - i : BATCH);
	}
	return NULL;
}

static void run_threads(void *(*body)(void *))
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, body, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* All threads have all numbers: of each one has it, and one alone. */
static void each_number_is_accepted_once(void **unused)
{
	(void)unused;
	run_threads(offer_all);
	assert_int_equal(r->accepted[0], 0);
	for (uint64_t seq = 1; seq <= NUMBERS; seq++)
		assert_int_equal(r->accepted[seq], 1);
	assert_int_equal(r->sa.packets, NUMBERS);
	assert_int_equal(r->sa.seq, NUMBERS);
}

/* The window is small, and threads are ahead of each other: what is lost is lost, and nothing is taken twice. */
static void *offer_with_gaps(void *arg)
{
	uint64_t seqs[BATCH], rnd = 77 + (uintptr_t)arg, at = 0;

	while (at < NUMBERS - 4 * BATCH) {
		for (uint32_t i = 0; i < BATCH; i++)
			seqs[i] = at + random_below(&rnd, 4 * BATCH) + 1;
		take_batch(seqs, BATCH);
		at += random_below(&rnd, 2 * BATCH);
	}
	return NULL;
}

static void none_is_accepted_twice_where_the_window_is_small(void **unused)
{
	uint64_t accepted = 0;

	(void)unused;
	r->sa.replay_window = 64;
	run_threads(offer_with_gaps);
	for (uint64_t seq = 0; seq <= NUMBERS; seq++) {
		assert_in_range(r->accepted[seq], 0, 1);
		accepted += r->accepted[seq];
	}
	assert_int_equal(r->sa.packets, accepted);
	assert_true(accepted > NUMBERS / 8);
}

/* What the lock is for, without anything else: a plain counter. */
static void *count_up(void *unused)
{
	(void)unused;
	for (int i = 0; i < NUMBERS / 4; i++) {
		sa_lock_take(&r->lock);
		r->sa.bytes++;
		sa_lock_give(&r->lock);
	}
	return NULL;
}

static void one_at_a_time(void **unused)
{
	(void)unused;
	run_threads(count_up);
	assert_int_equal(r->sa.bytes, NUMBERS / 4 * THREADS);
}

#define WITH_RECEIVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RECEIVER(each_number_is_accepted_once),
		WITH_RECEIVER(none_is_accepted_twice_where_the_window_is_small),
		WITH_RECEIVER(one_at_a_time),
	};

	return cmocka_run_group_tests_name("sa_lock", tests, NULL, NULL);
}
