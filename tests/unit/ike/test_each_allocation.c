/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration is read with each allocation failing once: all of it, as it is where there is memory, or an error.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/connection.h"
#include "one_ca.h"
#include "unit/failing_memory.h"

#define UNTOLD "nothing was told"

static char *document;
static struct ike_config whole;
static struct file_store *store;

static void add_connection(cJSON *list, const char *name, bool cert)
{
	cJSON *c = cJSON_CreateObject(), *selectors, *selector = cJSON_CreateObject();

	cJSON_AddItemToArray(list, c);
	cJSON_AddStringToObject(c, "name", name);
	cJSON_AddStringToObject(c, "local", "192.0.2.1");
	cJSON_AddStringToObject(c, "remote", "192.0.2.2");
	cJSON_AddNumberToObject(c, "remote_bits", 32);
	cJSON_AddStringToObject(c, "auth", cert ? "cert" : "psk");
	cJSON_AddNumberToObject(c, cert ? "private" : "psk", 7);
	if (cert)
		cJSON_AddNumberToObject(c, "cert", 1);
	if (cert)
		cJSON_AddNumberToObject(c, "ca", 2);
	if (!cert)
		cJSON_AddStringToObject(c, "local_id", "host.example");
	selectors = cJSON_AddArrayToObject(c, "protect");
	cJSON_AddItemToArray(selectors, selector);
	cJSON_AddNumberToObject(selector, "proto", 6);
	cJSON_AddNumberToObject(selector, "local_port_max", 65535);
	cJSON_AddNumberToObject(selector, "remote_port_max", 179);
	cJSON_AddStringToObject(c, "start", "initiate");
	cJSON_AddNumberToObject(c, "rekey_ms", 5);
}

static void add_file(cJSON *list, int id, char *pem)
{
	cJSON *file = cJSON_CreateObject();

	cJSON_AddItemToArray(list, file);
	cJSON_AddNumberToObject(file, "id", id);
	cJSON_AddStringToObject(file, "pem", pem);
	free(pem);
}

static char *make_document(struct world *w)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "files");
	struct connection_config *made = world_connection(w, 0);
	char *text;

	pki_use(&pki, w, 0, made, w->wall_s - 3600, w->wall_s + 3600);
	connection_config_free(made);
	add_file(list, 1, pki_pem(pki.last, NULL));
	add_file(list, 2, pki_pem(pki.ca, NULL));
	list = cJSON_AddArrayToObject(o, "kept");
	cJSON_AddItemToArray(list, cJSON_CreateString("another"));
	list = cJSON_AddArrayToObject(o, "connections");
	add_connection(list, "first", false);
	add_connection(list, "second", true);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}

/* What they point to is another's. */
static void assert_same(const struct connection_config *read, const struct connection_config *expected)
{
	struct connection_config a = *read, b = *expected;

	a.credentials = b.credentials = NULL;
	a.trust = b.trust = NULL;
	assert_int_equal(!read->credentials, !expected->credentials);
	assert_int_equal(!read->trust, !expected->trust);
	assert_memory_equal(&a, &b, sizeof(a));
}

static bool read_document(void)
{
	struct file_store *files = file_store_new();
	struct fault f = {UNTOLD};
	struct ike_config config;
	bool failed;
	int err = -ENOMEM;

	if (files)
		err = ike_config_parse(&config, document, files, &f);
	failed = memory_is_back();
	assert_true(failed || !err);
	if (err && files)
		assert_string_not_equal(f.text, UNTOLD);
	if (!err) {
		assert_int_equal(config.count, whole.count);
		assert_int_equal(config.kept_count, whole.kept_count);
		for (unsigned i = 0; i < whole.count; i++)
			assert_same(config.connections[i], whole.connections[i]);
		ike_config_free(&config);
	}
	file_store_free(files);
	return failed;
}

static void test_configuration(void **state)
{
	struct fault f;

	document = make_document(*state);
	store = file_store_new();
	assert_int_equal(ike_config_parse(&whole, document, store, &f), 0);
	assert_int_equal(whole.count, 2);
	assert_true(memory_fails_each(read_document) > 100);
	ike_config_free(&whole);
	file_store_free(store);
	free(document);
}

static int setup(void **state)
{
	cJSON_InitHooks(&(cJSON_Hooks){__wrap_malloc, free});
	return make_ca(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_configuration, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, setup, free_ca);
}
