/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "esp/replay.h"
#include "vectors/random.h"

static const uint16_t windows[] = {64, 65, 100, 128, 1024, 8191, 8192};
#define WINDOWS (sizeof(windows) / sizeof(windows[0]))

struct receiver {
	struct sa_state sa;
	__u64 ring[REPLAY_WIDE_WORDS];
};

static void reset(struct receiver *r, uint16_t window, uint64_t top)
{
	memset(r, 0, sizeof(*r));
	r->sa.replay_window = window;
	r->sa.seq = top;
}

static bool check(const struct receiver *r, uint64_t seq)
{
	return replay_check(&r->sa, r->ring, r->sa.replay_window, seq);
}

/* As the datapath does: both must agree, and the check must change nothing. */
static bool take(struct receiver *r, uint64_t seq)
{
	struct receiver before = *r;
	bool may = check(r, seq);

	assert_memory_equal(r, &before, sizeof(before));
	assert_int_equal(replay_update(&r->sa, r->ring, r->sa.replay_window, seq), may);
	if (!may)
		assert_memory_equal(r, &before, sizeof(before));
	assert_int_equal(r->sa.seq, may && seq > before.sa.seq ? seq : before.sa.seq);
	return may;
}

#define YES(seq) assert_true(take(&r, seq))
#define NO(seq)	 assert_false(take(&r, seq))

static void zero_is_never_taken(void **unused)
{
	struct receiver r;

	(void)unused;
	reset(&r, 64, 0);
	NO(0);
	YES(1);
	NO(0);
	YES(2);
	NO(0);
}

static void in_order_and_repeated(void **unused)
{
	struct receiver r;

	(void)unused;
	reset(&r, 64, 0);
	YES(1);
	NO(1);
	YES(9);
	YES(8);
	YES(7);
	NO(7);
	NO(8);
	NO(9);
	YES(10);
}

static void edges_of_the_window(void **unused)
{
	struct receiver r;

	(void)unused;
	for (size_t i = 0; i < WINDOWS; i++) {
		const uint64_t w = windows[i];

		reset(&r, (uint16_t)w, 0);
		YES(1);
		YES(w + 1); /* the window is now 2 ... w + 1 */
		NO(1);
		YES(w);
		NO(w);
		YES(2);
		NO(2);
		YES(w + 17);
		NO(3);
		NO(17);
		YES(18);
		NO(w + 17);
		YES(4 * w);
		YES(4 * w - (w - 1));
		NO(4 * w - w);
		NO(4 * w - (w - 1));
		YES(4 * w - (w - 2));
		NO(10);
	}
}

/* BPF is told of the top late, and never of one that has not been. */
static void what_is_seen_follows_the_top(void **unused)
{
	struct receiver r;
	uint64_t rnd = 1;

	(void)unused;
	reset(&r, 64, 0);
	for (uint64_t seq = 1; seq < 1000000; seq += random_below(&rnd, 4) ? 1 : random_below(&rnd, 3000)) {
		replay_update(&r.sa, r.ring, r.sa.replay_window, seq);
		assert_in_range(r.sa.seq - r.sa.seen, 0, SEEN_STEP + REPLAY_WORD_BITS - 1);
	}
	assert_true(r.sa.seen > 900000);
}

/* From a full window. What it shares with the one after the jump is kept, and nothing else is in that. */
static void jump(uint16_t window, uint64_t distance)
{
	const uint64_t old = 20000, top = old + distance;
	struct receiver r;

	reset(&r, window, 0);
	for (uint64_t seq = 1; seq <= old; seq++)
		replay_update(&r.sa, r.ring, r.sa.replay_window, seq);
	YES(top);
	for (uint64_t back = window - 1; back > 0; back--)
		assert_int_equal(replay_update(&r.sa, r.ring, r.sa.replay_window, top - back), top - back > old);
	for (uint64_t back = 0; back < window + 100u; back++)
		assert_false(check(&r, top - back));
	for (uint64_t on = 1; on < 200; on++)
		YES(top + on);
}

static void jumps_keep_what_both_windows_share(void **unused)
{
	static const uint64_t distances[] = {1,	    63,	   64,	  1000,	 8063,	  8064,	      8127,
					     8128,  8129,  8190,  8191,	 8192,	  8193,	      16319,
					     16320, 16383, 16384, 16385, 1 << 20, 1ULL << 32, 1ULL << 60};

	(void)unused;
	for (size_t i = 0; i < WINDOWS; i++)
		for (size_t k = 0; k < sizeof(distances) / sizeof(distances[0]); k++)
			jump(windows[i], distances[k]);
}

static void last_numbers(void **unused)
{
	struct receiver r;

	(void)unused;
	reset(&r, 64, UINT64_MAX - 3);
	YES(UINT64_MAX - 1);
	NO(UINT64_MAX - 1);
	YES(UINT64_MAX - 2);
	YES(UINT64_MAX);
	NO(UINT64_MAX);
	NO(0);
	NO(1);
	YES(UINT64_MAX - 63);
	NO(UINT64_MAX - 64);
}

static void fills_forwards_and_backwards(void **unused)
{
	struct receiver r;

	(void)unused;
	for (size_t i = 0; i < WINDOWS; i++) {
		const uint64_t w = windows[i];

		reset(&r, (uint16_t)w, 0);
		for (uint64_t seq = 1; seq <= 3 * w; seq++)
			YES(seq);
		for (uint64_t seq = 0; seq <= 3 * w; seq++)
			NO(seq);
		reset(&r, (uint16_t)w, 0);
		for (uint64_t seq = w; seq > 0; seq--)
			YES(seq);
		for (uint64_t seq = 0; seq <= w; seq++)
			NO(seq);
		reset(&r, (uint16_t)w, 0);
		for (uint64_t seq = w + 1; seq > 1; seq--)
			YES(seq);
		NO(1);
	}
}

/* The definition: a set of all that was taken, and a window below its highest. */
#define MODEL_SIZE (1 << 22)

struct model {
	uint64_t base, top;
	uint32_t window;
	uint8_t *seen; /* by number - base */
};

static bool model_take(struct model *m, uint64_t seq)
{
	if (seq == 0 || (seq <= m->top && m->top - seq >= m->window) || m->seen[seq - m->base])
		return false;
	m->seen[seq - m->base] = 1;
	m->top = seq > m->top ? seq : m->top;
	return true;
}

/* Mostly near the top, sometimes far behind, sometimes a jump. */
static uint64_t next_number(const struct model *m, uint64_t *rnd)
{
	const uint64_t behind = random_below(rnd, 4) ? 2 * m->window : 20000;
	const uint64_t ahead = random_below(rnd, 256) ? 1 + random_below(rnd, 100) : 1 + random_below(rnd, 40000);
	const uint64_t back = random_below(rnd, behind);

	if (random_below(rnd, 2))
		return m->top + ahead;
	return m->top - m->base > back ? m->top - back : m->base;
}

static void against_a_set(void **unused)
{
	struct model m = {.seen = malloc(MODEL_SIZE)};
	struct receiver r;
	uint64_t rnd = 10;

	(void)unused;
	assert_non_null(m.seen);
	for (size_t round = 0; round < 4 * WINDOWS; round++) {
		m.window = windows[round / 4];
		m.base = m.top = round % 4 < 2 ? 0 : (1ULL << 32) - 100000;
		memset(m.seen, 0, MODEL_SIZE);
		/* What was at and before the base is as good as seen: start there with a window's worth of it. */
		reset(&r, (uint16_t)m.window, m.base);
		for (int i = 0; i < 12000; i++) {
			uint64_t seq = next_number(&m, &rnd);

			if (seq <= m.base || seq - m.base >= MODEL_SIZE)
				continue;
			assert_int_equal(take(&r, seq), model_take(&m, seq));
		}
	}
	free(m.seen);
}

/*
 * A worker that may be killed at any instruction. The child takes numbers and
 * writes down what it accepted, as delivering would; it is stepped through one
 * instruction at a time, and after each what it left in memory is asked about
 * everything that was accepted so far.
 */
struct victim {
	struct receiver r;
	volatile uint32_t accepted;
	uint64_t numbers[64];
};

static const uint64_t path[] = {70, 71, 65, 100, 127, 128, 129, 128 + 64 * 126, 8300, 8299, 8240,
				/* a jump as long as is safe to clear first, then longer ones */
				8300 + 64 * 127, 8301 + 64 * 127, 8300 + 64 * 255, 60000, 59999, 1 << 20,
				(1 << 20) - 1};

static void take_path(struct victim *v)
{
	for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++)
		if (replay_update(&v->r.sa, v->r.ring, v->r.sa.replay_window, path[i])) {
			v->numbers[v->accepted] = path[i];
			v->accepted++;
		}
}

static void become_victim(struct victim *v)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(1);
	raise(SIGSTOP);
	take_path(v);
	_exit(0);
}

static void assert_accepts_nothing_twice(const struct victim *v)
{
	for (uint32_t i = 0; i < v->accepted; i++)
		assert_false(check(&v->r, v->numbers[i]));
}

static void killed_anywhere_accepts_nothing_twice(void **unused)
{
	struct victim *v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t steps = 0;
	int status;
	pid_t child;

	(void)unused;
	assert_ptr_not_equal(v, MAP_FAILED);
	reset(&v->r, 8192, 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		become_victim(v);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status)) {
		print_message("no ptrace here: cannot step through a worker\n");
		skip();
	}
	while (WIFSTOPPED(status)) {
		assert_accepts_nothing_twice(v);
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		steps++;
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(steps > 500);
	assert_int_equal(v->accepted, sizeof(path) / sizeof(path[0]));
	munmap(v, sizeof(*v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_is_never_taken),
		cmocka_unit_test(in_order_and_repeated),
		cmocka_unit_test(edges_of_the_window),
		cmocka_unit_test(what_is_seen_follows_the_top),
		cmocka_unit_test(jumps_keep_what_both_windows_share),
		cmocka_unit_test(last_numbers),
		cmocka_unit_test(fills_forwards_and_backwards),
		cmocka_unit_test(against_a_set),
		cmocka_unit_test(killed_anywhere_accepts_nothing_twice),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
