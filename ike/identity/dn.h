/* SPDX-License-Identifier: BSD-2-Clause */
/* Distinguished names, in DER: what is in an identity of type ID_DER_ASN1_DN. */
#ifndef IKE_IDENTITY_DN_H
#define IKE_IDENTITY_DN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/fault.h"

/* "CN=host, O=Example" or "/CN=host/O=Example". Its size in DER, at most room, or -EINVAL. */
int dn_from_text(uint8_t *der, size_t room, const char *text, struct fault *f);

/* RFC 4514, most specific part last as certificates have it. False if it is no DN. */
bool dn_text(const uint8_t *der, size_t der_size, char *buf, size_t size);

/* By their parts as X.500 compares them: case and spaces don't count. */
bool dn_equal(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size);

/* Part by part, where "*" as a value allows any. */
bool dn_matches(const uint8_t *der, size_t size, const char *pattern);

#endif
