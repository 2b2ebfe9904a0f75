/* SPDX-License-Identifier: BSD-2-Clause */
#include "host_certificate.h"

#include <errno.h>
#include <stdio.h>

#include "certificate.h"
#include "pem_file.h"

#define DAYS_DEFAULT 365

void host_certificate_free(struct host_certificate *host)
{
	X509_free(host->cert);
	*host = (struct host_certificate){0};
}

/* Whom nobody would believe any more is not signed for longer. */
static int choose_days(const struct authority *ca, unsigned *days, struct fault *f)
{
	char until[CERT_TIME_TEXT];
	int left = 0, seconds;

	if (!ASN1_TIME_diff(&left, &seconds, NULL, X509_get0_notAfter(ca->cert)) || left < 1)
		return fault(f, EINVAL, "the CA has less than a day left: make another one, in another directory");
	if (!*days)
		*days = left < DAYS_DEFAULT ? (unsigned)left : DAYS_DEFAULT;
	if (*days <= (unsigned)left)
		return 0;
	return fault(f, EINVAL, "days %u: the CA ends before, on %s: at most 'days %d', or make another CA", *days,
		     cert_time_text(X509_get0_notAfter(ca->cert), until), left);
}

static bool sign(X509 *cert, const struct authority *ca, GENERAL_NAMES *names)
{
	return X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) &&
	       cert_extend(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
	       cert_extend(cert, ca->cert, NID_key_usage, "critical,digitalSignature") &&
	       cert_extend(cert, ca->cert, NID_ext_key_usage, "ipsecIKE") &&
	       cert_extend(cert, ca->cert, NID_subject_key_identifier, "hash") &&
	       cert_extend(cert, ca->cert, NID_authority_key_identifier, "keyid:always") &&
	       X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1 &&
	       X509_sign(cert, ca->key, EVP_sha384());
}

static int write_files(const struct host_certificate *host, const struct authority *ca, EVP_PKEY *key, struct fault *f)
{
	char cert_path[PKI_PATH_MAX], key_path[PKI_PATH_MAX];
	int err = authority_path(ca, host->cert_file, cert_path, f);

	if (!err)
		err = authority_path(ca, host->key_file, key_path, f);
	return err ? err : pem_write_pair(cert_path, host->cert, key_path, key, f);
}

static int make(struct host_certificate *host, const struct authority *ca, GENERAL_NAMES *names, unsigned days,
		struct fault *f)
{
	EVP_PKEY *key = EVP_EC_gen(CERT_CURVE);
	int err = 0;

	host->cert = key ? cert_new(key, host->name, days) : NULL;
	if (!host->cert || !sign(host->cert, ca, names))
		err = openssl_fault(f, host->name);
	if (!err)
		err = write_files(host, ca, key, f);
	EVP_PKEY_free(key);
	return err;
}

int host_certificate_make(struct host_certificate *host, const struct authority *ca, const char *names, unsigned days,
			  struct fault *f)
{
	GENERAL_NAMES *parsed;
	int err;

	*host = (struct host_certificate){0};
	err = choose_days(ca, &days, f);
	if (err)
		return err;
	parsed = alt_names_parse(names, host->name, f);
	if (!parsed)
		return -EINVAL;
	snprintf(host->cert_file, sizeof(host->cert_file), "%s.crt", host->name);
	snprintf(host->key_file, sizeof(host->key_file), "%s.key", host->name);
	err = make(host, ca, parsed, days, f);
	GENERAL_NAMES_free(parsed);
	return err;
}
