/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a chain of certificates holds, and what its leaf is for: RFC 5280 as OpenSSL has it, strictly, at its
 * security level 2 (112 bits: no RSA under 2048, nothing that SHA-1 has signed), and RFC 4945 section 5.1.3.
 */
#ifndef IKE_CERT_CHAIN_H
#define IKE_CERT_CHAIN_H

#include "certs.h"

/*
 * From leaf, with what else the peer has sent to help, up to one of t's anchors, at that time (seconds since the
 * epoch). kept, unless NULL: what has led there, the caller's to peer_certs_free.
 * 0; -EKEYREVOKED; -EKEYREJECTED: a certificate is wrong in itself; -EACCES: whatever else. The fault names the
 * certificate and the remedy.
 */
int chain_verify(X509 *leaf, STACK_OF(X509) * others, const struct trust *t, int64_t now, struct peer_certs *kept,
		 struct fault *f);

/* Whether it may prove a host to another: key usage and extended key usage. 0; -EKEYREJECTED as above. */
int leaf_check_usage(X509 *leaf, struct fault *f);

/* The subject, as identity_text has it. */
void cert_subject(X509 *cert, char *buf, size_t size);

#endif
