/* SPDX-License-Identifier: BSD-2-Clause */
/* maps/free_slots.c, and slots.c over it: as many steps for any number of slots, and nothing lost by whoever is killed.
 */
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

#include "maps/free_slots.h"
#include "maps/slots.h"
#include "maps/turns.h"

/* Looked at for a claim at most, whatever is in use: the slot itself. */
#define STEPS 1
static struct maps maps;

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

static void make(uint32_t slots)
{
	maps = (struct maps){
		.slots = slots,
		.sa = shared(slots * sizeof(*maps.sa)),
		.bitmaps = shared(slots * sizeof(*maps.bitmaps)),
		.turns = shared(sizeof(*maps.turns)),
		.free = shared(sizeof(*maps.free)),
	};
}

static void unmake(void)
{
	munmap(maps.sa, maps.slots * sizeof(*maps.sa));
	munmap(maps.bitmaps, maps.slots * sizeof(*maps.bitmaps));
	munmap(maps.turns, sizeof(*maps.turns));
	munmap(maps.free, sizeof(*maps.free));
}

static uint32_t claim(void)
{
	uint32_t slot;

	assert_int_equal(slot_claim(&maps, 0, &slot), 0);
	return slot;
}

static void give_back(uint32_t slot)
{
	slot_release(&maps, slot, slot_generation(maps.sa, slot));
}

/* All in use, by what is told alone: to claim them one by one would clear all memory. */
static void fill(void)
{
	for (uint32_t slot = 0; slot < maps.slots; slot++) {
		maps.sa[slot].generation = 1;
		free_slots_take(maps.free, slot, maps.slots);
	}
}

static void as_many_steps_for_any_number(void **unused)
{
	static const uint32_t sizes[] = {SLOTS_MIN, 4160, SLOTS_DEFAULT, SLOTS_MAX};

	(void)unused;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make(sizes[i]);
		assert_int_equal(free_slots_next(maps.free, 0, maps.slots), 0);
		fill();
		assert_int_equal(free_slots_next(maps.free, 0, maps.slots), SLOT_NONE);
		for (uint32_t slot = 0; slot < maps.slots; slot = 2 * slot + 1) {
			const uint64_t before = slots_looked_at;

			give_back(slot);
			assert_int_equal(claim(), slot);
			assert_true(slots_looked_at - before <= STEPS);
		}
		give_back(maps.slots - 1);
		assert_int_equal(claim(), maps.slots - 1);
		unmake();
	}
}

/* A table that is full costs each who asks the same, too. */
static void none_is_told_in_as_many_steps(void **unused)
{
	uint64_t before;
	uint32_t slot;

	(void)unused;
	make(SLOTS_MAX);
	fill();
	before = slots_looked_at;
	assert_int_equal(slot_claim(&maps, 0, &slot), -ENOSPC);
	assert_true(slots_looked_at - before <= 256);
	unmake();
}

/* Given back in the midst of a turn, all at once: those behind them are found past them. */
static void many_that_are_not_free_yet_are_passed(void **unused)
{
	uint64_t before;

	(void)unused;
	make(SLOTS_MAX);
	for (uint32_t i = 0; i < SLOTS_DEFAULT; i++)
		assert_int_equal(claim(), i);
	turn_begin(maps.turns, 0);
	for (uint32_t i = 0; i < SLOTS_DEFAULT; i++)
		give_back(i);
	before = slots_looked_at;
	assert_true(claim() >= SLOTS_DEFAULT);
	assert_true(slots_looked_at - before <= 64);
	turn_begin(maps.turns, 0);
	assert_int_equal(claim(), 0);
	unmake();
}

static void hidden_slots_are_found(void **unused)
{
	uint32_t slot, tries = 0;

	(void)unused;
	make(SLOTS_DEFAULT);
	fill();
	maps.sa[5000].generation++;
	while (slot_claim(&maps, 0, &slot))
		assert_true(++tries <= SLOTS_DEFAULT / 256);
	assert_int_equal(slot, 5000);
	maps.sa[4095].generation++;
	slots_mend(&maps);
	assert_int_equal(claim(), 4095);
	unmake();
}

/* ---- killed at each instruction: what others see then is what stays ---- */

#define CHURN_SLOTS (64 * 64)
/* The one that is not in use: on it hang a bit of each level. */
#define CHURN_SLOT (CHURN_SLOTS - 1)
/* Of who claims it and gives it back, twice. It takes fewer. */
#define INSTRUCTIONS 100000

static void churn(void)
{
	uint32_t slot;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(1);
	raise(SIGSTOP);
	for (int i = 0; i < 2; i++) {
		if (slot_claim(&maps, 0, &slot) || slot != CHURN_SLOT)
			_exit(1);
		slot_release(&maps, slot, slot_generation(maps.sa, slot));
	}
	_exit(0);
}

/* What is seen, for who comes after. */
static struct maps copy_of(const struct maps *seen)
{
	struct maps copy = *seen;

	copy.sa = malloc(seen->slots * sizeof(*copy.sa));
	copy.bitmaps = malloc(seen->slots * sizeof(*copy.bitmaps));
	copy.turns = malloc(sizeof(*copy.turns));
	copy.free = malloc(sizeof(*copy.free));
	memcpy(copy.sa, seen->sa, seen->slots * sizeof(*copy.sa));
	memcpy(copy.turns, seen->turns, sizeof(*copy.turns));
	memcpy(copy.free, seen->free, sizeof(*copy.free));
	return copy;
}

/* Whoever starts finds the slot, unless it is in use, and nobody gets one that is; who goes on does so in a few claims.
 */
static void assert_all_found(bool starts)
{
	struct maps left = copy_of(&maps);
	const bool in_use = slot_in_use(slot_generation(left.sa, CHURN_SLOT));
	uint32_t slot, tries = starts ? 1 : 1 + CHURN_SLOTS / 256;
	bool got = false;

	if (starts)
		slots_mend(&left);
	if (starts && !in_use)
		assert_int_equal(free_slots_next(left.free, 0, left.slots), CHURN_SLOT);
	while (tries-- && !got)
		got = slot_claim(&left, 0, &slot) == 0;
	assert_int_equal(got, !in_use);
	assert_int_equal(slot_claim(&left, 0, &slot), -ENOSPC);
	free(left.sa);
	free(left.bitmaps);
	free(left.turns);
	free(left.free);
}

static void whoever_is_killed_hides_nothing_for_long(void **unused)
{
	struct free_slots before;
	struct sa_state sa;
	unsigned steps = 0, states = 0;
	int status;
	pid_t pid;

	(void)unused;
	make(CHURN_SLOTS);
	fill();
	give_back(CHURN_SLOT);
	pid = fork();
	if (pid == 0)
		churn();
	waitpid(pid, &status, 0);
	if (WIFEXITED(status)) {
		print_message("no ptrace here: cannot step through a claim\n");
		skip();
	}
	for (; WIFSTOPPED(status) && steps < INSTRUCTIONS; steps++) {
		before = *maps.free;
		sa = maps.sa[CHURN_SLOT];
		ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
		waitpid(pid, &status, 0);
		if (memcmp(&before, maps.free, sizeof(before)) == 0 &&
		    sa.generation == maps.sa[CHURN_SLOT].generation && sa.released == maps.sa[CHURN_SLOT].released)
			continue;
		states++;
		assert_all_found(true);
		assert_all_found(false);
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* Each claim and each release: the generation, the number, and a bit of each level. */
	assert_true(states >= 2 * (4 + 5));
	unmake();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_steps_for_any_number),
		cmocka_unit_test(none_is_told_in_as_many_steps),
		cmocka_unit_test(many_that_are_not_free_yet_are_passed),
		cmocka_unit_test(hidden_slots_are_found),
		cmocka_unit_test(whoever_is_killed_hides_nothing_for_long),
	};

	return cmocka_run_group_tests_name("free_slots", tests, NULL, NULL);
}
