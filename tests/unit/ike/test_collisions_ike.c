/* SPDX-License-Identifier: BSD-2-Clause */
/* Both ends at once, and one of them is about the IKE SA: RFC 7296 sections 2.8.2 and 2.25, under traffic. The table of
 * all cases is in test_collisions.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collide.h"

/* ---- the IKE SA against a child: section 2.25.1, 2.25.2 ---- */

static void rekey_of_ike_while_child_is_made(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	make_child(w, 0);
	rekey(w, 1, true);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	tap_release(&tap, w, 1);
	assert_true(world_run_under_traffic(w, 8000));
	assert_int_equal(world_ike_count(w, 0), 1);
	assert_false(inside_ike(w, 0)->initiator);
}

static void rekey_of_ike_while_child_is_rekeyed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	rekey(w, 0, false);
	rekey(w, 1, true);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	settle(w, 1);
	/* It was asked again, and came to pass. */
	assert_false(inside_ike(w, 0)->initiator);
}

static void rekey_of_ike_while_child_is_closed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	close_child(w, 0);
	rekey(w, 1, true);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	settle(w, 1);
}

static void child_is_made_while_ike_is_rekeyed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	rekey(w, 0, true);
	make_child(w, 1);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	tap_release(&tap, w, 1);
	assert_true(world_run_under_traffic(w, 8000));
	assert_int_equal(world_ike_count(w, 1), 1);
}

static void child_is_rekeyed_while_ike_is_rekeyed(void **state)
{
	struct world *w = *state;
	uint32_t before;

	up(w);
	before = world_bound(w, 0)->spec.spi;
	hold(1);
	rekey(w, 0, true);
	rekey(w, 1, false);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	settle(w, 1);
	assert_int_not_equal(world_bound(w, 0)->spec.spi, before);
}

static void child_is_closed_while_ike_is_rekeyed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	rekey(w, 0, true);
	close_child(w, 1);
	assert_int_equal(tap_last(&tap, 0, EXCHANGE_INFORMATIONAL, true)->deletes, 1);
	settle(w, 1);
}

/* One rekeys the child, the other the IKE SA, at the same moment. */
static void child_and_ike_at_once(void **state)
{
	struct world *w = *state;

	up(w);
	for (int i = 0; i < 8; i++) {
		world_rekey(w, 0, i & 1);
		world_rekey(w, 1, !(i & 1));
		assert_true(world_run_under_traffic(w, 8000));
		assert_true(world_is_up(w));
	}
}

/* ---- the IKE SA: sections 2.8.2, 2.25.2 ---- */

static void rekey_of_ike_being_rekeyed(void **state)
{
	struct world *w = *state;
	unsigned kept_by[2] = {0, 0};

	up(w);
	for (int i = 0; i < 16; i++) {
		tap.count = 0;
		world_rekey(w, 0, true);
		world_rekey(w, 1, true);
		assert_true(world_run_under_traffic(w, 1000));
		assert_true(world_is_up(w));
		for (int host = 0; host < 2; host++) {
			assert_int_equal(tap_count(&tap, host, EXCHANGE_CREATE_CHILD_SA, true, 0), 1);
			assert_int_equal(tap_count(&tap, host, EXCHANGE_INFORMATIONAL, false, 0), 1);
		}
		assert_memory_equal(inside_ike(w, 0)->low_nonce, tap_higher_nonce(&tap), NONCE_SIZE);
		kept_by[inside_ike(w, 1)->initiator]++;
		assert_int_equal(inside_ike(w, 0)->spi_i, inside_ike(w, 1)->spi_i);
	}
	assert_true(kept_by[0] && kept_by[1]);
}

/* One never hears of the other's request before the old IKE SA is deleted (section 2.8.2, its second half). */
static void rekey_of_ike_that_was_rekeyed(void **state)
{
	struct world *w = *state;

	for (int late = 0; late < 2; late++) {
		world_again(w, 1);
		up(w);
		hold(!late);
		world_rekey(w, late, true);
		world_run(w, 5);
		tap_drop(&tap);
		world_rekey(w, !late, true);
		assert_true(world_run_under_traffic(w, 3000));
		assert_true(world_is_up(w));
		assert_int_equal(inside_ike(w, 0)->spi_i, inside_ike(w, 1)->spi_i);
		assert_true(inside_ike(w, !late)->initiator);
		/* And it is a living one. */
		world_rekey(w, late, false);
		assert_true(world_run_under_traffic(w, 5000));
		assert_true(world_is_up(w));
	}
}

/*
 * Both rekey the IKE SA, and host 1, whose new one is kept, knows so while its answer to host 0 is on its way. False:
 * with these random numbers it is the other one.
 */
static bool up_with_ike_settled_at_host_1(struct world *w, uint64_t seed)
{
	world_again(w, seed);
	up(w);
	world_rekey(w, 0, true);
	world_rekey(w, 1, true);
	world_run(w, 0);
	/* And its DELETE of the old one. */
	tap.hold[0] = 2;
	world_run(w, 5);
	if (inside_child(w, 1)->ike->initiator)
		return true;
	tap_drop(&tap);
	return false;
}

/* Host 0's own rekeys do not get through, nor the DELETE of the first IKE SA. */
static enum fate first_stays(struct world *w, struct world_packet *p, void *arg)
{
	const uint64_t *first = arg;
	struct ike_header h;

	(void)w;
	if (!header_parse(p->data, p->size, &h) || h.flags & FLAG_RESPONSE)
		return PASS;
	if (p->to == 1)
		return h.exchange == EXCHANGE_CREATE_CHILD_SA ? DROP : PASS;
	return h.exchange == EXCHANGE_INFORMATIONAL && h.spi_i == *first ? DROP : PASS;
}

/*
 * Host 1 rekeys, and rekeys what it has got; host 0 was about to rekey each of the two.
 *
 *   1 ─► SA, Ni, KEi          0 waits for an answer to its own, and keeps the children on the first one
 *   1 ─► SA, Ni, KEi          in the second: the same
 *   1 ─► D                    of the second one: the children of the first one are the third's from now on
 *   1 ─► D                    of the first one
 */
static void each_of_two_rekeys_of_ike_is_lost_by_the_same(void **state)
{
	struct world *w = *state;
	uint64_t first;
	uint32_t spi;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 200);
	first = inside_ike(w, 0)->spi_i;
	spi = inside_child(w, 0)->in.spi;
	w->filter = first_stays;
	w->filter_arg = &first;
	for (int i = 0; i < 2; i++) {
		rekey(w, 0, true);
		rekey(w, 1, true);
		world_run(w, 50);
	}
	w->filter = NULL;
	assert_true(world_run_under_traffic(w, 8000));
	assert_true(world_is_up(w));
	assert_int_equal(inside_child(w, 0)->in.spi, spi);
}

static void child_is_rekeyed_on_the_new_ike(void **state)
{
	struct world *w = *state;
	unsigned n = 0;

	for (uint64_t seed = 0; seed < 8; seed++) {
		if (!up_with_ike_settled_at_host_1(w, seed))
			continue;
		rekey(w, 1, false);
		assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
		/* If its DELETE of the old one is there first, the new one of host 0 is gone with it, and here in a
		 * while. */
		assert_true(world_run_under_traffic(w, 20000));
		settle(w, 0);
		n++;
	}
	assert_int_not_equal(n, 0);
}

static void child_is_closed_on_the_new_ike(void **state)
{
	struct world *w = *state;
	unsigned n = 0;

	for (uint64_t seed = 0; seed < 8; seed++) {
		if (!up_with_ike_settled_at_host_1(w, seed))
			continue;
		close_child(w, 1);
		assert_int_equal(tap_last(&tap, 0, EXCHANGE_INFORMATIONAL, true)->deletes, 1);
		assert_null(inside_child(w, 0));
		settle(w, 0);
		n++;
	}
	assert_int_not_equal(n, 0);
}

static void rekey_of_ike_being_closed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	world_terminate(w, 0);
	world_run(w, 5);
	rekey(w, 1, true);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	tap_release(&tap, w, 1);
	world_run(w, 10000);
	assert_true(world_is_down(w));
}

static void close_of_ike_being_rekeyed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	rekey(w, 0, true);
	world_terminate(w, 1);
	world_run(w, 5);
	assert_answered(0, EXCHANGE_INFORMATIONAL, 0);
	assert_null(inside_ike(w, 0));
	tap_release(&tap, w, 1);
	world_run(w, 500);
	assert_int_equal(world_ike_count(w, 1), 0);
	/* Host 0 is to have a connection, and opens another. */
	w->hosts[1].log_size = 0;
	world_run(w, 5000);
	assert_true(world_is_up(w));
}

static void close_of_ike_being_closed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	world_terminate(w, 0);
	world_run(w, 5);
	world_terminate(w, 1);
	world_run(w, 5);
	assert_answered(0, EXCHANGE_INFORMATIONAL, 0);
	tap_release(&tap, w, 1);
	world_run(w, 10000);
	assert_true(world_is_down(w));
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_int_equal(w->hosts[1].done_count, 1);
	assert_string_equal(w->hosts[1].done_error, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rekey_of_ike_while_child_is_made),
		TEST(rekey_of_ike_while_child_is_rekeyed),
		TEST(rekey_of_ike_while_child_is_closed),
		TEST(child_is_made_while_ike_is_rekeyed),
		TEST(child_is_rekeyed_while_ike_is_rekeyed),
		TEST(child_is_closed_while_ike_is_rekeyed),
		TEST(child_and_ike_at_once),
		TEST(rekey_of_ike_being_rekeyed),
		TEST(rekey_of_ike_that_was_rekeyed),
		TEST(each_of_two_rekeys_of_ike_is_lost_by_the_same),
		TEST(child_is_rekeyed_on_the_new_ike),
		TEST(child_is_closed_on_the_new_ike),
		TEST(rekey_of_ike_being_closed),
		TEST(close_of_ike_being_rekeyed),
		TEST(close_of_ike_being_closed),
	};

	return cmocka_run_group_tests_name("IKE collisions: the IKE SA", tests, NULL, NULL);
}
