/* SPDX-License-Identifier: BSD-2-Clause */
/* A CA in memory, and certificates of it for two hosts: EC P-384. */
#ifndef TESTS_IKE_PKI_H
#define TESTS_IKE_PKI_H

#include <openssl/x509.h>
#include <stdint.h>

#include "world.h"

struct pki {
	EVP_PKEY *key;
	X509 *ca;
};

void pki_init(struct pki *pki, int64_t now);
void pki_free(struct pki *pki);

/* The connection of that host by certificate: a leaf that names "hostN.example", its key in the host's ring, the CA as
 * trust. */
void pki_use(struct pki *pki, struct world *w, int host, struct connection_config *c, int64_t not_before,
	     int64_t not_after);

#endif
