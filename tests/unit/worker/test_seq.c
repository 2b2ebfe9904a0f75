/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "esp/seq.h"
#include "vectors/random.h"

static void assert_taken(struct sa_state *sa, uint32_t n, uint64_t bytes, uint64_t expected)
{
	enum reason why;
	uint64_t first;

	assert_true(seq_take(sa, n, bytes, &first, &why));
	assert_int_equal(first, expected);
	assert_int_equal(sa->seq, expected + n - 1);
}

/* Refused, and nothing has changed. */
static void assert_refused(struct sa_state *sa, uint32_t n, uint64_t bytes, enum reason expected)
{
	const struct sa_state before = *sa;
	uint64_t first;
	enum reason why;

	assert_false(seq_take(sa, n, bytes, &first, &why));
	assert_int_equal(why, expected);
	assert_memory_equal(sa, &before, sizeof(before));
}

static void takes_in_order_and_counts(void **unused)
{
	struct sa_state sa = {0};

	(void)unused;
	assert_taken(&sa, 1, 100, 1);
	assert_taken(&sa, 45, 45000, 2);
	assert_taken(&sa, 64, 0, 47);
	assert_int_equal(sa.packets, 110);
	assert_int_equal(sa.bytes, 45100);
}

static void without_esn_ends_at_32_bits(void **unused)
{
	struct sa_state sa = {.seq = UINT32_MAX - 10};

	(void)unused;
	assert_refused(&sa, 11, 1, REASON_SEQ_OVERFLOW);
	assert_taken(&sa, 10, 1, UINT32_MAX - 9);
	assert_refused(&sa, 1, 1, REASON_SEQ_OVERFLOW);
	sa.seq = 1ULL << 40; /* whoever wrote that */
	assert_refused(&sa, 1, 1, REASON_SEQ_OVERFLOW);
}

static void with_esn_ends_at_64_bits(void **unused)
{
	struct sa_state sa = {.flags = SA_ESN, .seq = UINT32_MAX - 1};

	(void)unused;
	assert_taken(&sa, 4, 1, UINT32_MAX);
	sa.seq = UINT64_MAX - 64;
	assert_refused(&sa, 65, 1, REASON_SEQ_OVERFLOW);
	assert_taken(&sa, 64, 1, UINT64_MAX - 63);
	assert_refused(&sa, 1, 1, REASON_SEQ_OVERFLOW);
	assert_refused(&sa, UINT32_MAX, 1, REASON_SEQ_OVERFLOW);
}

static void hard_packets(void **unused)
{
	struct sa_state sa = {.hard_packets = 100, .seq = 5000};

	(void)unused;
	assert_taken(&sa, 90, 1, 5001);
	assert_refused(&sa, 11, 1, REASON_LIFETIME_EXPIRED);
	assert_taken(&sa, 10, 1, 5091);
	assert_refused(&sa, 1, 1, REASON_LIFETIME_EXPIRED);
}

static void hard_bytes(void **unused)
{
	struct sa_state sa = {.hard_bytes = 3000};

	(void)unused;
	assert_taken(&sa, 2, 2880, 1);
	assert_refused(&sa, 1, 121, REASON_LIFETIME_EXPIRED);
	assert_taken(&sa, 1, 120, 3);
	assert_refused(&sa, 1, 1, REASON_LIFETIME_EXPIRED);
}

/* BPF reads that, and none of the counters. */
static void what_is_used_up_is_told(void **unused)
{
	struct sa_state sa = {.soft_packets = 50, .hard_packets = 100, .seq = 5000};
	struct sa_state bytes = {.soft_bytes = 1000, .hard_bytes = 2000}, numbers = {.seq = UINT32_MAX - 2};

	(void)unused;
	assert_taken(&sa, 49, 1, 5001);
	assert_int_equal(sa.worn, 0);
	assert_taken(&sa, 1, 1, 5050);
	assert_int_equal(sa.worn, SA_WORN_SOFT);
	assert_refused(&sa, 51, 1, REASON_LIFETIME_EXPIRED);
	assert_taken(&sa, 50, 1, 5051);
	assert_int_equal(sa.worn, SA_WORN_SOFT | SA_WORN_HARD);

	assert_taken(&bytes, 1, 999, 1);
	assert_int_equal(bytes.worn, 0);
	assert_taken(&bytes, 1, 1, 2);
	assert_int_equal(bytes.worn, SA_WORN_SOFT);
	assert_taken(&bytes, 1, 1000, 3);
	assert_int_equal(bytes.worn, SA_WORN_SOFT | SA_WORN_HARD);

	assert_taken(&numbers, 1, 1, UINT32_MAX - 1);
	assert_int_equal(numbers.worn, 0);
	assert_taken(&numbers, 1, 1, UINT32_MAX);
	assert_int_equal(numbers.worn, SA_WORN_SEQUENCE);
}

/* Whoever was killed between the two has told nothing: who is refused does. */
static void what_a_killed_worker_has_not_told(void **unused)
{
	struct sa_state sa = {.packets = 10, .hard_packets = 10}, numbers = {.seq = UINT32_MAX};
	enum reason why;
	uint64_t first;

	(void)unused;
	assert_false(seq_take(&sa, 1, 1, &first, &why));
	assert_int_equal(sa.worn, SA_WORN_HARD);
	assert_false(seq_take(&numbers, 1, 1, &first, &why));
	assert_int_equal(numbers.worn, SA_WORN_SEQUENCE);
}

#define THREADS 2
#define LEASES	500000
#define NUMBERS (THREADS * LEASES * 8)

struct taker {
	struct sa_state *sa;
	uint8_t *taken; /* times, by number */
	uint64_t base;
	uint64_t rnd;
	uint64_t packets;
	pthread_barrier_t *start;
};

static void *take_until_refused(void *arg)
{
	struct taker *t = arg;
	enum reason why;
	uint64_t first;

	pthread_barrier_wait(t->start);
	for (int i = 0; i < LEASES; i++) {
		uint32_t n = 1 + (uint32_t)random_below(&t->rnd, 8);

		if (!seq_take(t->sa, n, n, &first, &why))
			continue;
		t->packets += n;
		for (uint32_t k = 0; k < n; k++)
			__atomic_add_fetch(&t->taken[first - t->base + k], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Two threads on an SA that begins at seq: the numbers given out, all different. */
static uint64_t take_in_threads(struct sa_state *sa, uint64_t seq)
{
	uint8_t *taken = calloc(NUMBERS + 1, 1);
	struct taker takers[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	uint64_t packets = 0, given = 0;

	assert_non_null(taken);
	pthread_barrier_init(&start, NULL, THREADS);
	sa->seq = seq;
	for (int i = 0; i < THREADS; i++) {
		takers[i] = (struct taker){.sa = sa, .taken = taken, .base = seq, .rnd = (uint64_t)i, .start = &start};
		assert_int_equal(pthread_create(&threads[i], NULL, take_until_refused, &takers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		packets += takers[i].packets;
	}
	for (size_t i = 0; i <= NUMBERS; i++) {
		assert_true(taken[i] <= 1);
		given += taken[i];
	}
	assert_int_equal(taken[0], 0);
	assert_int_equal(given, packets);
	assert_int_equal(sa->packets, packets);
	assert_int_equal(sa->bytes, packets);
	assert_int_equal(sa->seq, seq + packets);
	pthread_barrier_destroy(&start);
	free(taken);
	return packets;
}

static void threads_never_share_a_number(void **unused)
{
	struct sa_state free_running = {0}, overflowing = {0}, limited = {.hard_packets = 1000000};

	(void)unused;
	assert_true(take_in_threads(&free_running, 0) > 2 * LEASES);
	assert_true(take_in_threads(&overflowing, UINT32_MAX - 1000000) == 1000000);
	assert_true(take_in_threads(&limited, 0) <= 1000000);
}

#define KILLS 20
#define LOG   (1 << 20)

/* What a worker does, seen from outside: the numbers it used, in shared memory. */
struct worker_log {
	struct sa_state sa;
	uint32_t used;
	uint64_t numbers[LOG];
};

static void work_until_killed(struct worker_log *w)
{
	enum reason why;
	uint64_t first;

	while (w->used < LOG - 8 && seq_take(&w->sa, 8, 8, &first, &why))
		for (uint32_t i = 0; i < 8; i++) {
			w->numbers[w->used] = first + i;
			__atomic_store_n(&w->used, w->used + 1, __ATOMIC_RELEASE);
		}
	pause();
}

static void killed_worker_never_repeats(void **unused)
{
	struct worker_log *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	assert_ptr_not_equal(w, MAP_FAILED);
	for (uint32_t i = 1; i <= KILLS; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			work_until_killed(w);
			_exit(0);
		}
		while (__atomic_load_n(&w->used, __ATOMIC_ACQUIRE) < i * (LOG / KILLS / 2))
			;
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	for (uint32_t i = 1; i < w->used; i++)
		assert_true(w->numbers[i] > w->numbers[i - 1]);
	assert_true(w->sa.seq >= w->numbers[w->used - 1]);
	munmap(w, sizeof(*w));
}

static void recovery_without_esn_is_the_number_itself(void **unused)
{
	(void)unused;
	assert_int_equal(seq_recover(0, 1, 64, false), 1);
	assert_int_equal(seq_recover(UINT32_MAX, 5, 64, false), 5);
	assert_int_equal(seq_recover(5, UINT32_MAX, 64, false), UINT32_MAX);
	assert_int_equal(seq_recover(77, 0, 64, false), 0);
}

/* RFC 4303 appendix A2.1, figures 1 and 2. Window 64. */
static void recovery_in_both_cases(void **unused)
{
	const uint64_t one = 1ULL << 32;

	(void)unused;
	/* A: the window is within one subspace. In it or above it; below it means the next subspace. */
	assert_int_equal(seq_recover(one + 1000, 1000 - 63, 64, true), one + 1000 - 63);
	assert_int_equal(seq_recover(one + 1000, UINT32_MAX, 64, true), one + UINT32_MAX);
	assert_int_equal(seq_recover(one + 1000, 1000 - 64, 64, true), 2 * one + 1000 - 64);
	assert_int_equal(seq_recover(one + 1000, 0, 64, true), 2 * one);
	/* B: it reaches back. Above its bottom means the subspace before; below it, this one. */
	assert_int_equal(seq_recover(one + 10, (uint32_t)(10 - 63), 64, true), one + 10 - 63);
	assert_int_equal(seq_recover(one + 10, UINT32_MAX, 64, true), one - 1);
	assert_int_equal(seq_recover(one + 10, (uint32_t)(10 - 64), 64, true), 2 * one + 10 - 64);
	assert_int_equal(seq_recover(one + 10, 0, 64, true), one);
	/* Where one becomes the other. */
	assert_int_equal(seq_recover(one + 62, UINT32_MAX, 64, true), one - 1);
	assert_int_equal(seq_recover(one + 63, UINT32_MAX, 64, true), one + UINT32_MAX);
	assert_int_equal(seq_recover(one + 63, 0, 64, true), one);
}

static void recovery_at_both_ends(void **unused)
{
	(void)unused;
	assert_int_equal(seq_recover(0, 0, 64, true), 0);
	assert_int_equal(seq_recover(0, 1, 64, true), 1);
	assert_int_equal(seq_recover(0, UINT32_MAX - 64, 64, true), UINT32_MAX - 64);
	/* Before number 0 there is nothing, after the last one neither. */
	assert_int_equal(seq_recover(0, UINT32_MAX, 64, true), 0);
	assert_int_equal(seq_recover(10, UINT32_MAX, 64, true), 0);
	assert_int_equal(seq_recover(UINT64_MAX, 0, 64, true), 0);
	assert_int_equal(seq_recover(UINT64_MAX, UINT32_MAX - 64, 64, true), 0);
	assert_int_equal(seq_recover(UINT64_MAX, UINT32_MAX - 63, 64, true), UINT64_MAX - 63);
	assert_int_equal(seq_recover(UINT64_MAX - 1, UINT32_MAX, 64, true), UINT64_MAX);
}

/* Of all numbers with these low bits, the lowest that is not behind the window. */
static uint64_t naive_recover(uint64_t top, uint32_t low, uint32_t window)
{
	uint64_t bottom = top >= window - 1 ? top - (window - 1) : 0;
	uint64_t high = top >> 32;

	for (uint64_t space = high ? high - 1 : 0; space <= high + 1 && space <= UINT32_MAX; space++)
		if ((space << 32 | low) >= bottom)
			return space << 32 | low;
	return 0;
}

static void recovery_against_the_definition(void **unused)
{
	static const uint32_t windows[] = {64, 65, 100, 1024, 8191, 8192};
	uint64_t rnd = 9;

	(void)unused;
	for (int round = 0; round < 2000000; round++) {
		uint32_t window = windows[random_below(&rnd, 6)];
		uint64_t high = random_below(&rnd, 2) ? random_below(&rnd, 3) + 1 : UINT32_MAX - random_below(&rnd, 3);
		uint64_t top = (high << 32) + random_below(&rnd, 5 * window) - 2 * window;
		uint32_t low = (uint32_t)(top + random_below(&rnd, 5 * window) - 2 * window);

		assert_int_equal(seq_recover(top, low, window, true), naive_recover(top, low, window));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_in_order_and_counts),
		cmocka_unit_test(without_esn_ends_at_32_bits),
		cmocka_unit_test(with_esn_ends_at_64_bits),
		cmocka_unit_test(hard_packets),
		cmocka_unit_test(hard_bytes),
		cmocka_unit_test(what_is_used_up_is_told),
		cmocka_unit_test(what_a_killed_worker_has_not_told),
		cmocka_unit_test(threads_never_share_a_number),
		cmocka_unit_test(killed_worker_never_repeats),
		cmocka_unit_test(recovery_without_esn_is_the_number_itself),
		cmocka_unit_test(recovery_in_both_cases),
		cmocka_unit_test(recovery_at_both_ends),
		cmocka_unit_test(recovery_against_the_definition),
	};

	return cmocka_run_group_tests_name("seq", tests, NULL, NULL);
}
