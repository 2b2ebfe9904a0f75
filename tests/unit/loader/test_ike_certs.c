/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of certificates' files: by what is in them, sent once, and forgotten when nobody names them any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ike_certs.h"

static char dir[] = "/tmp/xdp-ipsec-certs-XXXXXX";
static char config_path[64];
static const struct connection_config connection = {.name = "core", .line = 7};
static struct ike_certs certs;

static void write_file(const char *name, const char *text)
{
	char path[80];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int make_dir(void **unused)
{
	(void)unused;
	assert_non_null(mkdtemp(dir));
	snprintf(config_path, sizeof(config_path), "%s/conf", dir);
	return 0;
}

static int remove_dir(void **unused)
{
	static const char *const names[] = {"a", "b"};
	char path[80];

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static int free_certs(void **unused)
{
	(void)unused;
	ike_certs_free(&certs);
	return 0;
}

static uint32_t use(const char *name)
{
	struct fault f = {""};
	uint32_t id;

	if (ike_certs_use(&certs, "ca", config_path, &connection, name, &id, &f))
		fail_msg("%s", f.text);
	return id;
}

/* {"files": ..., "dropped": ...} as it goes out now: "1=text; -2; " */
static const char *sent(void)
{
	static char text[200];
	cJSON *document = cJSON_CreateObject();
	const cJSON *item;
	size_t n = 0;

	assert_true(ike_certs_add(&certs, document));
	text[0] = '\0';
	cJSON_ArrayForEach(item, json_item(document, "files"))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.0f=%s; ", json_number(item, "id"),
				      json_text(item, "pem"));
	cJSON_ArrayForEach(item, json_item(document, "dropped"))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "-%.0f; ", item->valuedouble);
	cJSON_Delete(document);
	ike_certs_sent(&certs);
	return text;
}

static void taken(void)
{
	ike_certs_taken(&certs);
	ike_certs_begin(&certs);
}

static void a_file_is_read_and_sent_once(void **unused)
{
	(void)unused;
	write_file("a", "one");
	assert_int_equal(use("a"), 1);
	/* Whatever is in it by now: a configuration is of one moment. */
	write_file("a", "two");
	assert_int_equal(use("a"), 1);
	assert_int_equal(use(""), 0);
	assert_string_equal(ike_certs_text(&certs, 1), "one");
	assert_null(ike_certs_text(&certs, 2));
	assert_string_equal(sent(), "1=one; ");
	assert_string_equal(sent(), "");
}

static void a_number_is_of_the_content(void **unused)
{
	(void)unused;
	write_file("a", "one");
	write_file("b", "one");
	assert_int_equal(use("a"), 1);
	assert_int_equal(use("b"), 1);
	assert_string_equal(sent(), "1=one; ");
	taken();
	write_file("a", "two");
	assert_int_equal(use("a"), 2);
	assert_int_equal(use("b"), 1);
	assert_string_equal(sent(), "2=two; ");
	taken();
	write_file("b", "two");
	assert_int_equal(use("a"), 2);
	assert_int_equal(use("b"), 2);
	assert_string_equal(sent(), "-1; ");
	taken();
	/* It is forgotten, and never a number of something else. */
	write_file("b", "one");
	assert_int_equal(use("a"), 2);
	assert_int_equal(use("b"), 3);
}

/* One that IKE did not take was sent all the same. */
static void what_was_refused_goes_with_the_next(void **unused)
{
	(void)unused;
	write_file("a", "one");
	assert_int_equal(use("a"), 1);
	assert_string_equal(sent(), "1=one; ");
	ike_certs_begin(&certs);
	write_file("a", "two");
	assert_int_equal(use("a"), 2);
	assert_string_equal(sent(), "2=two; -1; ");
}

static void another_process_is_sent_all(void **unused)
{
	(void)unused;
	write_file("a", "one");
	use("a");
	sent();
	taken();
	ike_certs_lost(&certs);
	assert_int_equal(use("a"), 1);
	assert_string_equal(sent(), "1=one; ");
}

static void what_is_not_there_is_named(void **unused)
{
	struct fault f;
	uint32_t id;

	(void)unused;
	assert_int_equal(ike_certs_use(&certs, "ca", config_path, &connection, "missing", &id, &f), -ENOENT);
	assert_non_null(strstr(f.text, ":7: [connection core]: ca "));
	assert_non_null(strstr(f.text, "missing: No such file"));
}

#define TEST(name) cmocka_unit_test_teardown(name, free_certs)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_read_and_sent_once),	   TEST(a_number_is_of_the_content),
		TEST(what_was_refused_goes_with_the_next), TEST(another_process_is_sent_all),
		TEST(what_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
