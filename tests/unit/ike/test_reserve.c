/* SPDX-License-Identifier: BSD-2-Clause */
/* The inbound SA that is reserved while we wait for an answer: there before the key, and gone if there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

#define LATE_MS 40

static void rekey(struct world *w)
{
	engine_rekey(w->hosts[0].engine, "c0", NULL, false, 9);
}

static unsigned sas(const struct world *w, int host)
{
	return world_sa_count(w, host, true) + world_sa_count(w, host, false);
}

static void come_up(struct world *w)
{
	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	assert_true(world_talks(w));
	assert_int_equal(sas(w, 0), 2);
}

/* ---- there ---- */

static enum fate answer_late(struct world *w, struct world_packet *p, void *arg)
{
	(void)arg;
	if (p->to == 1)
		return PASS;
	world_inject(w, p, LATE_MS);
	return DROP;
}

/* Host 1's new outbound SA, by which it does not send yet, and could. */
static struct world_sa *newest_of_peer(struct world *w)
{
	for (unsigned i = 0; i < WORLD_SAS; i++) {
		struct world_sa *sa = &w->hosts[1].sas[i];

		if (sa->used && !sa->spec.inbound && !sa->bound)
			return sa;
	}
	return NULL;
}

/*
 *   0 ─► REKEY_SA, SA(S) ...      S is reserved
 *        ESP(S)  ◄─ 1             nobody has the key yet; held by the worker
 *   0 ◄─ SA, Nr, KEr              the key goes where it was reserved, and what was held is opened
 */
static void peer_sends_before_its_answer(void **state)
{
	static const uint8_t none[CHILD_KEYMAT_SIZE];
	struct world *w = *state;
	struct world_sa *theirs, *ours;
	uint32_t generation;

	come_up(w);
	for (int i = 0; i < 5; i++) {
		w->filter = answer_late;
		rekey(w);
		world_run(w, LATE_MS / 2);
		theirs = newest_of_peer(w);
		assert_non_null(theirs);
		ours = world_reserved(w, 0, theirs->spec.spi);
		assert_non_null(ours);
		assert_memory_equal(ours->spec.keymat, none, sizeof(none));
		assert_memory_equal(ours->spec.src, w->hosts[1].addr, 4);
		assert_memory_equal(ours->spec.dst, w->hosts[0].addr, 4);
		assert_int_equal(ours->spec.replay_window, 0);
		generation = ours->generation;
		w->filter = NULL;
		world_run(w, LATE_MS);
		assert_null(world_reserved(w, 0, theirs->spec.spi));
		assert_ptr_equal(world_partner(w, 1, theirs), ours);
		assert_int_equal(ours->generation, generation);
		assert_int_equal(ours->spec.replay_window, 1024);
		world_run(w, 5000);
		assert_true(world_talks(w));
		assert_int_equal(sas(w, 0), 2);
	}
}

/* The peer sends by it once its answer is out, whenever that arrives. */
static void first_child_too(void **state)
{
	struct world *w = *state;
	struct world_sa *theirs;

	w->filter = answer_late;
	world_configure_both(w, START_INITIATE);
	world_run(w, LATE_MS + LATE_MS / 2);
	theirs = world_bound(w, 1);
	assert_non_null(theirs);
	assert_non_null(world_reserved(w, 0, theirs->spec.spi));
	world_run(w, LATE_MS);
	assert_non_null(world_partner(w, 1, theirs));
	assert_int_equal(sas(w, 0), 2);
}

/* ---- gone ---- */

/* So that sa_add and sa_reserve of that host find no room. */
static void fill_up(struct world *w, int host, bool full)
{
	for (unsigned i = 0; i < WORLD_SAS; i++) {
		struct world_sa *sa = &w->hosts[host].sas[i];

		if (full && !sa->used)
			*sa = (struct world_sa){.used = true, .generation = sa->generation + 1};
		else if (!full && sa->spec.spi == 0)
			sa->used = false;
	}
}

static void refused_by_the_peer(void **state)
{
	struct world *w = *state;

	come_up(w);
	fill_up(w, 1, true);
	for (int i = 0; i < 20; i++) {
		rekey(w);
		world_run(w, 1000);
		assert_string_equal(w->hosts[0].done_error, "NO_ADDITIONAL_SAS");
		assert_int_equal(sas(w, 0), 2);
	}
	fill_up(w, 1, false);
	assert_true(world_talks(w));
}

static void refused_with_the_first(void **state)
{
	struct world *w = *state;

	fill_up(w, 1, true);
	world_configure_both(w, START_INITIATE);
	world_run(w, 1000);
	assert_int_equal(world_ike_count(w, 0), 1);
	assert_int_equal(sas(w, 0), 0);
}

/* Without room there is nothing to reserve, and no child either; later there is. */
static void no_room_here(void **state)
{
	struct world *w = *state;

	come_up(w);
	fill_up(w, 0, true);
	for (int i = 0; i < 5; i++) {
		rekey(w);
		world_run(w, 5000);
	}
	fill_up(w, 0, false);
	assert_true(world_talks(w));
	assert_int_equal(sas(w, 0), 2);
	world_run(w, 60000);
	assert_true(world_talks(w));
	assert_int_equal(sas(w, 0), 2);
	assert_int_equal(sas(w, 1), 2);
}

static void never_answered(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 5; i++) {
		w->filter = NULL;
		come_up(w);
		w->filter = world_drop_all;
		rekey(w);
		world_run(w, 100);
		assert_int_equal(sas(w, 0), 3);
		w->hosts[0].done_count = 0;
		while (!w->hosts[0].done_count)
			world_run(w, 1000);
		engine_terminate(w->hosts[0].engine, "c0", NULL, 8);
		world_run(w, 60000);
		assert_int_equal(sas(w, 0), 0);
		world_free(w);
		world_init(w);
	}
}

/* The configuration goes while the request is on its way. */
static void given_up(void **state)
{
	struct world *w = *state;
	struct ike_config nothing = {0};

	come_up(w);
	w->filter = world_drop_all;
	rekey(w);
	world_run(w, 100);
	assert_int_equal(sas(w, 0), 3);
	engine_configure(w->hosts[0].engine, &nothing);
	world_run(w, 60000);
	assert_int_equal(sas(w, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(peer_sends_before_its_answer, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(first_child_too, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(refused_by_the_peer, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(refused_with_the_first, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(no_room_here, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(never_answered, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(given_up, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
