/* SPDX-License-Identifier: BSD-2-Clause */
/* An answer for which there is no memory: what the peer has made is not left with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"
#include "tap.h"

void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
void *__wrap_calloc(size_t count, size_t size);

static struct tap tap;
static bool no_memory;
static bool no_name;
static size_t missing; /* there is no memory for what is so large; 0: for anything */

/* For who the peer says it is. */
char *__wrap_strdup(const char *text)
{
	return no_name ? NULL : __real_strdup(text);
}

/* All that is made of an answer, and each task, begins with one. */
void *__wrap_calloc(size_t count, size_t size)
{
	if (count == 1 && size == missing)
		return NULL;
	return no_memory ? NULL : __real_calloc(count, size);
}

static void up(struct world *w, enum start_mode start)
{
	world_configure_both(w, start);
	world_initiate(w, 0);
	world_run(w, 200);
	assert_true(world_is_up(w));
	tap_start(&tap, w);
}

/* The next answer to host 0 comes when it has none. */
static void ask_without_memory(struct world *w, void (*ask)(struct world *w))
{
	tap.hold[0] = 1;
	ask(w);
	world_run(w, 5);
	assert_int_equal(tap.held_count, 1);
	no_memory = true;
	tap_release(&tap, w, 0);
	world_run(w, 5);
	no_memory = false;
}

static void ask_for_child(struct world *w)
{
	assert_non_null(task_queue(inside_ike(w, 0), TASK_CHILD));
}

static void ask_to_rekey_child(struct world *w)
{
	world_rekey(w, 0, false);
}

static void ask_to_rekey_ike(struct world *w)
{
	world_rekey(w, 0, true);
}

static void new_child_goes_back(void **state)
{
	struct world *w = *state;

	up(w, START_TRAP);
	ask_without_memory(w, ask_for_child);
	world_run(w, 100);
	assert_int_equal(world_child_count(w, 1), 1);
	assert_true(world_is_up(w));
}

static void rekeyed_child_goes_back(void **state)
{
	struct world *w = *state;

	up(w, START_TRAP);
	ask_without_memory(w, ask_to_rekey_child);
	world_run(w, 100);
	assert_int_equal(world_child_count(w, 1), 1);
	assert_true(world_is_up(w));
	/* What was not replaced is so the next time. */
	world_rekey(w, 0, false);
	assert_true(world_run_under_traffic(w, 2000));
	assert_string_equal(w->hosts[0].done_error, "");
	assert_true(world_is_up(w));
}

/* The peer has put the children on an IKE SA that is not here: the old one ends, with all that is on it. */
static void rekeyed_ike_sa_is_made_anew(void **state)
{
	struct world *w = *state;

	up(w, START_INITIATE);
	ask_without_memory(w, ask_to_rekey_ike);
	world_run(w, 3000);
	assert_true(world_is_up(w));
}

/* Whom it would be with nobody could tell, and INITIAL_CONTACT would be anybody's: it is not up, nor is an heir. */
static void nothing_is_up_without_a_name(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	no_name = true;
	world_run(w, 500);
	no_name = false;
	assert_true(world_is_down(w));
	assert_true(world_logged(w, 1, "no memory for the peer's identity"));
	world_run(w, 10000);
	assert_true(world_is_up(w));
	no_name = true;
	world_rekey(w, 0, true);
	world_run(w, 20);
	no_name = false;
	world_run(w, 10000);
	assert_true(world_is_up(w));
	assert_string_equal(inside_ike(w, 0)->peer_id, "192.0.2.2");
	assert_string_equal(inside_ike(w, 1)->peer_id, "192.0.2.1");
}

/* What is to be up always is so, also if its peer could not be made when the file was read; unless it is gone again. */
static void connection_begins_later(void **state)
{
	struct world *w = *state;

	for (int gone = 0; gone < 2; gone++) {
		world_again(w, 0);
		missing = sizeof(struct peer);
		world_configure_both(w, START_INITIATE);
		world_run(w, 500);
		missing = 0;
		assert_true(world_is_down(w));
		if (gone)
			engine_configure(w->hosts[0].engine, &(struct ike_config){0});
		world_run(w, 3000);
		assert_int_equal(world_is_up(w), !gone);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_child_goes_back),	    TEST(rekeyed_child_goes_back), TEST(rekeyed_ike_sa_is_made_anew),
		TEST(nothing_is_up_without_a_name), TEST(connection_begins_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
