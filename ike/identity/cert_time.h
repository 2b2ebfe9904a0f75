/* SPDX-License-Identifier: BSD-2-Clause */
/* Times as certificates and CRLs have them. */
#ifndef IKE_IDENTITY_CERT_TIME_H
#define IKE_IDENTITY_CERT_TIME_H

#include <openssl/asn1.h>
#include <stdint.h>

/* Seconds since the epoch; 0: it is none, or NULL. */
int64_t time_seconds(const ASN1_TIME *t);

#endif
