/* SPDX-License-Identifier: BSD-2-Clause */
/* X.509 for IKE (RFC 4945): a connection's own certificate, its trust anchors and CRLs, and whether a peer's chain
 * holds. */
#ifndef IKE_IDENTITY_CERTS_H
#define IKE_IDENTITY_CERTS_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "lib/fault.h"
#include "cert_chain.h"
#include "identity.h"
#include "wire/message.h"

/* Of a peer's certificates so many are looked at. */
#define CERTS_MAX 8

/* Own: what goes out in CERT payloads. Shared by the connections whose file it is of. */
struct credentials {
	unsigned shares;
	X509 *cert;
	uint8_t *der[CERTS_MAX]; /* leaf first, then what else the file has of its chain (without self-signed roots);
			    malloc'd by OpenSSL */
	int der_size[CERTS_MAX];
	unsigned count;
};

/* PEM in memory. 0, -EINVAL with the key of the file and what is wrong ("cert: there is no certificate in it", or it is
 * cut off or damaged anywhere), -ENOMEM. */
int credentials_load(struct credentials **c, const char *pem, struct fault *f);
/* crl_pem may be NULL: no revocation check. With one, a chain whose CRL is missing or out of date is refused. */
int trust_load(struct trust **t, const char *ca_pem, const char *crl_pem, struct fault *f);

/* One more has it, and is to give it back by the next; returns it. */
struct credentials *credentials_share(struct credentials *c);
struct trust *trust_share(struct trust *t);
/* Frees it with the last who has it. NULL is nothing to do. */
void credentials_free(struct credentials *c);
void trust_free(struct trust *t);

/* EVP_PKEY_EC or EVP_PKEY_RSA, and its bits (P-384: 384). */
int credentials_key_type(const struct credentials *c, int *bits);

/* CERTREQ: encoding and the SHA-1 of each anchor's SubjectPublicKeyInfo (RFC 7296 section 3.7). Written as one payload.
 */
void certreq_write(struct body *b, const struct trust *t);

/* CERT payloads, leaf first. */
void certs_write(struct body *b, const struct credentials *c);

/*
 * The peer's leaf certificate from the CERT payloads of m: verified up to t's anchors with the other CERTs as help, at
 * the given time (seconds since the epoch) and for what it is to be used (cert_chain.h), and it says that it is id:
 * subjectAltName for IP, FQDN and email (FQDN: also one wildcard label in the certificate is NOT taken); the subject
 * for a DN. *key is the public key, the caller's to EVP_PKEY_free; *kept the caller's to peer_certs_free. 0, or -errno
 * with the reason in words ("certificate CN=... has expired ...", "has been revoked ...", "is not issued by the CA
 * ...", "does not name host.example").
 */
int certs_verify(const struct message *m, const struct trust *t, const struct identity *id, int64_t now, EVP_PKEY **key,
		 struct peer_certs *kept, struct fault *f);

/* Whether these hold still, by anchors and CRLs that may be others than before: until is set anew. Returns as
 * chain_verify (cert_chain.h). */
int peer_certs_verify(struct peer_certs *certs, const struct trust *t, int64_t now, struct fault *f);

/* Whether our own chain holds at that time, as a peer with the same trust would see it. Returns as
 * chain_verify (cert_chain.h). */
int credentials_verify(const struct credentials *c, const struct trust *t, int64_t now, struct fault *f);

bool credentials_expired(const struct credentials *c, int64_t now);
/* Whether both prove the same: certificates and their order. NULL: none. */
bool credentials_equal(const struct credentials *a, const struct credentials *b);

/* The identity a certificate gives by itself: its subject as a DN. 0 or -EINVAL. */
int credentials_identity(const struct credentials *c, struct identity *id);
/* Whether our own certificate names id. */
bool credentials_name(const struct credentials *c, const struct identity *id);

#endif
