/* SPDX-License-Identifier: BSD-2-Clause */
/* Distinguished names as identities (ID_DER_ASN1_DN). */
#ifndef IKE_DN_H
#define IKE_DN_H

#include "identity.h"

/* "CN=host, O=Example" or "/CN=host/O=Example". 0 or -EINVAL. */
int dn_from_text(struct identity *id, const char *text, struct fault *f);

/* RFC 4514, most specific part last as certificates have it. False if it is no DN. */
bool dn_text(const struct identity *id, char *buf, size_t size);

/* By their parts as X.500 compares them: case and spaces don't count. */
bool dn_equal(const struct identity *a, const struct identity *b);

/* Part by part, where "*" as a value allows any. */
bool dn_matches(const struct identity *id, const char *pattern);

#endif
