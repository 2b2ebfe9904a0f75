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
	const struct pki *above; /* who vouches for it, and must be there as long; NULL: itself */
	unsigned padding;	 /* bytes of comment in the certificates that follow: so that messages are split */
	const char *alt_names;	 /* in front of the host's own, with a comma behind; NULL: none */
	const char *key_usage;	 /* of those that follow; NULL: none said */
	X509 *last;		 /* the leaf that was made last */
	char *last_key;		 /* PEM of its private key */
	char *crl;		 /* PEM, for the trust of who is configured next; NULL: none */
};

void pki_init(struct pki *pki, int64_t now);
/* One that another CA vouches for, and whose certificate is that one's last. */
void pki_init_under(struct pki *pki, struct pki *root, int64_t now);
void pki_free(struct pki *pki);

/* The connection of that host by certificate: a leaf that names "hostN.example", its key in the host's ring, the CA as
 * trust; of a CA under others the topmost one, and those between are sent with the leaf. */
void pki_use(struct pki *pki, struct world *w, int host, struct connection_config *c, int64_t not_before,
	     int64_t not_after);

/* PEM of a certificate, or (cert NULL) of a private key; the caller's to free. */
char *pki_pem(X509 *cert, EVP_PKEY *key);

/* Makes pki->crl: revokes the last leaf, or nothing. From a day before now to next_update. */
void pki_make_crl(struct pki *pki, bool revoke, int64_t now, int64_t next_update);

#endif
