/* SPDX-License-Identifier: BSD-2-Clause */
/* An authority's CRL (RFC 5280 section 5): made anew each time, with all that was in the one before. */
#ifndef LOADER_PKI_REVOCATION_H
#define LOADER_PKI_REVOCATION_H

#include <stdbool.h>

#include "authority.h"

struct revocation {
	X509_CRL *crl; /* as it is now on the disk */
	bool already;  /* the certificate was in it before */
};

/*
 * Writes ca.crl, good for so many days from now on, and adds the certificate to it, unless that is NULL. 0; -EINVAL: it
 * is not the authority's, or the CRL that is there is not; or -errno, and the file is as before. revocation_free() in
 * any case.
 */
int revocation_write(struct revocation *r, const struct authority *ca, X509 *revoked, unsigned days, struct fault *f);
void revocation_free(struct revocation *r);

#endif
