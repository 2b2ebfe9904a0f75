/* SPDX-License-Identifier: BSD-2-Clause */
/* What went wrong, as the status tells it: why, whom with, how often, since when. Two engines, and one host's status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "engine/failure.h"
#include "through.h"

/* ---- looking ---- */

static cJSON *status;

static const cJSON *connection(struct world *w, int host)
{
	cJSON_Delete(status);
	status = engine_status(w->hosts[host].engine);
	return cJSON_GetArrayItem(cJSON_GetObjectItem(status, "connections"), 0);
}

static const char *state_of(struct world *w, int host)
{
	return json_text(connection(w, host), "state");
}

static int number(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(o, name);

	return cJSON_IsNumber(item) ? item->valueint : -1;
}

/* The latest, which must be of that kind. */
static const cJSON *failure(struct world *w, int host, const char *kind)
{
	const cJSON *f = cJSON_GetArrayItem(cJSON_GetObjectItem(connection(w, host), "failures"), 0);

	assert_non_null(f);
	assert_string_equal(json_text(f, "kind"), kind);
	assert_string_equal(json_text(f, "from"), host ? "192.0.2.1" : "192.0.2.2");
	return f;
}

static void assert_says(const cJSON *f, const char *notify, const char *text)
{
	const char *said = json_text(f, "notify");

	if (notify)
		assert_string_equal(said, notify);
	else
		assert_null(said);
	if (!strstr(json_text(f, "what"), text))
		fail_msg("'%s' is not in: %s", text, json_text(f, "what"));
}

static bool is_over(const cJSON *f)
{
	return cJSON_IsTrue(cJSON_GetObjectItem(f, "over"));
}

/* ---- orders and packets ---- */

static void send_packet(struct world *w, int host)
{
	engine_acquire(w->hosts[host].engine, w->hosts[host].addr, w->hosts[!host].addr, 6, 1024, 179);
}

static void configure(struct world *w, int host, enum start_mode start, uint32_t psk, uint8_t proto)
{
	struct connection_config *c = world_connection(w, host);

	c->start = start;
	c->psk_key = psk;
	c->digest[1] = (uint8_t)(psk + 16 * start + 64 * (proto != 0));
	if (proto)
		c->selectors[0] = (struct selector){0, 65535, 179, 179, proto};
	world_configure(w, host, c);
}

#define ANOTHER_PSK 7

static void begin_with_another_psk(struct world *w)
{
	assert_int_equal(keyring_add(w->hosts[1].ring, ANOTHER_PSK, KEY_PSK, "another", 7, NULL), 0);
	configure(w, 1, START_RESPOND, ANOTHER_PSK, 0);
	configure(w, 0, START_TRAP, 1, 0);
}

/* ---- tests ---- */

/* Each end says what it knows: the one that it was refused, the other why. A trap that has failed is none. */
static void psk_differs(void **state)
{
	struct world *w = *state;

	begin_with_another_psk(w);
	assert_string_equal(state_of(w, 0), "trap");
	for (int i = 0; i < 3; i++) {
		send_packet(w, 0);
		world_run(w, 10000);
	}
	assert_string_equal(state_of(w, 0), "down");
	assert_says(failure(w, 0, "failed"), "AUTHENTICATION_FAILED",
		    "the PSKs differ, or its remote-id is not for '192.0.2.1'");
	assert_int_equal(number(failure(w, 0, "failed"), "tries"), 3);
	assert_in_range(number(failure(w, 0, "failed"), "last_s"), 9, 10);
	assert_in_range(number(failure(w, 0, "failed"), "first_s"), 29, 30);
	assert_false(is_over(failure(w, 0, "failed")));
	assert_says(failure(w, 1, "refused"), "AUTHENTICATION_FAILED", "its PSK is another one");
	assert_int_equal(number(failure(w, 1, "refused"), "tries"), 3);
}

/* Who has ordered it is told the same. */
static void order_is_told(void **state)
{
	struct world *w = *state;

	begin_with_another_psk(w);
	world_initiate(w, 0);
	world_run(w, 1000);
	assert_non_null(strstr(w->hosts[0].done_error, "AUTHENTICATION_FAILED: the peer does not accept who we are"));
	assert_true(world_logged(w, 0, w->hosts[0].done_error));
}

/* It stays to be seen, and no more than that. */
static void success_ends_it(void **state)
{
	struct world *w = *state;

	begin_with_another_psk(w);
	send_packet(w, 0);
	world_run(w, 5000);
	configure(w, 1, START_RESPOND, 1, 0);
	send_packet(w, 0);
	world_run(w, 5000);
	assert_string_equal(state_of(w, 0), "up");
	assert_true(is_over(failure(w, 0, "failed")));
	assert_in_range(number(connection(w, 0), "state_s"), 4, 5);
	world_terminate(w, 0);
	world_run(w, 1000);
	assert_string_equal(state_of(w, 0), "trap");
	assert_in_range(number(connection(w, 0), "last_up_s"), 0, 1);
}

static void order_ends_it(void **state)
{
	struct world *w = *state;

	begin_with_another_psk(w);
	send_packet(w, 0);
	world_run(w, 5000);
	world_terminate(w, 0);
	assert_string_equal(state_of(w, 0), "trap");
}

/* While nothing is heard the status says what is waited for, the log once, and the end what to look at. */
static void no_answer(void **state)
{
	struct world *w = *state;
	const cJSON *ike;

	w->filter = world_drop_all;
	world_configure_both(w, START_TRAP);
	send_packet(w, 0);
	world_run(w, 2000);
	assert_string_equal(state_of(w, 0), "connecting");
	ike = cJSON_GetArrayItem(cJSON_GetObjectItem(connection(w, 0), "ike"), 0);
	assert_string_equal(json_text(ike, "awaits"), "IKE_SA_INIT");
	assert_int_equal(number(ike, "tries"), 3);
	assert_false(world_logged(w, 0, "no answer to IKE_SA_INIT from 192.0.2.2 yet after 3 tries"));
	world_run(w, 2000);
	assert_true(world_logged(w, 0, "no answer to IKE_SA_INIT from 192.0.2.2 yet after 3 tries"));
	world_run(w, 30000);
	assert_string_equal(state_of(w, 0), "down");
	assert_int_equal(number(connection(w, 0), "last_up_s"), -1);
	assert_says(failure(w, 0, "failed"), NULL,
		    "no answer to IKE_SA_INIT from 192.0.2.2 after 6 tries: is that its address");
}

/* What does not even leave is said, and goes as soon as there is room: of who begins, and of who would answer. */
static void no_room_to_send(void **state)
{
	struct world *w = *state;

	w->hosts[0].send_error = ENOBUFS;
	world_configure_both(w, START_INITIATE);
	world_run(w, 5000);
	assert_int_equal(w->sent, 0);
	assert_string_equal(state_of(w, 0), "connecting");
	assert_true(world_logged(w, 0,
				 "no answer to IKE_SA_INIT from 192.0.2.2 yet after 3 tries: it cannot be sent: "
				 "this host has no room for more on their way"));
	w->hosts[0].send_error = 0;
	world_run(w, 8000);
	assert_true(world_is_up(w));
	for (int host = 0; host < 2; host++) {
		const uint32_t spi = world_bound(w, 0)->spec.spi;

		w->hosts[host].send_error = ENOBUFS;
		world_rekey(w, 0, false);
		assert_true(world_run_under_traffic(w, 5000));
		assert_int_equal(world_bound(w, 0)->spec.spi, spi);
		w->hosts[host].send_error = 0;
		assert_true(world_run_under_traffic(w, 8000));
		/* Another IKE SA that was tried meanwhile ends, half open, by itself. */
		world_run(w, 30000);
		assert_true(world_is_up(w));
		assert_int_not_equal(world_bound(w, 0)->spec.spi, spi);
	}
}

/* What was asked for is said, in words of the peer's own configuration. */
static void child_is_for_something_else(void **state)
{
	struct world *w = *state;

	configure(w, 1, START_RESPOND, 1, 17);
	configure(w, 0, START_TRAP, 1, 6);
	send_packet(w, 0);
	world_run(w, 1000);

	assert_says(failure(w, 0, "failed"), "TS_UNACCEPTABLE", "asked for was 'tcp dport 179'");
	assert_says(failure(w, 1, "refused"), "TS_UNACCEPTABLE", "nothing in common with what 'protect' says");
	/* The IKE SA is there, and nothing that could be waited for. */
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(connection(w, 0), "ike")), 1);
	assert_string_equal(state_of(w, 0), "down");
	assert_string_equal(state_of(w, 1), "down");
}

/* Nobody is to begin: whoever wants to send is told. */
static void both_respond(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_RESPOND);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(connection(w, 0), "failures")), 0);
	for (int i = 0; i < 4; i++)
		send_packet(w, 0);
	assert_says(failure(w, 0, "failed"), NULL, "set start = trap or initiate at one end");
	assert_int_equal(number(failure(w, 0, "failed"), "tries"), 4);
	assert_true(world_logged(w, 0, "start = respond"));
	world_initiate(w, 1);
	world_run(w, 1000);
	assert_true(is_over(failure(w, 0, "failed")));
}

static enum fate from_elsewhere(struct world *w, struct world_packet *p, void *arg)
{
	(void)w;
	(void)arg;
	if (p->to == 1)
		p->path.remote[3] = 99;
	return PASS;
}

/* Who is no peer of anybody's has no connection to be told with. */
static void stranger_is_told(void **state)
{
	struct world *w = *state;
	const cJSON *f;

	w->filter = from_elsewhere;
	world_configure_both(w, START_TRAP);
	send_packet(w, 0);
	world_run(w, 300);
	connection(w, 1);
	f = cJSON_GetObjectItem(status, "stranger");
	assert_string_equal(json_text(f, "from"), "192.0.2.99");
	assert_says(f, "NO_PROPOSAL_CHOSEN", "no connection is for that address");
	connection(w, 0);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(status, "stranger")));
}

/* Its peer has gone, and is still told of with the mesh. */
static void peer_of_mesh(void **state)
{
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 0);

	w->filter = world_drop_all;
	c->remote[3] = 0;
	c->remote_bits = 24;
	c->start = START_TRAP;
	world_configure(w, 0, c);
	send_packet(w, 0);
	world_run(w, 60000);
	assert_null(json_text(connection(w, 0), "peer"));
	assert_says(failure(w, 0, "failed"), NULL, "no answer");
}

/* What a forger says at the peer's address does not hide why our own attempts fail. */
static void forger_hides_nothing(void **state)
{
	struct world *w = *state;

	begin_with_another_psk(w);
	send_packet(w, 0);
	world_run(w, 1000);
	configure(w, 1, START_TRAP, ANOTHER_PSK, 0);
	send_packet(w, 1);
	world_run(w, 1000);
	assert_says(failure(w, 0, "refused"), "AUTHENTICATION_FAILED", "its PSK is another one");
	assert_says(cJSON_GetArrayItem(cJSON_GetObjectItem(connection(w, 0), "failures"), 1), "AUTHENTICATION_FAILED",
		    "the PSKs differ");
}

static const cJSON *child(struct world *w, int host)
{
	return cJSON_GetArrayItem(cJSON_GetObjectItem(connection(w, host), "children"), 0);
}

static bool is_silent(struct world *w, int host)
{
	return cJSON_IsTrue(cJSON_GetObjectItem(child(w, host), "silent"));
}

/* Out goes up, and in stays 0. */
static void silence(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 1000);
	for (int i = 0; i < 5; i++)
		world_bound(w, 0)->packets++;
	assert_false(is_silent(w, 0));
	world_run(w, 5000);
	assert_true(is_silent(w, 0));
	assert_int_equal(number(child(w, 0), "idle_in_s"), -1);
	assert_true(world_send_traffic(w, 1));
	assert_false(is_silent(w, 0));
}

static void limits(void **state)
{
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 0);

	c->start = START_INITIATE;
	c->rekey_packets = 1000;
	world_configure(w, 1, world_connection(w, 1));
	world_configure(w, 0, c);
	world_run(w, 1000);
	world_bound(w, 0)->packets += 300;
	assert_int_equal(number(child(w, 0), "rekey_in_packets"), 700);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(child(w, 0), "rekey_in_bytes")));
	assert_in_range(number(child(w, 0), "expires_in_s"), 4190, 4200);
}

static void same_again(void **state)
{
	const uint8_t a[4] = {192, 0, 2, 1}, b[4] = {192, 0, 2, 2};
	struct failure f = {.tries = 0};

	(void)state;
	assert_null(failure_json(&f, FAILED, 0));
	failure_note(&f, a, 1000, 0, "no answer");
	failure_note(&f, a, 3000, 0, "no answer");
	assert_int_equal(f.tries, 2);
	assert_int_equal(f.first_ms, 1000);
	assert_int_equal(f.last_ms, 3000);
	failure_note(&f, b, 4000, 0, "no answer");
	assert_int_equal(f.tries, 1);
	failure_note(&f, b, 5000, NO_PROPOSAL_CHOSEN, "no answer");
	assert_int_equal(f.tries, 1);
	f.over = true;
	failure_note(&f, b, 6000, NO_PROPOSAL_CHOSEN, "no answer");
	assert_int_equal(f.tries, 1);
	assert_int_equal(f.first_ms, 6000);
}

/* Of a text that is longer than there is room the rest is let go, and it is still the same the next time. */
static void long_text(void **state)
{
	const uint8_t a[4] = {192, 0, 2, 1};
	char text[2 * FAILURE_TEXT];
	struct failure f = {.tries = 0};

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	failure_note(&f, a, 1000, 0, text);
	failure_note(&f, a, 2000, 0, text);
	assert_int_equal(f.tries, 2);
	assert_int_equal(strlen(f.what), FAILURE_TEXT - 1);
}

/* A peer may have any name, and any may be cut: the status stays JSON, and the same is the same. */
static void text_of_others(void **state)
{
	const uint8_t a[4] = {192, 0, 2, 1};
	char text[FAILURE_TEXT + 1];
	struct failure f = {.tries = 0};

	(void)state;
	for (size_t i = 0; i < FAILURE_TEXT; i += 2)
		memcpy(text + i, "\303\244", 2);
	text[FAILURE_TEXT] = '\0';
	for (int i = 0; i < 2; i++)
		failure_note(&f, a, 1000, 0, text);
	assert_int_equal(f.tries, 2);
	assert_string_equal(f.what + FAILURE_TEXT - 2, "?");
	failure_note(&f, a, 1000, 0, "'\377\n' is not proven");
	assert_string_equal(f.what, "'?"
				    "?' is not proven");
}

static int teardown(void **state)
{
	cJSON_Delete(status);
	status = NULL;
	return world_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_again),
		cmocka_unit_test(long_text),
		cmocka_unit_test(text_of_others),
		TEST(psk_differs),
		TEST(order_is_told),
		TEST(success_ends_it),
		TEST(order_ends_it),
		TEST(no_answer),
		TEST(no_room_to_send),
		TEST(child_is_for_something_else),
		TEST(both_respond),
		TEST(stranger_is_told),
		TEST(peer_of_mesh),
		TEST(forger_hides_nothing),
		TEST(silence),
		TEST(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
