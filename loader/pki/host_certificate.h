/* SPDX-License-Identifier: BSD-2-Clause */
/* What proves a host to another: a key, and a certificate that IKE takes (RFC 4945 section 5.1.3) and nobody else. */
#ifndef LOADER_PKI_HOST_CERTIFICATE_H
#define LOADER_PKI_HOST_CERTIFICATE_H

#include "alt_names.h"
#include "authority.h"

struct host_certificate {
	char name[FIRST_NAME_MAX + 1]; /* the first of its names */
	char cert_file[FIRST_NAME_MAX + 8];
	char key_file[FIRST_NAME_MAX + 8]; /* without the directory */
	X509 *cert;
};

/*
 * Makes NAME.key and NAME.crt in the authority's directory, by the first of the names ("host1.example,192.0.2.1"),
 * valid for so many days, or 0: a year, or as long as the authority if that is shorter. 0; -EINVAL: the names, or the
 * days; or -errno. host_certificate_free() in any case.
 */
int host_certificate_make(struct host_certificate *host, const struct authority *ca, const char *names, unsigned days,
			  struct fault *f);
void host_certificate_free(struct host_certificate *host);

#endif
