/* SPDX-License-Identifier: BSD-2-Clause */
/* The status document in, Prometheus' text out; what others can put into a name stays in its label. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/exposition.h"
#include "metrics/fold.h"
#include "metrics/metrics.h"

static struct exposition e;
static char *written;
static size_t size;

static void begin(void)
{
	free(written);
	written = NULL;
	e = (struct exposition){.out = open_memstream(&written, &size)};
}

static const char *end(void)
{
	fclose(e.out);
	return written;
}

static const struct family things = {"things", METRIC_GAUGE, "Things."};
#define HEAD "# HELP xdp_ipsec_things Things.\n# TYPE xdp_ipsec_things gauge\n"

/* ---- the format ---- */

static void test_a_family_without_samples_is_not_there(void **state)
{
	(void)state;
	begin();
	exposition_family(&e, &things);
	assert_string_equal(end(), "");
}

static void test_samples_stand_under_one_head(void **state)
{
	(void)state;
	begin();
	exposition_family(&e, &things);
	exposition_add(&e, NULL, 1);
	exposition_family(&e, &things);
	exposition_add(&e, LABELS("a", "x", "b", NULL, "c", "z"), 0.25);
	assert_string_equal(end(), HEAD "xdp_ipsec_things 1\nxdp_ipsec_things{a=\"x\",c=\"z\"} 0.25\n");
}

static void test_numbers(void **state)
{
	(void)state;
	begin();
	exposition_family(&e, &things);
	exposition_add(&e, NULL, 1796000000);
	exposition_add(&e, NULL, 1e-6);
	exposition_add(&e, NULL, -3);
	exposition_add(&e, NULL, 18446744073709551615.0);
	exposition_add(&e, NULL, INFINITY);
	exposition_add(&e, NULL, NAN);
	assert_string_equal(end(), HEAD "xdp_ipsec_things 1796000000\nxdp_ipsec_things 1e-06\nxdp_ipsec_things -3\n"
					"xdp_ipsec_things 1.84467440737096e+19\nxdp_ipsec_things +Inf\n"
					"xdp_ipsec_things NaN\n");
}

/* Above 2^53 a double would tell another number; null is none. */
static void test_numbers_of_a_document(void **state)
{
	cJSON *o = cJSON_CreateObject();

	(void)state;
	json_add_u64(o, "exact", UINT64_MAX - 1);
	cJSON_AddTrueToObject(o, "true");
	cJSON_AddNullToObject(o, "null");
	begin();
	exposition_family(&e, &things);
	exposition_add_json(&e, NULL, json_item(o, "exact"));
	exposition_add_json(&e, NULL, json_item(o, "true"));
	exposition_add_json(&e, NULL, json_item(o, "null"));
	exposition_add_json(&e, NULL, json_item(o, "none"));
	assert_string_equal(end(), HEAD "xdp_ipsec_things 18446744073709551614\nxdp_ipsec_things 1\n");
	cJSON_Delete(o);
}

/* Neither a line nor a label of its own, nor what is no UTF-8, which would make Prometheus refuse all of it. */
static void test_what_is_hostile_stays_in_its_label(void **state)
{
	(void)state;
	begin();
	exposition_family(&e, &things);
	exposition_add(&e, LABELS("a", "\"} 9\nxdp_ipsec_up 1\r\\\x1b[2J\xff\xc3"), 1);
	assert_string_equal(end(), HEAD "xdp_ipsec_things{a=\"\\\"} 9?xdp_ipsec_up 1?\\\\?[2J??\"} 1\n");
}

static void test_a_label_has_an_end(void **state)
{
	char word[5000], expected[6000];

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	begin();
	exposition_family(&e, &things);
	exposition_add(&e, LABELS("a", word), 1);
	snprintf(expected, sizeof(expected), HEAD "xdp_ipsec_things{a=\"%.*s\"} 1\n", EXPOSITION_LABEL - 1, word);
	assert_string_equal(end(), expected);
}

static void test_a_histogram_adds_up(void **state)
{
	static const struct family times = {"times_seconds", METRIC_HISTOGRAM, "Times."};
	static const double bounds[] = {0.001, 0.5};
	static const uint64_t counts[] = {3, 0, 2};

	(void)state;
	begin();
	exposition_family(&e, &times);
	exposition_histogram(&e, LABELS("a", "x"), bounds, counts, 2, 1.5);
	assert_string_equal(end(), "# HELP xdp_ipsec_times_seconds Times.\n# TYPE xdp_ipsec_times_seconds histogram\n"
				   "xdp_ipsec_times_seconds_bucket{a=\"x\",le=\"0.001\"} 3\n"
				   "xdp_ipsec_times_seconds_bucket{a=\"x\",le=\"0.5\"} 3\n"
				   "xdp_ipsec_times_seconds_bucket{a=\"x\",le=\"+Inf\"} 5\n"
				   "xdp_ipsec_times_seconds_sum{a=\"x\"} 1.5\n"
				   "xdp_ipsec_times_seconds_count{a=\"x\"} 5\n");
}

static void test_each_sample_bears_the_instance(void **state)
{
	(void)state;
	begin();
	e.instance = "west";
	exposition_family(&e, &things);
	exposition_add(&e, NULL, 1);
	assert_string_equal(end(), HEAD "xdp_ipsec_things{xdp_ipsec_instance=\"west\"} 1\n");
}

/* ---- out of a document ---- */

/* With ' for ". */
static cJSON *parse(const char *text)
{
	char *copy = strdup(text);
	cJSON *json;

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json = cJSON_Parse(copy);
	assert_non_null(json);
	free(copy);
	return json;
}

static struct fold folded(const cJSON *in, const char *path, enum fold_way way)
{
	struct fold f = {.way = way};

	fold_path(&f, in, path);
	return f;
}

static void test_a_number_out_of_many_places(void **state)
{
	cJSON *o = parse("{'a': [{'b': {'c': 3}}, {'b': {'c': null}}, {'b': {'c': 1}}, {}], 'd': true}");

	(void)state;
	json_add_u64(o, "raw", 7);
	assert_true(folded(o, "a.b.c", FOLD_SUM).value == 4);
	assert_true(folded(o, "a.b.c", FOLD_LEAST).value == 1);
	assert_true(folded(o, "a.b.c", FOLD_MOST).value == 3);
	assert_true(folded(o, "d", FOLD_MOST).value == 1);
	assert_true(folded(o, "raw", FOLD_SUM).value == 7);
	assert_int_equal(folded(o, "a.b.c", FOLD_SUM).count, 2);
	assert_int_equal(folded(o, "a.x", FOLD_SUM).count, 0);
	cJSON_Delete(o);
}

static char *text_of(const char *status, struct metrics_terms terms)
{
	cJSON *json = status ? parse(status) : NULL;
	size_t n;
	char *text;

	terms.version = "1";
	text = metrics_text(json, &terms, &n);
	assert_non_null(text);
	assert_int_equal(strlen(text), n);
	cJSON_Delete(json);
	return text;
}

static void assert_has(const char *text, const char *line)
{
	char whole[300];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(text, whole))
		fail_msg("no line '%s' in:\n%s", line, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' in:\n%s", part, text);
}

static void test_nobody_to_ask(void **state)
{
	char *text = text_of(NULL, (struct metrics_terms){0});

	(void)state;
	assert_string_equal(text, "# HELP xdp_ipsec_up Whether the daemon runs.\n# TYPE xdp_ipsec_up gauge\n"
				  "xdp_ipsec_up 0\n"
				  "# HELP xdp_ipsec_build_info Always 1, of the version that tells.\n"
				  "# TYPE xdp_ipsec_build_info gauge\nxdp_ipsec_build_info{version=\"1\"} 1\n");
	free(text);
}

#define CONNECTIONS \
	"{'running': true, 'sas': [], 'totals': [{'connection': 'core', 'packets_in': 5, 'child_rekeys': 2," \
	" 'drops': {'replay': 3}}, {'connection': 'mesh', 'packets_in': 90, 'drops': {}}], 'connections': [" \
	"{'name': 'core', 'local': '192.0.2.1', 'remote': '192.0.2.2', 'auth': 'psk', 'start': 'initiate'," \
	" 'state': 'down', 'state_s': 9, 'ike': [], 'children': [], 'failures': [" \
	"{'kind': 'failed', 'tries': 3, 'last_s': 1, 'over': false}," \
	"{'kind': 'refused', 'tries': 7, 'last_s': 1, 'over': true}]}," \
	"{'name': 'mesh', 'local': '192.0.2.1', 'remote': '198.51.100.0/24', 'peer': '198.51.100.1', 'auth': 'cert'," \
	" 'start': 'trap', 'state': 'up', 'state_s': 5, 'ike': [{'state': 'up', 'established_s': 8}], 'children': [" \
	"{'state': 'up', 'expires_in_s': 50, 'established_s': 4}], 'failures': []}," \
	"{'name': 'mesh', 'local': '192.0.2.1', 'remote': '198.51.100.0/24', 'peer': '198.51.100.2', 'auth': 'cert'," \
	" 'start': 'trap', 'state': 'up', 'state_s': 3, 'ike': [], 'children': [" \
	"{'state': 'up', 'expires_in_s': 40, 'established_s': 6}], 'failures': []}]}"

static void test_a_connection_that_is_down_is_there(void **state)
{
	char *text = text_of(CONNECTIONS, (struct metrics_terms){0});

	(void)state;
	assert_has(text, "xdp_ipsec_connection_state{connection=\"core\",state=\"down\"} 1");
	assert_has(text, "xdp_ipsec_connection_state{connection=\"core\",state=\"up\"} 0");
	assert_has(text, "xdp_ipsec_connection_child_sas{connection=\"core\"} 0");
	assert_has(text, "xdp_ipsec_connection_error_tries{connection=\"core\",kind=\"failed\"} 3");
	assert_has(text, "xdp_ipsec_connection_error_tries{connection=\"core\",kind=\"refused\"} 0");
	assert_lacks(text, "child_age_seconds{connection=\"core\"");
	free(text);
}

static void test_a_mesh_is_one_unless_peers_are_asked_for(void **state)
{
	char *text = text_of(CONNECTIONS, (struct metrics_terms){0});

	(void)state;
	assert_has(text, "xdp_ipsec_connection_state{connection=\"mesh\",state=\"up\"} 2");
	assert_has(text, "xdp_ipsec_connection_child_expiry_seconds{connection=\"mesh\"} 40");
	assert_has(text, "xdp_ipsec_connection_child_age_seconds{connection=\"mesh\"} 6");
	assert_lacks(text, "peer=");
	free(text);
	text = text_of(CONNECTIONS, (struct metrics_terms){.peers = true});
	assert_has(text, "xdp_ipsec_connection_state{connection=\"mesh\",peer=\"198.51.100.1\",state=\"up\"} 1");
	assert_has(text, "xdp_ipsec_connection_state{connection=\"mesh\",peer=\"198.51.100.2\",state=\"up\"} 1");
	assert_has(text, "xdp_ipsec_connection_child_expiry_seconds{connection=\"mesh\",peer=\"198.51.100.1\"} 50");
	assert_has(text, "xdp_ipsec_connection_state{connection=\"core\",peer=\"192.0.2.2\",state=\"down\"} 1");
	free(text);
}

/* Of a mesh the sum is not that of those that are still there. */
static void test_totals(void **state)
{
	char *text = text_of(CONNECTIONS, (struct metrics_terms){0});

	(void)state;
	assert_has(text, "xdp_ipsec_connection_packets_total{connection=\"core\",direction=\"in\"} 5");
	assert_has(text, "xdp_ipsec_connection_packets_total{connection=\"mesh\",direction=\"in\"} 90");
	assert_has(text, "xdp_ipsec_connection_rekeys_total{connection=\"core\",sa=\"child\"} 2");
	assert_has(text, "xdp_ipsec_connection_drops_total{connection=\"core\",reason=\"replay\"} 3");
	assert_has(text, "xdp_ipsec_connection_drops_total{connection=\"core\",reason=\"auth_failed\"} 0");
	free(text);
	text = text_of(CONNECTIONS, (struct metrics_terms){.peers = true});
	assert_lacks(text, "} 90");
	free(text);
}

static void test_an_sa_is_there_when_it_is_asked_for(void **state)
{
	static const char status[] =
		"{'running': true, 'connections': [], 'sas': [{'spi': 4096, 'src': '192.0.2.1', 'dst': '192.0.2.2',"
		" 'direction': 'out', 'connection': null, 'esn': false, 'seq': 95, 'packets': 90, 'bytes': 900,"
		" 'age_s': 4, 'drops': {'too_big': 2}}]}";
	char *text = text_of(status, (struct metrics_terms){0});

	(void)state;
	assert_lacks(text, "spi");
	free(text);
	text = text_of(status, (struct metrics_terms){.sas = true});
	assert_has(text, "xdp_ipsec_sa_packets_total{spi=\"0x00001000\",src=\"192.0.2.1\",dst=\"192.0.2.2\","
			 "direction=\"out\"} 90");
	assert_has(text, "xdp_ipsec_sa_drops_total{spi=\"0x00001000\",src=\"192.0.2.1\",dst=\"192.0.2.2\","
			 "direction=\"out\",reason=\"too_big\"} 2");
	assert_has(text, "xdp_ipsec_sa_sequence_numbers_left{spi=\"0x00001000\",src=\"192.0.2.1\",dst=\"192.0.2.2\","
			 "direction=\"out\"} 4294967200");
	free(text);
}

#define OUTBOUND(connection, dst, seq) \
	"{'direction': 'out', 'connection': '" connection "', 'dst': '" dst "', 'esn': false, 'seq': " seq "}"

/* Of each connection its own SAs, and of a mesh each peer's if they are asked for, in whatever order they stand. */
static void test_of_each_the_sa_that_has_fewest_left(void **state)
{
	static const char status[] =
		"{'running': true, 'connections': [{'name': 'a', 'remote': '10.0.0.1'},"
		" {'name': 'c', 'peer': '10.0.0.9'}, {'name': 'c', 'peer': '10.0.0.8'}, {'name': 'b', 'remote': "
		"'10.0.0.2'},"
		" {'name': 'd', 'remote': '10.0.0.4'}],"
		" 'sas': [" OUTBOUND("c", "10.0.0.9", "9") ", " OUTBOUND("b", "10.0.0.2", "5") ", " OUTBOUND(
			"a", "10.0.0.1", "1") ", " OUTBOUND("b", "10.0.0.2", "6") ", " OUTBOUND("c", "10.0.0.8",
												"8") "]}";
#define LEFT "xdp_ipsec_connection_sequence_numbers_left{connection="
	char *text = text_of(status, (struct metrics_terms){0});

	(void)state;
	assert_has(text, LEFT "\"a\"} 4294967294");
	assert_has(text, LEFT "\"b\"} 4294967289");
	assert_has(text, LEFT "\"c\"} 4294967286");
	assert_lacks(text, LEFT "\"d\"}");
	free(text);
	text = text_of(status, (struct metrics_terms){.peers = true});
	assert_has(text, LEFT "\"c\",peer=\"10.0.0.8\"} 4294967287");
	assert_has(text, LEFT "\"c\",peer=\"10.0.0.9\"} 4294967286");
	free(text);
}

static void test_gates(void **state)
{
	char *text = text_of("{'running': true, 'connections': [], 'open_gates': ['eth1'], 'interfaces': ["
			     "{'name': 'eth0', 'mode': 'native', 'state': 'down', 'steering': null, 'queues': 4}]}",
			     (struct metrics_terms){0});

	(void)state;
	assert_has(text, "xdp_ipsec_gate_closed{interface=\"eth1\"} 0");
	assert_has(text, "xdp_ipsec_gate_closed{interface=\"eth0\"} 1");
	assert_has(text, "xdp_ipsec_interface_info{interface=\"eth0\",mode=\"native\"} 1");
	assert_has(text, "xdp_ipsec_interface_up{interface=\"eth0\"} 0");
	assert_has(text, "xdp_ipsec_interface_queues{interface=\"eth0\"} 4");
	assert_lacks(text, "xdp_ipsec_ike_up");
	free(text);
}

/* Whatever is missing, or is something else, is no reason to crash. */
static void test_a_document_of_another_kind(void **state)
{
	static const char *const documents[] = {
		"[]", "{'connections': 5, 'sas': 'x', 'interfaces': {}}",
		"{'connections': [7, null, {}, {'name': 3}, {'name': 'a', 'failures': [1], 'children': [null], 'ike': "
		"4}],"
		" 'sas': [{}, 1], 'interfaces': [{}], 'open_gates': [1], 'lanes': [{}]}"};

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		free(text_of(documents[i], (struct metrics_terms){0}));
		free(text_of(documents[i], (struct metrics_terms){.peers = true, .sas = true}));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_family_without_samples_is_not_there),
		cmocka_unit_test(test_samples_stand_under_one_head),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_numbers_of_a_document),
		cmocka_unit_test(test_what_is_hostile_stays_in_its_label),
		cmocka_unit_test(test_a_label_has_an_end),
		cmocka_unit_test(test_a_histogram_adds_up),
		cmocka_unit_test(test_each_sample_bears_the_instance),
		cmocka_unit_test(test_a_number_out_of_many_places),
		cmocka_unit_test(test_nobody_to_ask),
		cmocka_unit_test(test_a_connection_that_is_down_is_there),
		cmocka_unit_test(test_a_mesh_is_one_unless_peers_are_asked_for),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_an_sa_is_there_when_it_is_asked_for),
		cmocka_unit_test(test_of_each_the_sa_that_has_fewest_left),
		cmocka_unit_test(test_gates),
		cmocka_unit_test(test_a_document_of_another_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
