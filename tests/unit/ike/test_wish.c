/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wanted is asked for once, whatever there is to ask it on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/open.h"
#include "inside.h"
#include "tap.h"

static struct tap tap;

static void configure(struct world *w, int host)
{
	struct connection_config *c = world_connection(w, host);

	c->start = START_TRAP;
	c->selector_count = 2;
	c->selectors[0] = (struct selector){SELECTOR_ANY_PORT, .proto = 6};
	c->selectors[1] = (struct selector){SELECTOR_ANY_PORT, .proto = 17};
	world_configure(w, host, c);
}

static void acquire(struct world *w, uint8_t proto)
{
	engine_acquire(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, proto, 1, 1);
	world_run(w, 10);
}

static unsigned children_for(struct world *w, uint8_t proto)
{
	const struct child *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, &inside_peer(w, 0)->children, of_peer)
		n += c->selector.proto == proto;
	return n;
}

/* The first child is there, and of what host 1 hears from here on so many messages wait. */
static void up_with_one(struct world *w, unsigned held)
{
	configure(w, 0);
	configure(w, 1);
	acquire(w, 6);
	/* So that neither of two IKE SAs is redundant. */
	world_run(w, 2 * HALF_OPEN_MS);
	tap_start(&tap, w);
	tap.hold[1] = held;
}

static void peer_opens_another(struct world *w)
{
	assert_non_null(peer_open(inside_peer(w, 1), 0));
	world_run(w, 100);
}

/* Another IKE SA has come up before the answer on the first one is there. */
static void another_ike_sa_comes_up(void **state)
{
	struct world *w = *state;

	up_with_one(w, 1);
	assert_int_equal(children_for(w, 6), 1);
	assert_int_equal(children_for(w, 17), 0);
	acquire(w, 17);
	assert_int_equal(tap.held_count, 1);
	peer_opens_another(w);
	assert_int_equal(world_ike_count(w, 0), 2);
	assert_int_equal(children_for(w, 6), 2);
	tap_release(&tap, w, 1);
	world_run(w, 100);
	assert_int_equal(children_for(w, 17), 1);
	assert_int_equal(tap_count(&tap, 0, EXCHANGE_CREATE_CHILD_SA, false, 0), 1);
}

/* The first one does not answer: it is not waited for. */
static void another_ike_sa_comes_up_beside_a_silent_one(void **state)
{
	struct world *w = *state;

	/* The request, and each time it is sent again. */
	up_with_one(w, 3);
	acquire(w, 17);
	world_run(w, 2500);
	assert_int_equal(tap.held_count, 3);
	tap_drop(&tap);
	peer_opens_another(w);
	assert_int_equal(children_for(w, 17), 1);
}

/* And when it answers again, what waits on it for its turn has been brought. */
static void a_silent_one_asks_for_nothing_that_is_there(void **state)
{
	struct world *w = *state;

	up_with_one(w, 3);
	assert_non_null(task_queue(inside_ike(w, 0), TASK_LIVENESS));
	world_run(w, 10);
	acquire(w, 17);
	world_run(w, 2500);
	assert_int_equal(tap.held_count, 3);
	tap_drop(&tap);
	peer_opens_another(w);
	assert_int_equal(children_for(w, 17), 1);
	world_run(w, 5000);
	assert_int_equal(tap_count(&tap, 1, EXCHANGE_INFORMATIONAL, true, 0), 1);
	assert_int_equal(children_for(w, 17), 1);
}

/* Nor does one go on that was begun for it, and whose turn comes late. */
static void one_begun_is_given_up(void **state)
{
	struct world *w = *state;

	configure(w, 0);
	configure(w, 1);
	tap_start(&tap, w);
	tap.hold[0] = 1;
	acquire(w, 6);
	assert_int_equal(tap.held_count, 1);
	assert_non_null(peer_open(inside_peer(w, 0), 0));
	world_run(w, 100);
	assert_int_equal(children_for(w, 6), 1);
	tap_release(&tap, w, 0);
	world_run(w, 100);
	assert_true(world_logged(w, 0, "given up"));
	assert_int_equal(children_for(w, 6), 1);
	assert_int_equal(world_ike_count(w, 0), 1);
	assert_true(world_talks(w));
}

/* More than half of what two that are made one may be apart; the question is not given up yet. */
#define LATE_MS (HALF_OPEN_MS * 6 / 10)

/* The first answer comes late, and no other one. */
static enum fate init_answer_is_late(struct world *w, struct world_packet *p, void *arg)
{
	uint64_t *late_at = arg;
	struct ike_header h;

	if (p->to != 0 || !header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_IKE_SA_INIT ||
	    !(h.flags & FLAG_RESPONSE))
		return PASS;
	if (*late_at)
		return w->now_ms >= *late_at ? PASS : DROP;
	*late_at = w->now_ms + LATE_MS;
	world_inject(w, p, LATE_MS);
	return DROP;
}

/* Nor where the peer has brought it, and so long ago that neither of the two IKE SAs would be redundant. */
static void one_begun_long_before_the_peers_is_given_up(void **state)
{
	struct world *w = *state;
	uint64_t late_at = 0;

	configure(w, 0);
	configure(w, 1);
	w->filter = init_answer_is_late;
	w->filter_arg = &late_at;
	acquire(w, 6);
	peer_opens_another(w);
	assert_int_equal(children_for(w, 6), 1);
	world_run(w, LATE_MS);
	assert_true(world_logged(w, 0, "given up: another one is up"));
	assert_int_equal(children_for(w, 6), 1);
	assert_int_equal(world_ike_count(w, 0), 1);
	assert_true(world_talks(w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_silent_one_asks_for_nothing_that_is_there, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(one_begun_is_given_up, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(one_begun_long_before_the_peers_is_given_up, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(another_ike_sa_comes_up, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(another_ike_sa_comes_up_beside_a_silent_one, world_setup,
						world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
