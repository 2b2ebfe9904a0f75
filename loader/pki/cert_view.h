/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in a certificate or a CRL, for people: an object whose values are texts and numbers, the caller's to delete.
 */
#ifndef LOADER_PKI_CERT_VIEW_H
#define LOADER_PKI_CERT_VIEW_H

#include <openssl/x509.h>

#include "lib/json.h"

/* {"kind": "certificate", "subject", "issuer", "names", "ca", "key", "use", "from", "until", "days_left", "serial",
 * "sha256"} */
cJSON *cert_view(X509 *cert);

/* {"kind": "crl", "issuer", "from", "until", "days_left", "number", "revoked": [{"serial", "since"}]} */
cJSON *crl_view(X509_CRL *crl);

#endif
