/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections as they are printed, on a screen of 80 columns, with the longest names that there may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command/connection_names.h"
#include "command/connection_text.h"
#include "command/connection_view.h"
#include "screen_text.h"

#define NAME_MAX 63

/* A reply as the daemon's is, with what `with` has in the place of these. */
static cJSON *reply(const char *with)
{
	static const char base[] =
		"{'monitors': {}, 'astray': {}, 'document': {'half_open': 0, 'stranger': null, 'connections': ["
		"{'name': 'core1', 'local': '192.0.2.1', 'remote': '192.0.2.2', 'auth': 'psk', 'start': 'trap',"
		" 'state': 'up', 'state_s': 7380, 'last_up_s': 0, 'failures': [], 'ike': ["
		"{'spi_i': '0123456789abcdef', 'spi_r': 'fedcba9876543210', 'role': 'initiator', 'state': 'up',"
		" 'peer_id': 'host2.example', 'encryption': 'AES_GCM_16-256', 'prf': 'hmac-sha2-384',"
		" 'key_exchange': 'ecp384', 'ppk': false, 'established_s': 7380, 'rekey_in_s': 18000,"
		" 'reauth_in_s': null, 'auth_expires_in_s': null}], 'children': ["
		"{'spi_in': 4097, 'spi_out': 4098, 'state': 'up', 'selector': 'any', 'role': 'initiator',"
		" 'encryption': 'AES_GCM_16-256', 'esn': true, 'packets_in': 1, 'bytes_in': 84, 'idle_in_s': 2,"
		" 'packets_out': 1234567, 'bytes_out': 1430000000, 'idle_out_s': null, 'silent': false,"
		" 'established_s': 720, 'rekey_in_s': 2520, 'expires_in_s': 3480, 'rekey_in_packets': 1,"
		" 'rekey_in_bytes': null}]}]}}";
	cJSON *o, *changed, *to, *each, *next;
	char text[sizeof(base)], changes[1010];

	for (size_t i = 0; i < sizeof(base); i++)
		text[i] = base[i] == '\'' ? '"' : base[i];
	o = cJSON_Parse(text);
	assert_non_null(o);
	snprintf(changes, sizeof(changes), "{%s}", with);
	for (char *c = changes; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	changed = cJSON_Parse(changes);
	assert_non_null(changed);
	to = cJSON_GetArrayItem(cJSON_GetObjectItem(cJSON_GetObjectItem(o, "document"), "connections"), 0);
	for (each = changed->child; each; each = next) {
		cJSON *in = cJSON_GetObjectItem(o, each->string) ? o : to;

		next = each->next;
		cJSON_DetachItemViaPointer(changed, each);
		cJSON_DeleteItemFromObject(in, each->string);
		cJSON_AddItemToObject(in, each->string, each);
	}
	cJSON_Delete(changed);
	return o;
}

static cJSON *connections(const char *with)
{
	cJSON *status = reply(with), *list = connections_json(status);

	cJSON_Delete(status);
	return list;
}

typedef void print_fn(const cJSON *connections, FILE *out);

static const char *printed_by(print_fn *print, const char *with)
{
	cJSON *list = connections(with);

	print(list, text_begin());
	cJSON_Delete(list);
	return text_end();
}

static void assert_printed(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static void paragraph(void **state)
{
	(void)state;
	assert_string_equal(printed_by(connections_print, ""),
			    "connection core1: up for 2h3m\n"
			    "  addresses    192.0.2.1 -> 192.0.2.2, start = trap\n"
			    "  peer         host2.example, by PSK\n"
			    "  IKE SA       0123456789abcdef/fedcba9876543210: up, initiator, 2h3m old,\n"
			    "               AES_GCM_16-256 hmac-sha2-384 ecp384, rekey in 5h0m\n"
			    "  child SA     any: up, 12m old, AES_GCM_16-256 ESN, rekey in 42m or 1 packet,\n"
			    "               end in 58m\n"
			    "    in         0x00001001: 1 packet, 84 B, last 2s ago\n"
			    "    out        0x00001002: 1234567 packets, 1.43 GB\n"
			    "\n");
}

#define FAILURES \
	"'failures': [{'kind': 'failed', 'notify': 'AUTHENTICATION_FAILED', 'from': '192.0.2.2', 'tries': 3," \
	" 'first_s': 95, 'last_s': 12, 'over': false, 'what': 'the PSKs differ'}," \
	" {'kind': 'refused', 'notify': null, 'from': '192.0.2.2', 'tries': 1, 'first_s': 5, 'last_s': 5," \
	" 'over': true, 'what': 'long past'}]"

static void failures(void **state)
{
	const char *text = printed_by(connections_print, "'state': 'down', 'last_up_s': null, " FAILURES);

	(void)state;
	assert_printed(text, "connection core1: down, never up since the start 2h3m ago\n");
	assert_printed(text, "  last error   AUTHENTICATION_FAILED from 192.0.2.2, 3 tries, last 12s ago: the\n"
			     "               PSKs differ\n");
	assert_null(strstr(text, "long past"));
	text = printed_by(connections_list, "'state': 'down', " FAILURES);
	assert_printed(text, "core1: AUTHENTICATION_FAILED from 192.0.2.2, 3 tries, last 12s ago: the PSKs\n"
			     "  differ\n");
}

static void handshake(void **state)
{
	(void)state;
	assert_printed(printed_by(connections_print,
				  "'ike': [{'spi_i': '1', 'spi_r': '0', 'role': 'initiator', 'state': 'connecting',"
				  " 'started_s': 3, 'awaits': 'IKE_SA_INIT', 'tries': 3}], 'children': []"),
		       "  IKE SA       connecting, for 3s: waits for the answer to IKE_SA_INIT, asked 3\n"
		       "               times\n");
}

#define MONITOR(state, down_s) \
	"'monitors': {'core1': {'state': '" state "', 'down_s': " down_s ", 'interval_s': 3, 'threshold': 5," \
	" 'sent': 1234, 'received': 1231, 'lost': 3, 'rtt_us': {'last': 123, 'avg': 140}}}"

static void monitor(void **state)
{
	const char *text;

	(void)state;
	assert_printed(printed_by(connections_print, MONITOR("up", "null")),
		       "  monitor      up: round trip 0.123 ms, average 0.140 ms, 3 of 1234 lost (0.2 %)\n");
	text = printed_by(connections_print, MONITOR("down", "42"));
	assert_printed(text, "connection core1: down for 42s\n");
}

#define SILENT \
	"'children': [{'spi_in': 1, 'spi_out': 2, 'state': 'up', 'selector': 'any', 'packets_in': 0," \
	" 'packets_out': 9, 'silent': true}]"

/* Unless the monitor hears the peer: then it is only that nobody answers. */
static void silence(void **state)
{
	(void)state;
	assert_printed(printed_by(connections_print, SILENT), "packets leave, and none has come: ESP");
	assert_null(strstr(printed_by(connections_print, SILENT ", " MONITOR("up", "null")), "none has come"));
}

static void astray(void **state)
{
	const char *text = printed_by(connections_print, "'astray': {'core1': {'dev': 'eth1', 'encapsulates': false}}");

	(void)state;
	assert_printed(text, "connection core1: ASTRAY for 2h3m\n");
	assert_printed(text, "ASTRAY: its packets leave by eth1, which is not attached");
	text = printed_by(connections_print,
			  "'astray': {'core1': {'dev': 'eth1', 'encapsulates': false, 'missing': 'eth1', "
			  "'in_clear': true}}");
	assert_printed(text, "GATE OPEN: its packets leave IN CLEAR by eth1");
}

static size_t widest(const char *text)
{
	size_t most = 0;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (strcspn(text, "\n") > most)
			most = strcspn(text, "\n");
	return most;
}

/* A name, an identity, and what went wrong with it, each as long as it can be. */
static void longest_names_fit(void **state)
{
	char name[NAME_MAX + 1], id[256], with[1000];

	(void)state;
	memset(name, 'n', NAME_MAX);
	memset(id, 'i', 255);
	name[NAME_MAX] = id[255] = '\0';
	snprintf(with, sizeof(with),
		 "'name': '%s', 'local': '192.168.100.100', 'remote': '192.168.100.0/24', 'peer': '192.168.100.200',"
		 "'ike': [{'peer_id': '%s', 'state': 'connecting', 'started_s': 1}], 'failures': [{'kind': 'refused',"
		 "'notify': 'UNSUPPORTED_CRITICAL_PAYLOAD', 'from': '192.168.100.200', 'tries': 4000000000,"
		 "'first_s': 1, 'last_s': 1, 'over': false, 'what': '%s'}]",
		 name, id, id);
	assert_in_range(widest(printed_by(connections_print, with)), 60, 80);
	assert_in_range(widest(printed_by(connections_list, with)), 60, 80);
	assert_printed(printed_by(connections_list, ""), "CONNECTION  PEER       STATE   FOR  CHILD SAS");
}

/* A wide terminal has more columns. */
static void wide(void **state)
{
	(void)state;
	screen_set((struct screen){.width = 160});
	assert_printed(printed_by(connections_list, ""), "CONNECTION  LOCAL      PEER       STATE   FOR  IDENTITY ");
}

static void times_and_names(void **state)
{
	cJSON *list = connections(FAILURES), *c = cJSON_GetArrayItem(list, 0);
	struct connection_names *names = connection_names_new(list);
	struct sa_state sa = {.spi = 4098, .direction = SA_OUTBOUND, .owner = OWNER_IKE, .dst = {192, 0, 2, 2}};

	(void)state;
	assert_int_equal(strlen(json_text(c, "since")), strlen("2026-11-29T03:15:40Z"));
	assert_non_null(json_text(cJSON_GetArrayItem(cJSON_GetObjectItem(c, "failures"), 0), "first"));
	assert_string_equal(connection_name(names, &sa), "core1");
	sa.dst[3] = 3;
	assert_null(connection_name(names, &sa));
	sa = (struct sa_state){.spi = 4097, .direction = SA_INBOUND, .owner = OWNER_IKE, .src = {192, 0, 2, 2}};
	assert_string_equal(connection_name(names, &sa), "core1");
	sa.owner = OWNER_MANUAL;
	assert_null(connection_name(names, &sa));
	assert_null(connection_name(NULL, &sa));
	connection_names_free(names);
	cJSON_Delete(list);
}

static void wellness(void **state)
{
	static const struct {
		const char *with;
		bool unwell;
	} rows[] = {{"", false},
		    {"'state': 'trap'", false},
		    {"'state': 'connecting'", false},
		    {"'state': 'down'", true},
		    {MONITOR("down", "1"), true},
		    {"'astray': {'core1': {'dev': 'eth1', 'encapsulates': true}}", true}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *list = connections(rows[i].with);

		assert_int_equal(connections_unwell(list), rows[i].unwell);
		cJSON_Delete(list);
	}
}

static int narrow(void **state)
{
	(void)state;
	screen_set((struct screen){.width = 80});
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, narrow)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(paragraph), TEST(failures),	  TEST(handshake), TEST(monitor),	  TEST(silence),
		TEST(astray),	 TEST(longest_names_fit), TEST(wide),	   TEST(times_and_names), TEST(wellness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
