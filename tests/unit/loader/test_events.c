/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of what happens: so much of what others cause, nothing that IKE may not tell, and drops once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/drop_watch.h"
#include "daemon/ike_told.h"
#include "events/event_text.h"
#include "events/events.h"
#include "lib/channel.h"

#define SECOND_NS 1000000000ULL

static struct event_base *base;
static int ends[2];

static int start(void **unused)
{
	const int room = 1 << 22;
	struct feed_reader *reader;
	struct fault f;

	(void)unused;
	base = event_base_new();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) < 0)
		return -1;
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	return events_start(base, "test", "") || events_join(ends[1], &reader, &f);
}

static int stop(void **unused)
{
	(void)unused;
	events_stop();
	event_base_free(base);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static cJSON *hear(void)
{
	cJSON *event;
	int fd;

	return channel_receive(ends[0], &event, &fd) ? NULL : event;
}

static unsigned count(void)
{
	unsigned n = 0;
	cJSON *event;

	for (; (event = hear()); n++)
		cJSON_Delete(event);
	return n;
}

static void test_others_cause_only_so_much(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 500; i++)
		events_tell(KIND_CONNECTION_REFUSED, NULL, NULL);
	assert_int_equal(count(), 10);
	/* Which keeps nothing else from being told. */
	for (unsigned i = 0; i < 500; i++)
		events_tell(KIND_CONNECTION_UP, "core", NULL);
	assert_int_equal(count(), 500);
}

static void test_what_was_not_told_is_counted(void **unused)
{
	cJSON *event = NULL;

	(void)unused;
	for (unsigned i = 0; i < 30; i++)
		events_tell(KIND_UNKNOWN_SPI, NULL, NULL);
	assert_int_equal(count(), 10);
	do {
		usleep(20000);
		events_tell(KIND_UNKNOWN_SPI, NULL, NULL);
	} while (!(event = hear()));
	assert_true(json_number(event, "suppressed") >= 20);
	cJSON_Delete(event);
}

static void test_nobody_hears(void **unused)
{
	(void)unused;
	events_stop();
	assert_false(events_are_heard());
	events_tell_text(KIND_RELOAD_REFUSED, NULL, "what", "x");
	assert_null(hear());
}

/* ---- IKE, which reads the network ---- */

static void tell_as_ike(const char *text)
{
	static struct connection_config connection = {.name = "core"};
	struct config config = {.connections = &connection, .connection_count = 1};
	cJSON *message = cJSON_Parse(text);

	assert_non_null(message);
	assert_int_equal(config_connection_named(&config), 0);
	ike_told(message, &config);
	key_index_clear(&config.connection_names);
	cJSON_Delete(message);
}

static void test_ike_tells_its_own(void **unused)
{
	cJSON *event;

	(void)unused;
	tell_as_ike(
		"{\"event\": \"connection_up\", \"name\": \"core\", \"lost\": 3, \"values\": {\"peer\": \"192.0.2.2\", "
		"\"instance\": \"other\", \"LD_PRELOAD\": \"x\"}}");
	event = hear();
	assert_string_equal(json_text(event, "connection"), "core");
	assert_string_equal(json_text(event, "peer"), "192.0.2.2");
	assert_string_equal(json_text(event, "instance"), "test");
	assert_null(json_item(event, "LD_PRELOAD"));
	assert_int_equal(json_number(event, "suppressed"), 3);
	cJSON_Delete(event);
}

static void test_ike_tells_nothing_else(void **unused)
{
	cJSON *event;

	(void)unused;
	tell_as_ike("{\"event\": \"gate_opened\", \"values\": {}}");
	tell_as_ike("{\"event\": \"none\", \"values\": {}}");
	tell_as_ike("{\"event\": 7}");
	tell_as_ike("{}");
	assert_null(hear());
	tell_as_ike(
		"{\"event\": \"connection_up\", \"name\": \"not ours\", \"values\": [1, \"a\", {}], \"lost\": \"x\"}");
	event = hear();
	assert_non_null(event);
	assert_null(json_item(event, "connection"));
	cJSON_Delete(event);
	tell_as_ike("{\"event\": \"connection_up\", \"lost\": 1}");
	tell_as_ike("{\"event\": \"connection_up\", \"lost\": 1, \"values\": \"text\"}");
	assert_int_equal(count(), 2);
}

/* ---- drops ---- */

static void test_drops(void **unused)
{
	struct drop_watch w = {0};
	struct counts_sum sum = {{0}};
	cJSON *event;

	(void)unused;
	sum.by_reason[REASON_REPLAY] = 1000;
	drop_watch_look(&w, &sum, SECOND_NS);
	assert_null(hear());
	/* What passes is none, and one that goes on is told once. */
	for (unsigned s = 2; s < 100; s++) {
		sum.by_reason[REASON_REPLAY] += 7;
		sum.by_reason[REASON_SEALED] += 7;
		drop_watch_look(&w, &sum, s * SECOND_NS);
	}
	event = hear();
	assert_string_equal(json_text(event, "reason"), "replay");
	assert_int_equal(json_number(event, "packets"), 7);
	cJSON_Delete(event);
	assert_null(hear());
	sum.by_reason[REASON_TOO_BIG]++;
	drop_watch_look(&w, &sum, 100 * SECOND_NS);
	assert_int_equal(count(), 1);
	/* Quiet for a minute since the 99th second. */
	sum.by_reason[REASON_REPLAY]++;
	drop_watch_look(&w, &sum, 158 * SECOND_NS);
	assert_int_equal(count(), 0);
	sum.by_reason[REASON_REPLAY]++;
	drop_watch_look(&w, &sum, 219 * SECOND_NS);
	assert_int_equal(count(), 1);
}

/* ---- for people ---- */

/* A peer's identity, as it says it. */
static void test_a_line_has_no_values_of_others(void **unused)
{
	char line[EVENT_LINE_MAX];
	cJSON *event = cJSON_CreateObject();

	(void)unused;
	cJSON_AddStringToObject(event, "event", "connection_refused");
	cJSON_AddStringToObject(event, "what", "x\" peer=\"192.0.2.9\\");
	cJSON_AddStringToObject(event, "way", "a\\b");
	assert_string_equal(event_line(event, false, line),
			    "connection_refused what=\"x\\\" peer=\\\"192.0.2.9\\\\\" way=a\\b");
	cJSON_Delete(event);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(test_others_cause_only_so_much),
		TEST(test_what_was_not_told_is_counted),
		TEST(test_nobody_hears),
		TEST(test_ike_tells_its_own),
		TEST(test_ike_tells_nothing_else),
		TEST(test_drops),
		TEST(test_a_line_has_no_values_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
