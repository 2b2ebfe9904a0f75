/* SPDX-License-Identifier: BSD-2-Clause */
#include "revocation.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "certificate.h"
#include "pem_file.h"

void revocation_free(struct revocation *r)
{
	X509_CRL_free(r->crl);
	*r = (struct revocation){0};
}

/* The CRL before this one, if there is one. */
static int read_old(const struct authority *ca, const char *path, X509_CRL **old, struct fault *f)
{
	int err = pem_read_crl(path, old, f);

	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	if (X509_CRL_verify(*old, ca->key) == 1)
		return 0;
	ERR_clear_error();
	X509_CRL_free(*old);
	*old = NULL;
	return fault(f, EINVAL, "%s is not signed by this CA: move it away, and revoke anew what is in it", path);
}

static int check_issued(const struct authority *ca, X509 *cert, struct fault *f)
{
	if (X509_cmp(cert, ca->cert) == 0)
		return fault(f, EINVAL,
			     "that is the CA itself: take " AUTHORITY_CERT " from the hosts, and make another one");
	if (X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(ca->cert)) == 0 &&
	    X509_verify(cert, ca->key) == 1)
		return 0;
	ERR_clear_error();
	return fault(f, EINVAL, "the certificate is not issued by the CA in %s", ca->dir);
}

static bool set_times(X509_CRL *crl, unsigned days)
{
	ASN1_TIME *begin = X509_gmtime_adj(NULL, -CERT_BACKDATED);
	ASN1_TIME *end = X509_time_adj_ex(NULL, (int)days, 0, NULL);
	const bool set = begin && end && X509_CRL_set1_lastUpdate(crl, begin) && X509_CRL_set1_nextUpdate(crl, end);

	ASN1_TIME_free(begin);
	ASN1_TIME_free(end);
	return set;
}

/* RFC 5280 section 5.2.3: each is greater than the one before. */
static bool set_number(X509_CRL *crl, const X509_CRL *old)
{
	ASN1_INTEGER *before = old ? X509_CRL_get_ext_d2i(old, NID_crl_number, NULL, NULL) : NULL;
	BIGNUM *number = before ? ASN1_INTEGER_to_BN(before, NULL) : BN_new();
	ASN1_INTEGER *after = number && BN_add_word(number, 1) ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
	const bool set = after && X509_CRL_add1_ext_i2d(crl, NID_crl_number, after, 0, X509V3_ADD_DEFAULT) == 1;

	ASN1_INTEGER_free(before);
	ASN1_INTEGER_free(after);
	BN_free(number);
	return set;
}

static bool set_authority(X509_CRL *crl, const struct authority *ca)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	bool set;

	X509V3_set_ctx(&ctx, ca->cert, NULL, NULL, crl, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	set = extension && X509_CRL_add_ext(crl, extension, -1);
	X509_EXTENSION_free(extension);
	return set;
}

static bool copy_entries(X509_CRL *crl, X509_CRL *old)
{
	STACK_OF(X509_REVOKED) *entries = old ? X509_CRL_get_REVOKED(old) : NULL;

	for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
		X509_REVOKED *copy = X509_REVOKED_dup(sk_X509_REVOKED_value(entries, i));

		if (!copy || !X509_CRL_add0_revoked(crl, copy)) {
			X509_REVOKED_free(copy);
			return false;
		}
	}
	return true;
}

static bool add_entry(X509_CRL *crl, X509 *cert)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
	const bool added = entry && now && X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert)) &&
			   X509_REVOKED_set_revocationDate(entry, now) && X509_CRL_add0_revoked(crl, entry);

	ASN1_TIME_free(now);
	if (!added)
		X509_REVOKED_free(entry);
	return added;
}

static X509_CRL *make(const struct authority *ca, X509_CRL *old, X509 *add, unsigned days)
{
	X509_CRL *crl = X509_CRL_new();

	if (crl && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)) && set_times(crl, days) &&
	    set_number(crl, old) && set_authority(crl, ca) && copy_entries(crl, old) && (!add || add_entry(crl, add)) &&
	    X509_CRL_sort(crl) && X509_CRL_sign(crl, ca->key, EVP_sha384()))
		return crl;
	X509_CRL_free(crl);
	return NULL;
}

int revocation_write(struct revocation *r, const struct authority *ca, X509 *revoked, unsigned days, struct fault *f)
{
	X509_CRL *old = NULL;
	X509_REVOKED *found;
	char path[PKI_PATH_MAX];
	int err = authority_path(ca, AUTHORITY_CRL, path, f);

	*r = (struct revocation){0};
	if (!err && revoked)
		err = check_issued(ca, revoked, f);
	if (!err)
		err = read_old(ca, path, &old, f);
	if (err)
		return err;
	r->already = old && revoked && X509_CRL_get0_by_serial(old, &found, X509_get_serialNumber(revoked));
	r->crl = make(ca, old, r->already ? NULL : revoked, days);
	err = r->crl ? pem_replace_crl(path, r->crl, f) : openssl_fault(f, path);
	X509_CRL_free(old);
	return err;
}
