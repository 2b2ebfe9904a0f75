/* SPDX-License-Identifier: BSD-2-Clause */
/* What a connection has carried in all: SAs come and go, the sum never goes back, and lacks nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "inside.h"
#include "lib/json.h"
#include "world.h"

static double number(const cJSON *o, const char *name)
{
	const cJSON *item = json_item(o, name);

	return cJSON_IsRaw(item) ? strtod(item->valuestring, NULL) : json_number(o, name);
}

/* Of the connection; peer: of its first peer. */
static double total(struct world *w, int host, const char *name, bool peer)
{
	cJSON *status = engine_status(w->hosts[host].engine);
	const cJSON *totals = cJSON_GetArrayItem(json_item(status, "totals"), 0);
	double n;

	if (peer)
		totals = json_item(cJSON_GetArrayItem(json_item(status, "connections"), 0), "totals");
	n = number(totals, name);
	cJSON_Delete(status);
	return n;
}

struct sent {
	double packets[2];
};

/* Lets time go by under traffic, and looks all the while. */
static void run(struct world *w, struct sent *sent, uint64_t ms)
{
	for (uint64_t at = 0; at < ms; at += 20) {
		for (int host = 0; host < 2; host++)
			sent->packets[host] += world_send_traffic(w, host);
		for (int host = 0; host < 2; host++) {
			assert_int_equal(total(w, host, "packets_out", false), sent->packets[host]);
			assert_int_equal(total(w, host, "packets_in", false), sent->packets[!host]);
			assert_int_equal(total(w, host, "packets_in", true), sent->packets[!host]);
		}
		world_run(w, 20);
	}
}

static void a_rekey_takes_nothing_away(void **state)
{
	struct world *w = *state;
	struct sent sent = {{0}};

	world_configure_both(w, START_INITIATE);
	world_run(w, 1000);
	assert_int_equal(world_child_count(w, 0), 1);
	for (int i = 0; i < 6; i++) {
		world_rekey(w, i & 1, i == 2);
		run(w, &sent, 4500);
	}
	assert_true(sent.packets[0] > 1000);
	for (int host = 0; host < 2; host++) {
		assert_true(total(w, host, "child_rekeys", false) == 5);
		assert_true(total(w, host, "ike_rekeys", false) == 1);
	}
}

/* What comes when the SA is about to go counts, too, and there is a sum when nothing is up. */
static void an_end_takes_nothing_away(void **state)
{
	struct world *w = *state;
	struct sent sent = {{0}};

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 1000);
	run(w, &sent, 1000);
	world_terminate(w, 0);
	world_run(w, 10000);
	assert_true(world_is_down(w));
	assert_true(total(w, 0, "packets_out", false) == sent.packets[0]);
	assert_true(total(w, 1, "packets_in", false) == sent.packets[0]);
	world_initiate(w, 0);
	world_run(w, 1000);
	run(w, &sent, 1000);
}

/* By the next IKE: a counter that begins anew, which Prometheus knows. */
static void a_restart_begins_at_0(void **state)
{
	struct world *w = *state;
	struct sent sent = {{0}};

	world_configure_both(w, START_INITIATE);
	world_run(w, 1000);
	run(w, &sent, 200);
	world_restart(w, 0);
	world_configure(w, 0, world_connection(w, 0));
	assert_true(total(w, 0, "packets_out", false) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rekey_takes_nothing_away, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(an_end_takes_nothing_away, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_restart_begins_at_0, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
