/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of an IKE SA by our hand, where there is no memory for its DELETE when it is ordered; and of its rekey. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "inside.h"
#include "world.h"

/* Of tasks alone: whatever else is allocated there is memory for. */
static bool no_memory;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory && size == sizeof(struct task) ? NULL : __real_calloc(n, size);
}

static int teardown(void **state)
{
	no_memory = false;
	return world_teardown(state);
}

static struct world *connected(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 1000);
	assert_true(world_is_up(w));
	return w;
}

/* Taken down: the peer is told as soon as it can be, and does not go on sending by SAs that are gone here. */
static void taken_down(void **state)
{
	struct world *w = connected(state);

	no_memory = true;
	world_terminate(w, 0);
	world_run(w, 500);
	assert_false(world_logged(w, 1, "deleted by the peer"));
	no_memory = false;
	world_run(w, 1000);
	assert_true(world_logged(w, 1, "deleted by the peer"));
	world_run(w, 30000);
	assert_true(world_is_down(w));
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_string_equal(w->hosts[0].done_error, "");
}

/* As long as there is none it is tried again, not once. */
static void taken_down_after_a_while(void **state)
{
	struct world *w = connected(state);

	no_memory = true;
	world_terminate(w, 0);
	world_run(w, 5000);
	assert_true(inside_peer(w, 0)->sas.tqh_first->leaves);
	no_memory = false;
	world_run(w, 1500);
	assert_true(world_logged(w, 1, "deleted by the peer"));
}

/*
 *   0 ─► SA, Ni, KEi          0 has the heir
 *   0 ◄─ SA, Nr, KEr          and no memory to delete the old one, now
 *   0 ─► D                    a second later
 */
static void replaced_by_a_rekey(void **state)
{
	struct world *w = connected(state);

	world_rekey(w, 0, true);
	world_run(w, 1);
	no_memory = true;
	world_run(w, 500);
	assert_int_equal(world_ike_count(w, 0), 2);
	no_memory = false;
	world_run(w, 1000);
	assert_true(world_logged(w, 1, "deleted by the peer"));
	world_run(w, 500);
	assert_int_equal(world_ike_count(w, 0), 1);
	assert_true(world_talks(w));
}

static enum fate without_memory_for_the_answer(struct world *w, struct world_packet *p, void *arg)
{
	(void)arg;
	(void)w;
	if (p->to == 0 && p->data[18] == EXCHANGE_IKE_AUTH)
		no_memory = true;
	return PASS;
}

/* It is up for a peer that is not who it should be. */
static void not_proven(void **state)
{
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 0);

	strcpy(c->remote_id, "somebody.example");
	world_configure(w, 1, world_connection(w, 1));
	world_configure(w, 0, c);
	w->filter = without_memory_for_the_answer;
	world_initiate(w, 0);
	world_run(w, 500);
	assert_true(world_logged(w, 0, "refused"));
	assert_int_equal(world_ike_count(w, 1), 1);
	w->filter = NULL;
	no_memory = false;
	world_run(w, 1500);
	assert_true(world_logged(w, 1, "the peer does not accept who we are"));
}

/* The peer answers TEMPORARY_FAILURE: it takes the IKE SA for one that is on its way out. */
static struct ike_sa *rekeyed_in_vain(struct world *w)
{
	inside_ike(w, 1)->era--;
	world_rekey(w, 0, true);
	world_run(w, 1);
	return inside_ike(w, 0);
}

static void rekey_is_not_asked_for_again_when_taken_down(void **state)
{
	struct world *w = connected(state);
	struct ike_sa *sa = rekeyed_in_vain(w);

	assert_int_equal(sa->running->kind, TASK_REKEY_IKE);
	world_terminate(w, 0);
	while (sa->running && sa->running->kind == TASK_REKEY_IKE)
		world_run(w, 1);
	assert_null(task_find(sa, TASK_REKEY_IKE, NULL));
}

/* It has become another connection's since, as one does whose children another one is to keep: its wishes are of its
 * own, those of the IKE SA are not. */
static void rekey_is_asked_for_again_when_handed_on(void **state)
{
	struct world *w = connected(state);
	struct ike_sa *sa = rekeyed_in_vain(w);

	sa->peer->era++;
	ike_sa_give(sa, sa->peer);
	while (sa->running)
		world_run(w, 1);
	assert_non_null(task_find(sa, TASK_REKEY_IKE, NULL));
	assert_false(task_is_void(task_find(sa, TASK_REKEY_IKE, NULL)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(taken_down, world_setup, teardown),
		cmocka_unit_test_setup_teardown(taken_down_after_a_while, world_setup, teardown),
		cmocka_unit_test_setup_teardown(replaced_by_a_rekey, world_setup, teardown),
		cmocka_unit_test_setup_teardown(not_proven, world_setup, teardown),
		cmocka_unit_test_setup_teardown(rekey_is_not_asked_for_again_when_taken_down, world_setup, teardown),
		cmocka_unit_test_setup_teardown(rekey_is_asked_for_again_when_handed_on, world_setup, teardown),
	};

	return cmocka_run_group_tests_name("IKE, DELETE of an IKE SA", tests, NULL, NULL);
}
