/* SPDX-License-Identifier: BSD-2-Clause */
/* Both ends open the first IKE SA at once: one is left, with all that is wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collide.h"

/* ---- both ends begin ---- */

static void both_initiate(struct world *w, uint64_t apart_ms)
{
	for (int i = 0; i < 2; i++) {
		struct connection_config *c = world_connection(w, i);

		c->start = START_INITIATE;
		world_configure(w, i, c);
		world_run(w, apart_ms);
	}
}

static void both_initiate_at_once(void **state)
{
	struct world *w = *state;

	both_initiate(w, 0);
	world_run(w, 500);
	assert_true(world_talks(w));
	assert_true(world_run_under_traffic(w, 8000));
	assert_true(world_is_up(w));
}

/* The clock tells nothing of what came first. Whoever's nonce is the lowest. */
static void both_initiate_in_one_millisecond(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		world_again(w, seed);
		w->latency_ms = 0;
		world_configure(w, 0, world_connection(w, 0));
		world_configure(w, 1, world_connection(w, 1));
		world_initiate(w, 0);
		world_initiate(w, 1);
		world_run(w, 8000);
		assert_true(world_is_up(w));
	}
}

/* Host 0 begins and is not heard; host 1 begins and is; then host 0 is heard too. Whoever's nonce is the lowest. */
static void both_initiate_one_late(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		world_again(w, seed);
		tap_start(&tap, w);
		hold(1);
		both_initiate(w, 50);
		tap_drop(&tap);
		world_run(w, 3000);
		assert_true(world_talks(w));
		assert_true(world_run_under_traffic(w, 8000));
		assert_int_equal(world_ike_count(w, 0), 1);
		assert_int_equal(world_ike_count(w, 1), 1);
	}
}

static enum fate auth_of_host_1_is_late(struct world *w, struct world_packet *p, void *arg)
{
	bool *held = arg;
	struct ike_header h;

	if (*held || p->to != 0 || !header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_IKE_AUTH ||
	    (h.flags & FLAG_RESPONSE))
		return PASS;
	*held = true;
	world_inject(w, p, 200);
	return DROP;
}

/* Its INITIAL_CONTACT is of the time before the other one was up: that one has not been forgotten. */
static void initial_contact_is_late(void **state)
{
	struct world *w = *state;
	bool held = false;

	w->filter = auth_of_host_1_is_late;
	w->filter_arg = &held;
	both_initiate(w, 0);
	world_run(w, 100);
	assert_true(held);
	assert_true(world_talks(w));
	assert_true(world_run_under_traffic(w, 8000));
	assert_true(world_is_up(w));
	assert_false(world_logged(w, 0, "has started anew"));
}

struct forgotten {
	uint64_t ours;	 /* SPI of what host 0 began */
	uint64_t theirs; /* of what host 1 began */
	bool held;
	bool gone;
};

/* The answer to host 0's IKE_AUTH is late, and from then on nothing comes or goes on what host 1 has begun. */
static enum fate forget_theirs(struct world *w, struct world_packet *p, void *arg)
{
	struct forgotten *f = arg;
	struct ike_header h;

	if (!header_parse(p->data, p->size, &h) || h.exchange == EXCHANGE_IKE_SA_INIT)
		return PASS;
	if (h.exchange == EXCHANGE_IKE_AUTH && !(h.flags & FLAG_RESPONSE) && !f->gone)
		*(p->to ? &f->ours : &f->theirs) = h.spi_i;
	if (f->gone && h.spi_i == f->theirs)
		return DROP;
	if (f->held || p->to != 0 || h.exchange != EXCHANGE_IKE_AUTH || h.spi_i != f->ours)
		return PASS;
	f->held = true;
	world_inject(w, p, 50);
	return DROP;
}

static bool has_ike_sa(struct world *w, int host, uint64_t spi_i)
{
	cJSON *status = engine_status(w->hosts[host].engine);
	char *text = cJSON_PrintUnformatted(status), spi[20];
	bool found;

	snprintf(spi, sizeof(spi), "%016" PRIx64, spi_i);
	found = strstr(text, spi);
	free(text);
	cJSON_Delete(status);
	return found;
}

/*
 * Both begin at once, and the peer reads our INITIAL_CONTACT when its own IKE SA is up: it ends that, and says nothing.
 * Ours is the only one there is, whoever's nonce is the lowest.
 */
static void peer_ends_its_own_in_silence(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct forgotten f = {0};

		world_again(w, seed);
		w->filter = forget_theirs;
		w->filter_arg = &f;
		both_initiate(w, 0);
		world_run(w, 40);
		assert_true(f.held && has_ike_sa(w, 0, f.theirs));
		f.gone = true;
		world_run(w, 60000);
		assert_true(has_ike_sa(w, 0, f.ours));
		assert_true(has_ike_sa(w, 1, f.ours));
		w->filter = NULL;
	}
}

/* The one that is about to be deleted as the lower of the two, and by whom. */
static struct ike_sa *redundant_one(struct world *w, int *host)
{
	for (*host = 0; *host < 2; ++*host) {
		struct ike_sa *sa;

		TAILQ_FOREACH(sa, &inside_peer(w, *host)->sas, of_peer)
			if (task_find(sa, TASK_DELETE_IKE, NULL))
				return sa;
	}
	return NULL;
}

static struct child *child_not_on(struct world *w, int host, uint64_t spi_i)
{
	struct child *c;

	TAILQ_FOREACH(c, &inside_peer(w, host)->children, of_peer)
		if (c->ike->spi_i != spi_i)
			return c;
	return NULL;
}

/* The two have been up for so long already. */
static void let_them_be_old(struct world *w, uint64_t ms)
{
	for (int host = 0; host < 2; host++) {
		struct ike_sa *sa;

		TAILQ_FOREACH(sa, &inside_peer(w, host)->sas, of_peer)
			sa->line.up_ms -= ms;
	}
}

/* Each of the two has a child, and that on the one to stay is to be rekeyed: it does not yield to one that is about to
 * go, whatever their nonces are. */
static void child_of_the_one_that_stays_is_due(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 32; seed++) {
		struct ike_sa *sa;
		struct child *stays;
		int host;

		world_again(w, seed);
		w->latency_ms = 20;
		both_initiate(w, 0);
		world_run(w, 200);
		sa = redundant_one(w, &host);
		assert_non_null(sa);
		let_them_be_old(w, seed % 2 * 2 * HALF_OPEN_MS);
		assert_non_null(child_queue(TAILQ_FIRST(&sa->children), TASK_REKEY_CHILD));
		world_run(w, 500);
		stays = child_not_on(w, !host, sa->spi_i);
		assert_non_null(stays);
		world_run(w, task_find(sa, TASK_DELETE_IKE, NULL)->not_before_ms - w->now_ms - 10);
		engine_limit(w->hosts[!host].engine, stays->out.sa, false);
		assert_true(world_run_under_traffic(w, 5000));
		assert_true(world_is_up(w));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_initiate_at_once),	    TEST(both_initiate_in_one_millisecond),
		TEST(both_initiate_one_late),	    TEST(initial_contact_is_late),
		TEST(peer_ends_its_own_in_silence), TEST(child_of_the_one_that_stays_is_due),
	};

	return cmocka_run_group_tests_name("IKE: both ends begin", tests, NULL, NULL);
}
