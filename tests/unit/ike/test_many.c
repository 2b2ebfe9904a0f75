/* SPDX-License-Identifier: BSD-2-Clause */
/* Thousands of peers at one host: what is begun at once is spread, what happens to one touches no other, and what all
 * of them cost grows with their number alone. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "many.h"
#include "wire/wire.h"

#define HOSTS_COUNT 1000
/* Of the same kind that are opened at a time (engine/opening.h). */
#define AT_A_TIME 48
#define IN_HASTE  16
#define DPD_MS	  10000
#define MINUTE_MS 60000
#define HOUR_MS	  3600000

static void is_gone(struct many *w, unsigned host, bool gone)
{
	w->gone[host] = gone;
}

static void all_are_gone(struct many *w, bool gone)
{
	for (unsigned i = 0; i < w->hosts; i++)
		is_gone(w, i, gone);
}

static struct many *all_up(unsigned hosts)
{
	struct many *w = many_new(hosts);

	many_configure_mesh(w, START_RESPOND, NULL);
	many_configure_hosts(w, START_INITIATE, NULL);
	/* Before anybody is asked whether it is there. */
	many_run(w, 2000);
	assert_int_equal(many_sas(w, HUB), 2 * hosts);
	assert_int_equal(many_sas(w, HOSTS), 2 * hosts);
	return w;
}

/* ---- opening ---- */

/* IKE_SA_INIT and IKE_AUTH with their answers: none is sent twice, and none asked for a cookie. */
static void come_up_by_four_datagrams(void **state)
{
	struct many *w = all_up(HOSTS_COUNT);

	(void)state;
	assert_int_equal(w->datagrams, 4 * HOSTS_COUNT);
	many_free(w);
}

/* Whom nobody answers makes room as soon as something is sent again; the first ones wait for some seconds. */
static void all_have_their_turn(void **state)
{
	struct many *w = many_new(HOSTS_COUNT);
	unsigned asked = 0;

	(void)state;
	all_are_gone(w, true);
	many_configure_hosts(w, START_INITIATE, NULL);
	many_run(w, 0);
	assert_int_equal(w->datagrams, AT_A_TIME);
	many_run(w, HOSTS_COUNT / AT_A_TIME * 500 + 3500);
	for (unsigned i = 0; i < HOSTS_COUNT; i++)
		asked += w->to_host[i] > 0;
	assert_int_equal(asked, HOSTS_COUNT);
	many_free(w);
}

static void asks_nobody(struct connection_config *c, unsigned host)
{
	(void)host;
	c->dpd_ms = 0;
}

/* A hub that has more to do than it can: who waits for it longer than a message is waited for is not joined by others,
 * which would have all of them wait longer still. It needs 20 s for them. */
static void who_is_slow_is_not_asked_by_more(void **state)
{
	struct many *w = many_new(HOSTS_COUNT);

	(void)state;
	w->hub_ms = 10;
	many_configure_mesh(w, START_RESPOND, asks_nobody);
	many_configure_hosts(w, START_INITIATE, asks_nobody);
	for (unsigned n = 0; n < 300 && many_sas(w, HOSTS) < 2 * HOSTS_COUNT; n++)
		many_run(w, 100);
	print_message("slow hub: %u datagrams, %.1f s\n", w->datagrams, (double)(w->now_ms - MANY_BEGIN) / 1000);
	assert_int_equal(many_sas(w, HOSTS), 2 * HOSTS_COUNT);
	assert_true(w->datagrams < 6 * HOSTS_COUNT);
	many_free(w);
}

static void last_waits_for_packets(struct connection_config *c, unsigned host)
{
	if (host == HOSTS_COUNT - 1)
		c->start = START_TRAP;
}

/* All the others are to be opened, and do not answer. */
static void what_is_asked_for_goes_first(void **state)
{
	struct many *w = many_new(HOSTS_COUNT);
	const unsigned last = HOSTS_COUNT - 1, ordered = HOSTS_COUNT - 2;

	(void)state;
	all_are_gone(w, true);
	is_gone(w, last, false);
	is_gone(w, ordered, false);
	many_configure_hosts(w, START_RESPOND, NULL);
	many_configure_each(w, START_INITIATE, last_waits_for_packets);
	many_run(w, 10);
	engine_initiate(w->ends[HUB].engine, "c998", NULL, 1);
	many_run(w, 10);
	assert_int_equal(w->ends[HUB].done, 1);
	assert_true(many_made(w, HUB, ordered));
	many_acquire(w, last);
	many_run(w, 510);
	assert_true(many_made(w, HUB, last));
	many_free(w);
}

/* ---- spread ---- */

/* All came up within a tenth of a second. */
static void liveness_is_spread(void **state)
{
	struct many *w = all_up(HOSTS_COUNT);

	(void)state;
	many_count_begin(w, 4 * MINUTE_MS);
	many_run(w, 4 * MINUTE_MS);
	print_message("liveness: at most %u in %d ms, %.1f in the mean\n", many_most(w, EXCHANGE_INFORMATIONAL),
		      MANY_SPAN_MS, many_mean(w, EXCHANGE_INFORMATIONAL));
	/* Each is asked about as often as it is to be. */
	assert_true(many_mean(w, EXCHANGE_INFORMATIONAL) > 0.9 * HOSTS_COUNT * MANY_SPAN_MS / DPD_MS);
	assert_true(many_most(w, EXCHANGE_INFORMATIONAL) < 3 * many_mean(w, EXCHANGE_INFORMATIONAL));
	many_free(w);
}

/* Of the hour a tenth: 1,000 in 324 s are 0.3 in 100 ms. */
static void rekeys_are_spread(void **state)
{
	struct many *w = many_new(HOSTS_COUNT);

	(void)state;
	many_configure_mesh(w, START_RESPOND, asks_nobody);
	many_configure_hosts(w, START_INITIATE, asks_nobody);
	many_run(w, 1000);
	many_count_begin(w, 3 * HOUR_MS);
	many_run(w, 3 * HOUR_MS);
	print_message("rekeys: at most %u in %d ms, %.3f in the mean\n", many_most(w, EXCHANGE_CREATE_CHILD_SA),
		      MANY_SPAN_MS, many_mean(w, EXCHANGE_CREATE_CHILD_SA));
	assert_true(many_mean(w, EXCHANGE_CREATE_CHILD_SA) > 0.9 * HOSTS_COUNT * MANY_SPAN_MS / HOUR_MS);
	assert_in_range(many_most(w, EXCHANGE_CREATE_CHILD_SA), 1, 6);
	assert_int_equal(many_sas(w, HUB), 2 * HOSTS_COUNT);
	many_free(w);
}

/* ---- one of many ---- */

/* Its two halves have slots that differ from the others' beyond 16 bits alone. */
static void limit_is_of_one(void **state)
{
	struct many *w = many_new(2);
	unsigned before[2];

	(void)state;
	w->slot_step = 1 << 15;
	many_configure_mesh(w, START_RESPOND, NULL);
	many_configure_hosts(w, START_INITIATE, NULL);
	many_run(w, 1000);
	for (unsigned host = 0; host < 2; host++) {
		memcpy(before, w->to_host, sizeof(before));
		engine_limit(w->ends[HUB].engine, many_outbound(w, HUB, host), false);
		many_run(w, 100);
		assert_int_equal(w->to_host[!host], before[!host]);
		assert_true(w->to_host[host] > before[host]);
	}
	many_free(w);
}

static void is_rekeyed_sooner(struct connection_config *c, unsigned host)
{
	(void)host;
	c->rekey_ms = HOUR_MS / 2;
}

/* The others hear nothing of it, and their SAs are those that were there. */
static void reload_of_one_touches_one(void **state)
{
	struct many *w = all_up(HOSTS_COUNT);
	uint64_t made[HOSTS_COUNT];
	static unsigned before[HOSTS_COUNT];

	(void)state;
	for (unsigned i = 0; i < HOSTS_COUNT; i++)
		made[i] = many_made(w, HOSTS, i);
	memcpy(before, w->to_host, sizeof(before));
	many_change_one(w, 500, is_rekeyed_sooner);
	many_run(w, 400);
	assert_int_equal(w->ends[HOSTS].changed, 1);
	for (unsigned i = 0; i < HOSTS_COUNT; i++) {
		assert_int_equal(many_made(w, HOSTS, i) != made[i], i == 500);
		assert_int_equal(w->to_host[i] != before[i], i == 500);
	}
	many_free(w);
}

/* ---- hosts of a mesh come and go ---- */

/* Without what the world itself keeps of each SA. 0: memory is a sanitizer's, which does not tell. */
static size_t in_use(const struct many *w)
{
	size_t own = 0;

	for (int i = 0; i < 2; i++)
		own += w->ends[i].room * sizeof(*w->ends[i].sas);
	return mallinfo2().uordblks ? mallinfo2().uordblks - own : 0;
}

/* Some say good-bye, some are killed and come back with INITIAL_CONTACT, some are never heard again. */
static void hosts_come_and_go(void **state)
{
	struct many *w = many_new(HOSTS_COUNT);
	size_t first = 0;

	(void)state;
	many_configure_mesh(w, START_TRAP, NULL);
	for (int round = 0; round < 3; round++) {
		many_configure_hosts(w, START_INITIATE, NULL);
		many_run(w, 5000);
		assert_int_equal(many_sas(w, HUB), 2 * HOSTS_COUNT);
		/* Killed: what it had it has no more. */
		many_restart(w, HOSTS);
		for (unsigned i = 0; i < HOSTS_COUNT; i++)
			w->ends[HOSTS].orphans[i] = 0;
		many_configure_hosts(w, START_INITIATE, NULL);
		many_run(w, 10000);
		assert_int_equal(many_sas(w, HUB), 2 * HOSTS_COUNT);
		all_are_gone(w, true);
		many_restart(w, HOSTS);
		for (unsigned i = 0; i < HOSTS_COUNT; i++)
			w->ends[HOSTS].orphans[i] = 0;
		many_run(w, 2 * MINUTE_MS);
		assert_int_equal(many_sas(w, HUB), 0);
		all_are_gone(w, false);
		first = round ? first : in_use(w);
		print_message("mesh: %zu bytes when all are gone\n", in_use(w));
	}
	/* The hub keeps nothing of who is gone but the room for timers that it has had. */
	assert_in_range(in_use(w), first - first / 50, first + first / 50);
	many_free(w);
}

/* Packets wait for a thousand hosts of the mesh at once. */
static void packets_to_all(void **state)
{
	struct many *w = many_new(HOSTS_COUNT);

	(void)state;
	many_configure_hosts(w, START_RESPOND, NULL);
	many_configure_mesh(w, START_TRAP, NULL);
	for (unsigned i = 0; i < HOSTS_COUNT; i++)
		many_acquire(w, i);
	many_run(w, 0);
	assert_int_equal(w->datagrams, AT_A_TIME + IN_HASTE);
	many_run(w, 1000);
	assert_int_equal(many_sas(w, HUB), 2 * HOSTS_COUNT);
	assert_int_equal(w->datagrams, 4 * HOSTS_COUNT);
	many_free(w);
}

/* ---- a restart ---- */

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds that a restart of the hub takes, from the configuration until all orphans are replaced and gone. */
static double restart_of_hub(unsigned hosts)
{
	struct many *w = all_up(hosts);
	double begun, spent;

	many_restart(w, HUB);
	assert_int_equal(many_orphans(w, HUB), 2 * hosts);
	w->datagrams = 0;
	begun = cpu_s();
	many_configure_mesh(w, START_RESPOND, NULL);
	many_run(w, 0);
	/* A moment later most of them still carry. */
	assert_in_range(w->datagrams, 1, AT_A_TIME);
	many_run(w, 10000);
	spent = cpu_s() - begun;
	assert_int_equal(many_orphans(w, HUB), 0);
	assert_int_equal(many_sas(w, HUB), 2 * hosts);
	many_free(w);
	return spent;
}

static void restart_costs_as_many_times_more(void **state)
{
	double few, many;

	(void)state;
	restart_of_hub(HOSTS_COUNT);
	few = restart_of_hub(HOSTS_COUNT);
	many = restart_of_hub(10 * HOSTS_COUNT);
	print_message("restart: %.0f us a peer of 1,000, %.0f of 10,000\n", few * 1e6 / HOSTS_COUNT,
		      many * 1e5 / HOSTS_COUNT);
	/* Ten thousand do not fit into the CPU's caches, and other programs are in these, too; a walk through all of
	 * them for each would be a hundred times more. */
	assert_true(many < 10 * few * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(come_up_by_four_datagrams),
		cmocka_unit_test(all_have_their_turn),
		cmocka_unit_test(who_is_slow_is_not_asked_by_more),
		cmocka_unit_test(what_is_asked_for_goes_first),
		cmocka_unit_test(liveness_is_spread),
		cmocka_unit_test(rekeys_are_spread),
		cmocka_unit_test(limit_is_of_one),
		cmocka_unit_test(reload_of_one_touches_one),
		cmocka_unit_test(hosts_come_and_go),
		cmocka_unit_test(packets_to_all),
		cmocka_unit_test(restart_costs_as_many_times_more),
	};

	return cmocka_run_group_tests_name("IKE, many", tests, NULL, NULL);
}
