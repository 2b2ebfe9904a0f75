/* SPDX-License-Identifier: BSD-2-Clause */
/* 'pki ca', 'pki host', 'pki revoke', 'pki crl': a small CA in a directory. What is printed is for the file, pasted as
 * it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "lib/privileges.h"
#include "pki/authority.h"
#include "pki/cert_view.h"
#include "pki/certificate.h"
#include "pki/host_certificate.h"
#include "pki/pem_file.h"
#include "pki/revocation.h"
#include "policy/parse.h"

/* Ten years: every host is to be given another one then. */
#define CA_DAYS 3650
/* A hundred years. */
#define DAYS_MAX 36500
/* When it is over, hosts that have the CRL refuse every peer until they have a new one. */
#define CRL_DAYS 365

static const char *directory(const struct invocation *inv)
{
	return word(inv, "dir") ? word(inv, "dir") : ".";
}

/* 'days N', or what it is without. */
static bool take_days(const struct invocation *inv, unsigned *days)
{
	uint64_t number = *days;

	if (word(inv, "days") && !parse_number(word(inv, "days"), 1, DAYS_MAX, &number))
		return false;
	*days = (unsigned)number;
	return true;
}

static int refuse_days(const struct invocation *inv)
{
	struct fault f;

	fault(&f, EINVAL, "days '%.60s': a number from 1 to %d is expected", word(inv, "days"), DAYS_MAX);
	return cli_usage(inv, f.text);
}

/* What -j shows of it: what 'pki show' does, and the files. */
static void print_made(const struct invocation *inv, cJSON *view, const char *dir, const char *cert_file,
		       const char *key_file)
{
	const struct authority at = {.dir = dir};
	char path[PKI_PATH_MAX];

	if (authority_path(&at, cert_file, path, NULL) == 0)
		cJSON_AddStringToObject(view, "file", path);
	if (key_file && authority_path(&at, key_file, path, NULL) == 0)
		cJSON_AddStringToObject(view, "key_file", path);
	json_print(view, inv->pretty);
	cJSON_Delete(view);
}

/* ---- pki ca ---- */

static bool name_is_good(const char *name)
{
	return !name || (*name && strlen(name) <= CERT_NAME_MAX);
}

int pki_ca_command(const struct invocation *inv)
{
	const char *dir = directory(inv), *name = word(inv, "name");
	unsigned days = CA_DAYS;
	struct authority ca;
	char until[CERT_TIME_TEXT];
	struct fault f;

	privileges_harden();
	if (!take_days(inv, &days))
		return refuse_days(inv);
	if (!name_is_good(name))
		return cli_usage(inv, "name: 1 to 64 characters are expected");
	if (authority_make(&ca, dir, name, days, &f))
		return cli_fail(inv, f.text);
	if (inv->json) {
		print_made(inv, cert_view(ca.cert), dir, AUTHORITY_CERT, AUTHORITY_KEY);
	} else {
		printf("; the CA, until %s: %s goes to every host, %s stays here, for who has it is any host\n",
		       cert_time_text(X509_get0_notAfter(ca.cert), until), AUTHORITY_CERT, AUTHORITY_KEY);
		printf("; each host: xdp-ipsec pki host NAME%s%s\n", word(inv, "dir") ? " " : "",
		       word(inv, "dir") ? dir : "");
		printf("ca = " AUTHORITY_CERT "\n");
	}
	authority_free(&ca);
	return EXIT_SUCCESS;
}

/* ---- pki host ---- */

static void print_host(const struct host_certificate *host)
{
	char until[CERT_TIME_TEXT];

	printf("; %s until %s: with %s to that host, beside its file; the peers' remote-id is %s\n", host->cert_file,
	       cert_time_text(X509_get0_notAfter(host->cert), until), AUTHORITY_CERT, host->name);
	printf("auth = cert\n");
	printf("cert = %s\n", host->cert_file);
	printf("key = %s\n", host->key_file);
	printf("ca = " AUTHORITY_CERT "\n");
	printf("local-id = %s\n", host->name);
}

int pki_host_command(const struct invocation *inv)
{
	const char *dir = directory(inv);
	struct host_certificate host = {.cert = NULL};
	struct authority ca;
	unsigned days = 0;
	struct fault f;
	int err;

	privileges_harden();
	if (!take_days(inv, &days))
		return refuse_days(inv);
	err = authority_open(&ca, dir, &f);
	if (err)
		return cli_fail(inv, f.text);
	err = host_certificate_make(&host, &ca, word(inv, "names"), days, &f);
	if (!err && inv->json)
		print_made(inv, cert_view(host.cert), dir, host.cert_file, host.key_file);
	else if (!err)
		print_host(&host);
	host_certificate_free(&host);
	authority_free(&ca);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}

/* ---- pki revoke, pki crl ---- */

static void print_crl(const struct invocation *inv, const struct revocation *r, const char *dir)
{
	char until[CERT_TIME_TEXT];

	if (inv->json) {
		print_made(inv, crl_view(r->crl), dir, AUTHORITY_CRL, NULL);
		return;
	}
	if (r->already)
		printf("; it was revoked already\n");
	printf("; " AUTHORITY_CRL
	       " to every host, whose daemon reads it on SIGHUP; without a newer one ('pki crl') they refuse all "
	       "peers from %s on\n",
	       cert_time_text(X509_CRL_get0_nextUpdate(r->crl), until));
	printf("crl = " AUTHORITY_CRL "\n");
}

/* revoked may be NULL. */
static int write_crl(const struct invocation *inv, X509 *revoked)
{
	const char *dir = directory(inv);
	struct revocation r = {.crl = NULL};
	struct authority ca;
	unsigned days = CRL_DAYS;
	struct fault f;
	int err;

	if (!take_days(inv, &days))
		return refuse_days(inv);
	err = authority_open(&ca, dir, &f);
	if (err)
		return cli_fail(inv, f.text);
	err = revocation_write(&r, &ca, revoked, days, &f);
	if (!err)
		print_crl(inv, &r, dir);
	revocation_free(&r);
	authority_free(&ca);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}

int pki_crl_command(const struct invocation *inv)
{
	privileges_harden();
	return write_crl(inv, NULL);
}

int pki_revoke_command(const struct invocation *inv)
{
	X509 *cert;
	struct fault f;
	int status;

	privileges_harden();
	if (pem_read_cert(word(inv, "cert"), &cert, &f))
		return cli_fail(inv, f.text);
	status = write_crl(inv, cert);
	X509_free(cert);
	return status;
}

/* ---- pki show ---- */

static void print_item(const cJSON *item)
{
	const cJSON *entry;

	if (cJSON_IsString(item) && item->valuestring[0])
		printf("%-10s %s\n", item->string, item->valuestring);
	else if (cJSON_IsBool(item))
		printf("%-10s %s\n", item->string, cJSON_IsTrue(item) ? "yes" : "no");
	else if (cJSON_IsNumber(item))
		printf("%-10s %.0f\n", item->string, item->valuedouble);
	else if (cJSON_IsArray(item))
		cJSON_ArrayForEach(entry, item)
			printf("%-10s %s since %s\n", item->string, json_text(entry, "serial"),
			       json_text(entry, "since"));
}

static void print_view(const cJSON *view)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, view)
		print_item(item);
}

int pki_show_command(const struct invocation *inv)
{
	const char *path = word(inv, "file");
	X509_CRL *crl = NULL;
	X509 *cert;
	struct fault f;
	cJSON *view;
	int err = pem_read_cert(path, &cert, &f);

	if (err == -EINVAL && pem_read_crl(path, &crl, NULL))
		fault(&f, EINVAL, "%s: there is neither a certificate nor a CRL in it: PEM is expected", path);
	if (!cert && !crl)
		return cli_fail(inv, f.text);
	view = cert ? cert_view(cert) : crl_view(crl);
	if (inv->json)
		json_print(view, inv->pretty);
	else
		print_view(view);
	cJSON_Delete(view);
	X509_free(cert);
	X509_CRL_free(crl);
	return EXIT_SUCCESS;
}
