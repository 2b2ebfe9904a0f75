/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A certification authority in a directory: ca.key, ca.crt and, once something was revoked, ca.crl. It is for hosts
 * that IKE is to know (RFC 4945), and for nothing else: ECDSA on P-384 with SHA-384, no authority below it.
 */
#ifndef LOADER_PKI_AUTHORITY_H
#define LOADER_PKI_AUTHORITY_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "lib/fault.h"

#define PKI_PATH_MAX 512

#define AUTHORITY_CERT "ca.crt"
#define AUTHORITY_KEY  "ca.key"
#define AUTHORITY_CRL  "ca.crl"

struct authority {
	const char *dir; /* the caller's */
	X509 *cert;
	EVP_PKEY *key;
};

/* Makes one in that directory, which is made if it is not there: it is valid from an hour ago on, for so many days.
 * name: its subject's common name; NULL: one that no other has. 0 or -errno; -EEXIST: there is one, which stays as it
 * is. */
int authority_make(struct authority *ca, const char *dir, const char *name, unsigned days, struct fault *f);

/* The one that is there. -errno also when its key is not its certificate's, or its time is over. */
int authority_open(struct authority *ca, const char *dir, struct fault *f);

void authority_free(struct authority *ca);

/* The path of one of its files. */
int authority_path(const struct authority *ca, const char *name, char path[PKI_PATH_MAX], struct fault *f);

#endif
