/* SPDX-License-Identifier: BSD-2-Clause */
/* X.509 certificates (RFC 5280) as they begin: what is the same in an authority's and in a host's. */
#ifndef LOADER_PKI_CERTIFICATE_H
#define LOADER_PKI_CERTIFICATE_H

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

/* As strong as the group that IKE has. */
#define CERT_CURVE "P-384"
/* X.520's bound of a common name. */
#define CERT_NAME_MAX  64
#define CERT_TIME_TEXT 32
/* What is made now is valid so long already: clocks of hosts differ. Seconds. */
#define CERT_BACKDATED 3600

/*
 * For that public key: a serial number of 159 random bits, a subject with that common name, valid for so many days from
 * now on. The issuer, the extensions and the signature are the caller's to add, and the certificate is to be freed.
 * NULL: OpenSSL tells why.
 */
X509 *cert_new(EVP_PKEY *key, const char *name, unsigned days);

/* Adds an extension, in the words of x509v3_config(5). issuer: whose key identifier may be asked for. */
bool cert_extend(X509 *cert, X509 *issuer, int nid, const char *value);

/* "2027-11-29 09:00 UTC" */
const char *cert_time_text(const ASN1_TIME *t, char buf[CERT_TIME_TEXT]);

#endif
