/* SPDX-License-Identifier: BSD-2-Clause */
#include "authority.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certificate.h"
#include "pem_file.h"

int authority_path(const struct authority *ca, const char *name, char path[PKI_PATH_MAX], struct fault *f)
{
	const bool here = strcmp(ca->dir, ".") == 0;

	if (snprintf(path, PKI_PATH_MAX, "%s%s%s", here ? "" : ca->dir, here ? "" : "/", name) < PKI_PATH_MAX)
		return 0;
	return fault(f, ENAMETOOLONG, "%.100s...: %s", ca->dir, strerror(ENAMETOOLONG));
}

void authority_free(struct authority *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	*ca = (struct authority){0};
}

/* ---- a new one ---- */

/* Two authorities of one name would be taken for each other. */
static int own_name(char name[CERT_NAME_MAX + 1], struct fault *f)
{
	unsigned char random[4];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return openssl_fault(f, "random");
	snprintf(name, CERT_NAME_MAX + 1, "xdp-ipsec CA %02x%02x%02x%02x", random[0], random[1], random[2], random[3]);
	return 0;
}

static int sign_itself(struct authority *ca, const char *name, unsigned days, struct fault *f)
{
	ca->key = EVP_EC_gen(CERT_CURVE);
	ca->cert = ca->key ? cert_new(ca->key, name, days) : NULL;
	if (!ca->cert || !X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert)) ||
	    !cert_extend(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
	    !cert_extend(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
	    !cert_extend(ca->cert, ca->cert, NID_subject_key_identifier, "hash") ||
	    !X509_sign(ca->cert, ca->key, EVP_sha384()))
		return openssl_fault(f, "making the CA");
	return 0;
}

static int make_directory(const char *dir, struct fault *f)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	return fault(f, errno, "%s: %s", dir, strerror(errno));
}

static int write_files(const struct authority *ca, struct fault *f)
{
	char key[PKI_PATH_MAX], cert[PKI_PATH_MAX];
	int err = authority_path(ca, AUTHORITY_KEY, key, f);

	if (!err)
		err = authority_path(ca, AUTHORITY_CERT, cert, f);
	return err ? err : pem_write_pair(cert, ca->cert, key, ca->key, f);
}

int authority_make(struct authority *ca, const char *dir, const char *name, unsigned days, struct fault *f)
{
	char own[CERT_NAME_MAX + 1];
	int err = name ? 0 : own_name(own, f);

	*ca = (struct authority){.dir = dir};
	if (!err)
		err = sign_itself(ca, name ? name : own, days, f);
	if (!err)
		err = make_directory(dir, f);
	if (!err)
		err = write_files(ca, f);
	if (err)
		authority_free(ca);
	return err;
}

/* ---- one that is there ---- */

static int check(const struct authority *ca, const char *cert, const char *key, struct fault *f)
{
	char until[CERT_TIME_TEXT];

	if (!X509_check_private_key(ca->cert, ca->key)) {
		ERR_clear_error();
		return fault(f, EINVAL, "%s: the private key is not that of %s", key, cert);
	}
	if (!X509_check_ca(ca->cert))
		return fault(f, EINVAL, "%s: is no CA's: 'xdp-ipsec pki ca' makes one", cert);
	if (X509_cmp_current_time(X509_get0_notAfter(ca->cert)) < 0)
		return fault(f, EINVAL, "%s: expired on %s: make another CA, in another directory", cert,
			     cert_time_text(X509_get0_notAfter(ca->cert), until));
	return 0;
}

int authority_open(struct authority *ca, const char *dir, struct fault *f)
{
	char cert[PKI_PATH_MAX], key[PKI_PATH_MAX];
	int err;

	*ca = (struct authority){.dir = dir};
	err = authority_path(ca, AUTHORITY_CERT, cert, f);
	if (!err)
		err = authority_path(ca, AUTHORITY_KEY, key, f);
	if (!err)
		err = pem_read_cert(cert, &ca->cert, f);
	if (err == -ENOENT)
		err = fault(f, ENOENT, "there is no CA in %s: 'xdp-ipsec pki ca %s' makes one", dir, dir);
	if (!err)
		err = pem_read_key(key, &ca->key, f);
	if (!err)
		err = check(ca, cert, key, f);
	if (err)
		authority_free(ca);
	return err;
}
