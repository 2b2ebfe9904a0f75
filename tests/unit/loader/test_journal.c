/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as text, and as entries of the journal: what others have said is one line, and no field but its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "events/event_text.h"
#include "events/journal.h"

static cJSON *event_of(const char *name, const char *value)
{
	cJSON *values = cJSON_CreateObject();

	cJSON_AddStringToObject(values, name, value);
	return happening_new(KIND_CONNECTION_FAILED, "test", "core", values);
}

static void test_text(void **unused)
{
	cJSON *event = event_of("what", "the PSKs differ");
	char line[EVENT_LINE_MAX];

	(void)unused;
	cJSON_AddNumberToObject(event, "tries", 3);
	assert_string_equal(event_line(event, false, line), "core: connection_failed what=\"the PSKs differ\" tries=3");
	event_line(event, true, line);
	assert_int_equal(strncmp(line, json_text(event, "time"), strlen("2026-11-29T09:22:33.123Z")), 0);
	assert_int_equal(json_number(event, "version"), EVENT_VERSION);
	cJSON_Delete(event);
}

static void test_values_are_cleaned(void **unused)
{
	static const struct {
		const char *said, *told;
	} values[] = {
		{"a\nPRIORITY=0\n", "a?PRIORITY=0?"},
		{"\x1b[2J", "?[2J"},
		{"\xff\xfe", "??"},
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"\xc2\x85", "??"},
		{"$(reboot); `id` | \"'", "$(reboot); `id` | \"'"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		cJSON *event = event_of("peer_id", values[i].said);

		assert_string_equal(json_text(event, "peer_id"), values[i].told);
		cJSON_Delete(event);
	}
}

static void test_long_values_are_cut(void **unused)
{
	char long_value[2000];
	cJSON *event;

	(void)unused;
	memset(long_value, 'x', sizeof(long_value));
	long_value[sizeof(long_value) - 1] = '\0';
	event = event_of("what", long_value);
	assert_int_equal(strlen(json_text(event, "what")), EVENT_VALUE_MAX - 1);
	cJSON_Delete(event);
}

/* Neither what each event has, nor what is no name, nor what is in another. */
static void test_names_are_ours(void **unused)
{
	static const char *const bad[] = {"event", "instance", "connection", "version", "time", "missed",
					  "",	   "A",	       "a-b",	     "a=b",	"a b",	"a\n"};
	const unsigned each = 5; /* version, time, instance, event, connection */
	cJSON *event, *values;

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		event = event_of(bad[i], "x");
		assert_int_equal(cJSON_GetArraySize(event), each);
		assert_string_equal(json_text(event, "event"), "connection_failed");
		cJSON_Delete(event);
	}
	values = cJSON_CreateObject();
	cJSON_AddItemToObject(values, "nested", cJSON_CreateObject());
	cJSON_AddNullToObject(values, "nothing");
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "v%d", i);
		cJSON_AddNumberToObject(values, name, i);
	}
	event = happening_new(KIND_CONNECTION_FAILED, "test", "core", values);
	assert_null(json_item(event, "nested"));
	assert_true(cJSON_GetArraySize(event) <= (int)each + EVENT_VALUES_MAX);
	cJSON_Delete(event);
}

#define MESSAGE "MESSAGE=core: connection_failed what=\"the PSKs differ?PRIORITY=0\" tries=3\n"

/* Over a real socket, as journald would have it. */
static void test_entry(void **unused)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const int journal = socket(AF_UNIX, SOCK_DGRAM, 0), from = journal_open();
	cJSON *event = event_of("what", "the PSKs differ\nPRIORITY=0");
	char entry[JOURNAL_ENTRY_MAX + 1];
	ssize_t size;

	(void)unused;
	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/xdp-ipsec-test-journal-%d", getpid());
	assert_int_equal(journal_send(from, at.sun_path, event), -ENOENT);
	assert_int_equal(bind(journal, (struct sockaddr *)&at, sizeof(at)), 0);
	cJSON_AddNumberToObject(event, "tries", 3);
	assert_int_equal(journal_send(from, at.sun_path, event), 0);
	size = recv(journal, entry, sizeof(entry) - 1, 0);
	assert_true(size > 0);
	entry[size] = '\0';
	assert_int_equal(strncmp(entry, MESSAGE, strlen(MESSAGE)), 0);
	assert_non_null(strstr(entry, "\nPRIORITY=4\nMESSAGE_ID="));
	assert_non_null(strstr(entry, "\nSYSLOG_IDENTIFIER=xdp-ipsec\n"));
	assert_non_null(strstr(entry, "\nXDP_IPSEC_EVENT=connection_failed\n"));
	assert_non_null(strstr(entry, "\nXDP_IPSEC_INSTANCE=test\nXDP_IPSEC_"));
	assert_non_null(strstr(entry, "\nXDP_IPSEC_CONNECTION=core\n"));
	assert_non_null(strstr(entry, "\nXDP_IPSEC_TRIES=3\n"));
	assert_null(strstr(entry, "\nPRIORITY=0"));
	assert_int_equal(entry[size - 1], '\n');
	/* Whoever does not read is not waited for. */
	while (journal_send(from, at.sun_path, event) == 0)
		;
	assert_int_equal(journal_send(from, at.sun_path, event), -EAGAIN);
	cJSON_Delete(event);
	unlink(at.sun_path);
	close(journal);
	close(from);
}

static void test_each_kind_has_its_number(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < KINDS; i++) {
		assert_int_equal(strlen(kinds[i].number), 32);
		assert_int_equal(strspn(kinds[i].number, "0123456789abcdef"), 32);
		assert_int_equal(kind_find(kinds[i].name), i);
		assert_true(strlen(kinds[i].name) < 32);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(kinds[i].number, kinds[k].number);
	}
	assert_int_equal(kind_find("none"), KINDS);
	assert_int_equal(kind_find(NULL), KINDS);
}

static void test_is_the_journals(void **unused)
{
	struct stat st;
	char stream[60];

	(void)unused;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	unsetenv("JOURNAL_STREAM");
	assert_false(journal_is_stderr());
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_true(journal_is_stderr());
	/* Of who has started us, and sent our stderr elsewhere. */
	setenv("JOURNAL_STREAM", "8:1", 1);
	assert_false(journal_is_stderr());
	setenv("JOURNAL_STREAM", "nonsense", 1);
	assert_false(journal_is_stderr());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_values_are_cleaned),
		cmocka_unit_test(test_long_values_are_cut),
		cmocka_unit_test(test_names_are_ours),
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_each_kind_has_its_number),
		cmocka_unit_test(test_is_the_journals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
