/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of a host, as its certificate has them (RFC 5280 section 4.2.1.6), and as IKE compares them (RFC 4945). */
#ifndef LOADER_PKI_ALT_NAMES_H
#define LOADER_PKI_ALT_NAMES_H

#include <openssl/x509v3.h>

#include "lib/fault.h"

/* The first name is the subject's common name too, for which X.520 has 64 characters. */
#define FIRST_NAME_MAX 64
/* And OpenSSL of the whole. */
#define NAMES_TEXT_MAX 1024

/*
 * "host1.example,192.0.2.1,ops@example": host names, IPv4 addresses and email addresses. first: the first of them. The
 * names are the caller's to GENERAL_NAMES_free; NULL: one is none of these, and f tells which.
 */
GENERAL_NAMES *alt_names_parse(const char *text, char first[FIRST_NAME_MAX + 1], struct fault *f);

/* The same the other way, with ", " between them; what is of another kind is left out, and what is not printable '?'.
 */
void alt_names_text(const GENERAL_NAMES *names, char *buf, size_t size);

#endif
