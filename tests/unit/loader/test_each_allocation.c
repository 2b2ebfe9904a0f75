/* SPDX-License-Identifier: BSD-2-Clause */
/* The file is read, and IKE is given what is in it, with each allocation failing once: all of it, or an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_file.h"
#include "daemon/ike_stock.h"
#include "unit/failing_memory.h"
#include "unit/temp_file.h"

static const char text[] = "[interface eth0]\n"
			   "[daemon]\n"
			   "cookie-threshold = 7\n"
			   "[connection one]\n"
			   "local = 192.0.2.1\nremote = 192.0.2.2\nauth = psk\npsk-file = psk\n"
			   "protect = tcp/179, udp/53, icmp\nremote-id = peer.example\nlocal-id = host.example\n"
			   "ppk-file = ppk\nppk-id = shared\nppk-required = yes\nrekey-bytes = 1000000\n"
			   "[connection two]\n"
			   "local = 192.0.2.1\nremote = 198.51.100.0/24\nauth = psk\npsk-file = psk\n"
			   "[policy p1]\ndst = 10.0.0.0/8\naction = discard\n"
			   "[policy p2]\ndst = 10.1.0.0/16\naction = bypass\n";

static struct config config;

static int write_file(void **unused)
{
	FILE *file;

	make_file(unused);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		return -1;
	cJSON_InitHooks(&(cJSON_Hooks){__wrap_malloc, free});
	return 0;
}

/* ---- the file ---- */

static bool read_file(void)
{
	struct fault f = {""};
	const int err = config_read(&config, path, &f);
	const bool failed = memory_is_back();

	if (failed) {
		assert_true(err < 0);
		assert_non_null(strstr(f.text, strerror(ENOMEM)));
	} else {
		assert_int_equal(err, 0);
		assert_int_equal(config.connection_count, 2);
		assert_int_equal(config.policy_count, 2);
		assert_true(config_has_connection(&config, "one") && config_has_policy(&config, "p2"));
	}
	config_free(&config);
	return failed;
}

static void test_file(void **unused)
{
	(void)unused;
	assert_true(memory_fails_each(read_file) > 2);
}

/* ---- what IKE is told of it ---- */

/* Nothing of it is in a file of its own, which the key holder would have to be asked for. */
static int make_config(void **unused)
{
	struct fault f;

	(void)unused;
	if (config_read(&config, path, &f))
		return -1;
	for (unsigned i = 0; i < config.connection_count; i++) {
		config.connections[i].psk_file[0] = '\0';
		config.connections[i].ppk_file[0] = '\0';
	}
	return 0;
}

static int free_config(void **unused)
{
	(void)unused;
	config_free(&config);
	return 0;
}

static char *whole; /* as it is where there is memory */

/* IKE has one of them already. */
static int deliver(struct ike_stock *stock, char **printed)
{
	struct ike_delivery d = ike_delivery_new(&config);
	struct fault f;
	int err = 0;

	for (unsigned i = 0; i < config.connection_count && err >= 0; i++)
		err = ike_delivery_add(&d, stock, &config.connections[i], &f);
	if (err >= 0)
		err = ike_delivery_close(&d, stock, &f);
	*printed = err ? NULL : cJSON_PrintUnformatted(d.document);
	ike_delivery_end(&d);
	return err;
}

static void know_second(struct ike_stock *stock)
{
	const struct connection_config *c = &config.connections[1];
	const struct ike_numbers none = {0};
	uint8_t digest[KNOWN_DIGEST];

	assert_int_equal(ike_known_digest(c, &none, digest), 0);
	assert_int_equal(ike_known_add(&stock->known, c->name, digest), 0);
}

static bool tell_ike(void)
{
	struct ike_stock stock = {.config_path = path};
	const unsigned fails_in = memory_fails_in;
	char *printed;
	bool failed;
	int err;

	memory_fails_in = 0;
	know_second(&stock);
	memory_fails_in = fails_in;
	err = deliver(&stock, &printed);
	failed = memory_is_back();
	if (!failed)
		assert_int_equal(err, 0);
	else
		assert_true(err < 0 || !printed);
	if (printed)
		assert_string_equal(printed, whole);
	free(printed);
	ike_stock_free(&stock);
	return failed;
}

static void test_told(void **unused)
{
	struct ike_stock stock = {.config_path = path};

	(void)unused;
	know_second(&stock);
	assert_int_equal(deliver(&stock, &whole), 0);
	ike_stock_free(&stock);
	assert_non_null(strstr(whole, "\"kept\":[\"two\"]"));
	assert_non_null(strstr(whole, "\"ppk_required\":true"));
	assert_true(memory_fails_each(tell_ike) > 50);
	free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test_setup_teardown(test_told, make_config, free_config),
	};

	return cmocka_run_group_tests(tests, write_file, remove_file);
}
