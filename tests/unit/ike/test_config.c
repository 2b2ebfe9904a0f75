/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration as the supervisor sends it: what is read of it, and what is refused, by the connection's name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "engine/connection.h"
#include "one_ca.h"

static const char psk[] =
	"{\"connections\": [{\"name\": \"core\", \"local\": \"192.0.2.1\", \"remote\": \"192.0.2.0\", \"remote_bits\": "
	"24, "
	"\"auth\": \"psk\", \"psk\": 7, \"protect\": [{\"proto\": 6, \"local_port_min\": 0, \"local_port_max\": 65535, "
	"\"remote_port_min\": 179, \"remote_port_max\": 179}], "
	"\"start\": \"initiate\", \"esn\": true, \"replay_window\": 1024, \"rekey_ms\": 5, \"lifetime_ms\": 6, "
	"\"ike_rekey_ms\": 7, \"reauth_ms\": 11, \"dpd_ms\": 8, \"rekey_bytes\": 9, \"rekey_packets\": 10}], "
	"\"cookie_threshold\": 3}";

/* As the supervisor numbers them; NO_PEM is one that has nothing of use in it. */
enum { CERT = 1, CA, CRL, NO_PEM, SAME };

static struct file_store *store;

static void send(cJSON *files, int id, const char *pem)
{
	cJSON *file = cJSON_CreateObject();

	cJSON_AddNumberToObject(file, "id", id);
	cJSON_AddStringToObject(file, "pem", pem);
	cJSON_AddItemToArray(files, file);
}

/* What the connection names, and more. */
static void send_files(cJSON *o, const char *cert)
{
	cJSON *files = cJSON_AddArrayToObject(o, "files");
	char *ca = pki_pem(pki.ca, NULL);

	send(files, CERT, cert);
	send(files, CA, ca);
	send(files, NO_PEM, "no PEM");
	send(files, SAME, cert);
	if (pki.crl)
		send(files, CRL, pki.crl);
	free(ca);
}

/* The document with one word of the connection changed (value NULL: left out); with certificates if cert. */
static int parse(const char *word, cJSON *value, const char *cert, struct ike_config *out, struct fault *f)
{
	cJSON *o = cJSON_Parse(psk), *c = cJSON_GetArrayItem(cJSON_GetObjectItem(o, "connections"), 0);
	char *text;
	int err;

	if (cert) {
		cJSON_ReplaceItemInObject(c, "auth", cJSON_CreateString("cert"));
		cJSON_AddNumberToObject(c, "private", 8);
		cJSON_AddNumberToObject(c, "cert", CERT);
		cJSON_AddNumberToObject(c, "ca", CA);
		send_files(o, cert);
	}
	if (word)
		cJSON_DeleteItemFromObject(c, word);
	if (value)
		cJSON_AddItemToObject(c, word, value);
	text = cJSON_PrintUnformatted(o);
	err = ike_config_parse(out, text, store, f);
	cJSON_free(text);
	cJSON_Delete(o);
	return err;
}

static void all_is_read(void **state)
{
	struct connection_config *c;
	struct ike_config config;
	struct fault f;

	(void)state;
	assert_int_equal(ike_config_parse(&config, psk, store, &f), 0);
	assert_int_equal(config.count, 1);
	assert_int_equal(config.cookie_threshold, 3);
	c = config.connections[0];
	assert_string_equal(c->name, "core");
	assert_int_equal(c->remote_bits, 24);
	assert_int_equal(c->psk_key, 7);
	assert_int_equal(c->selector_count, 1);
	assert_int_equal(c->selectors[0].remote_port_max, 179);
	assert_int_equal(c->start, START_INITIATE);
	assert_int_equal(c->esn, ESN_OFFERED);
	assert_int_equal(c->rekey_packets, 10);
	assert_int_equal(c->reauth_ms, 11);
	/* Without local-id, the address. */
	assert_int_equal(c->local_id.type, ID_IPV4_ADDR);
	assert_memory_equal(c->local_id.data, c->local, 4);
	ike_config_free(&config);
}

static void what_is_missing_is_named(void **state)
{
	static const char *const words[][2] = {{"local", "local"},   {"remote", "remote"}, {"auth", "auth"},
					       {"psk", "psk-file"},  {"start", "start"},   {"protect", "protect"},
					       {"remote_bits", NULL}};
	struct ike_config config;

	(void)state;
	for (size_t i = 0; words[i][1]; i++) {
		struct fault f = {""};

		assert_int_equal(parse(words[i][0], NULL, NULL, &config, &f), -EINVAL);
		assert_true(strncmp(f.text, "core: ", 6) == 0);
		assert_non_null(strstr(f.text, words[i][1]));
	}
}

static void bad_values_are_refused(void **state)
{
	struct ike_config config;
	struct fault f;

	(void)state;
	assert_int_equal(parse("local", cJSON_CreateString("192.0.2"), NULL, &config, &f), -EINVAL);
	assert_int_equal(parse("remote_bits", cJSON_CreateNumber(33), NULL, &config, &f), -EINVAL);
	assert_int_equal(parse("local_id", cJSON_CreateString("a b"), NULL, &config, &f), -EINVAL);
	assert_true(strncmp(f.text, "core: ", 6) == 0);
	assert_int_equal(parse("name", cJSON_CreateString(""), NULL, &config, &f), -EINVAL);
	assert_int_equal(ike_config_parse(&config, "", store, &f), -EINVAL);
	assert_int_equal(ike_config_parse(&config, "{}", store, &f), -EINVAL);
	assert_int_equal(ike_config_parse(&config, "[1", store, &f), -EINVAL);
}

/* Another value is another connection; the same is the same. */
static void digest_is_of_all_values(void **state)
{
	struct ike_config first, same, other;
	struct fault f;

	(void)state;
	assert_int_equal(parse(NULL, NULL, NULL, &first, &f), 0);
	assert_int_equal(parse(NULL, NULL, NULL, &same, &f), 0);
	assert_int_equal(parse("dpd_ms", cJSON_CreateNumber(9), NULL, &other, &f), 0);
	assert_memory_equal(first.connections[0]->digest, same.connections[0]->digest, 32);
	assert_memory_not_equal(first.connections[0]->digest, other.connections[0]->digest, 32);
	ike_config_free(&first);
	ike_config_free(&same);
	ike_config_free(&other);
}

/* What is renewed as the connection runs has a digest of its own: these four, and nothing else. */
static void files_have_a_digest_of_their_own(void **state)
{
	struct world *w = *state;
	struct connection_config *made = world_connection(w, 0);
	struct ike_config first, other;
	struct fault f;
	char *cert;

	pki_use(&pki, w, 0, made, w->wall_s - 3600, w->wall_s + 3600);
	pki_make_crl(&pki, false, w->wall_s, w->wall_s + 3600);
	cert = pki_pem(pki.last, NULL);
	assert_int_equal(parse(NULL, NULL, cert, &first, &f), 0);
	{
		const struct {
			const char *word;
			cJSON *value;
		} changes[] = {{"private", cJSON_CreateNumber(9)},
			       {"cert", cJSON_CreateNumber(SAME)},
			       {"ca", cJSON_CreateNumber(SAME)},
			       {"crl", cJSON_CreateNumber(CRL)},
			       {"dpd_ms", cJSON_CreateNumber(9)}};

		for (size_t i = 0; i < 5; i++) {
			assert_int_equal(parse(changes[i].word, changes[i].value, cert, &other, &f), 0);
			assert_int_equal(
				!memcmp(first.connections[0]->files_digest, other.connections[0]->files_digest, 32),
				i == 4);
			assert_int_equal(!memcmp(first.connections[0]->digest, other.connections[0]->digest, 32),
					 i < 4);
			ike_config_free(&other);
		}
	}
	ike_config_free(&first);
	connection_config_free(made);
	free(cert);
	free(pki.crl);
	pki.crl = NULL;
}

/* However many connections name it, a file is read once. */
static void files_are_shared(void **state)
{
	struct world *w = *state;
	struct connection_config *made = world_connection(w, 0), *a, *b;
	struct ike_config first, second;
	struct fault f;
	char *cert;

	pki_use(&pki, w, 0, made, w->wall_s - 3600, w->wall_s + 3600);
	pki_make_crl(&pki, false, w->wall_s, w->wall_s + 3600);
	cert = pki_pem(pki.last, NULL);
	assert_int_equal(parse(NULL, NULL, cert, &first, &f), 0);
	assert_int_equal(parse("crl", cJSON_CreateNumber(CRL), cert, &second, &f), 0);
	a = first.connections[0];
	b = second.connections[0];
	assert_ptr_equal(a->credentials, b->credentials);
	assert_ptr_not_equal(a->trust, b->trust);
	assert_false(a->trust->has_crl);
	assert_true(b->trust->has_crl);
	/* What they share goes with the last of them. */
	file_store_drop(store, CERT);
	file_store_drop(store, CA);
	file_store_drop(store, CRL);
	ike_config_free(&first);
	assert_int_equal(credentials_verify(b->credentials, b->trust, w->wall_s, &f), 0);
	ike_config_free(&second);
	connection_config_free(made);
	free(cert);
	free(pki.crl);
	pki.crl = NULL;
}

/* A CRL that is dropped is not found together with its CA any more. */
static void what_is_dropped_is_gone(void **state)
{
	struct world *w = *state;
	struct connection_config *made = world_connection(w, 0);
	struct trust *trust;
	char *cert, *ca = pki_pem(pki.ca, NULL);
	struct ike_config config;
	struct fault f;

	pki_use(&pki, w, 0, made, w->wall_s - 3600, w->wall_s + 3600);
	pki_make_crl(&pki, false, w->wall_s, w->wall_s + 3600);
	cert = pki_pem(pki.last, NULL);
	assert_int_equal(parse("crl", cJSON_CreateNumber(CRL), cert, &config, &f), 0);
	ike_config_free(&config);
	assert_int_equal(ike_config_parse(&config, "{\"connections\": [], \"dropped\": [3, 1]}", store, &f), 0);
	ike_config_free(&config);
	assert_int_equal(file_store_trust(store, CA, CRL, &trust, &f), -EINVAL);
	assert_string_equal(f.text, "crl: the file was not sent");
	assert_int_equal(file_store_trust(store, CA, 0, &trust, &f), 0);
	trust_free(trust);
	connection_config_free(made);
	free(cert);
	free(ca);
	free(pki.crl);
	pki.crl = NULL;
}

static const struct connection *first_of(const struct world *w)
{
	return TAILQ_FIRST(&w->hosts[0].engine->connections);
}

/* One that is kept by its name is not looked at; one that is not named goes; and who keeps what is not there is told.
 */
static void kept_connections_stay_as_they_are(void **state)
{
	struct world *w = *state;
	const struct connection *before;
	struct ike_config config;
	struct fault f;

	world_configure(w, 0, world_connection(w, 0));
	before = first_of(w);
	assert_int_equal(ike_config_parse(&config, "{\"connections\": [], \"kept\": [\"c0\", \"c1\"]}", store, &f), 0);
	assert_int_equal(engine_configure(w->hosts[0].engine, &config), -ENOENT);
	assert_ptr_equal(first_of(w), before);
	assert_false(before->gone);
	assert_int_equal(ike_config_parse(&config, "{\"connections\": [], \"kept\": [\"c0\"]}", store, &f), 0);
	assert_int_equal(engine_configure(w->hosts[0].engine, &config), 0);
	assert_ptr_equal(first_of(w), before);
	assert_false(before->gone);
	assert_int_equal(ike_config_parse(&config, "{\"connections\": []}", store, &f), 0);
	assert_int_equal(engine_configure(w->hosts[0].engine, &config), 0);
	world_run(w, 100);
	assert_null(first_of(w));
	assert_int_equal(ike_config_parse(&config, "{\"connections\": [], \"kept\": [7]}", store, &f), 0);
	assert_int_equal(engine_configure(w->hosts[0].engine, &config), -ENOENT);
}

/* "host0.example" is what the certificate names. */
static void identity_is_of_the_certificate(void **state)
{
	struct world *w = *state;
	struct connection_config *made = world_connection(w, 0);
	struct ike_config config;
	struct fault f;
	char *cert;

	pki_use(&pki, w, 0, made, w->wall_s - 3600, w->wall_s + 3600);
	cert = pki_pem(pki.last, NULL);
	assert_int_equal(parse("local_id", cJSON_CreateString("host0.example"), cert, &config, &f), 0);
	assert_int_equal(config.connections[0]->local_id.type, ID_FQDN);
	ike_config_free(&config);
	assert_int_equal(parse(NULL, NULL, cert, &config, &f), 0);
	assert_int_equal(config.connections[0]->local_id.type, ID_DER_ASN1_DN);
	ike_config_free(&config);
	assert_int_equal(parse("local_id", cJSON_CreateString("host1.example"), cert, &config, &f), -EINVAL);
	assert_non_null(strstr(f.text, "core: local-id 'host1.example' is not in its certificate"));
	assert_int_equal(parse("cert", cJSON_CreateNumber(NO_PEM), cert, &config, &f), -EINVAL);
	assert_string_equal(f.text, "core: cert: there is no certificate in it: PEM is expected");
	assert_int_equal(parse("ca", cJSON_CreateNumber(NO_PEM), cert, &config, &f), -EINVAL);
	assert_string_equal(f.text, "core: ca: there is no CA certificate in it: PEM is expected");
	assert_int_equal(parse("crl", cJSON_CreateNumber(NO_PEM), cert, &config, &f), -EINVAL);
	assert_string_equal(f.text, "core: crl: there is no CRL in it: PEM is expected");
	free(cert);
	connection_config_free(made);
}

static int setup(void **state)
{
	store = file_store_new();
	return store ? world_setup(state) : -1;
}

static int teardown(void **state)
{
	file_store_free(store);
	return world_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_is_read),
		TEST(what_is_missing_is_named),
		TEST(bad_values_are_refused),
		TEST(digest_is_of_all_values),
		TEST(files_have_a_digest_of_their_own),
		TEST(files_are_shared),
		TEST(what_is_dropped_is_gone),
		TEST(kept_connections_stay_as_they_are),
		TEST(identity_is_of_the_certificate),
	};

	return cmocka_run_group_tests_name("IKE configuration", tests, make_ca, free_ca);
}
