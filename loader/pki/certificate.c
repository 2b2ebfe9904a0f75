/* SPDX-License-Identifier: BSD-2-Clause */
#include "certificate.h"

#include <openssl/bn.h>
#include <stdio.h>
#include <time.h>

/* RFC 5280 section 4.1.2.2: positive, 20 bytes at most; and so random that nobody can choose what is signed. */
#define SERIAL_BITS 159

static bool set_serial(X509 *cert)
{
	BIGNUM *number = BN_new();
	const bool set = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
			 BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));

	BN_free(number);
	return set;
}

static bool set_times(X509 *cert, unsigned days)
{
	return X509_gmtime_adj(X509_getm_notBefore(cert), -CERT_BACKDATED) &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0, NULL);
}

X509 *cert_new(EVP_PKEY *key, const char *name, unsigned days)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) && set_times(cert, days) &&
	    X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, MBSTRING_UTF8,
				       (const unsigned char *)name, -1, -1, 0) &&
	    X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

bool cert_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	bool added;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	added = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return added;
}

const char *cert_time_text(const ASN1_TIME *t, char buf[CERT_TIME_TEXT])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(buf, CERT_TIME_TEXT, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(buf, CERT_TIME_TEXT, "?");
	return buf;
}
