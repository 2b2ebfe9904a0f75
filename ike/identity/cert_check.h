/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a peer has proven itself by a certificate: its chain, what that names, and the signature of AUTH. All that
 * the verdict depends on is in one struct, so that another process can find it, too: that struct and the verdict can be
 * written and read.
 */
#ifndef IKE_IDENTITY_CERT_CHECK_H
#define IKE_IDENTITY_CERT_CHECK_H

#include "auth.h"
#include "certs.h"

struct cert_check {
	const struct trust *trust;
	struct identity id;
	struct auth auth;
	struct chunk octets;
	struct chunk certs[CERTS_MAX]; /* bodies of CERT payloads */
	unsigned count;
	int64_t now; /* seconds since the epoch */
};

/* What of it the peer's message has. Chunks point to where m and the others do. */
void cert_check_take(struct cert_check *c, const struct message *m);

struct cert_verdict {
	int err;	/* 0, or -errno: not proven */
	bool certified; /* the certificate is good for that identity, whatever the signature is */
	struct peer_certs certs;
	struct fault why;
};

/* *v is the caller's to cert_verdict_free(). */
void cert_check(const struct cert_check *c, struct cert_verdict *v);
void cert_verdict_free(struct cert_verdict *v);

/*
 * First what the verdict is about, *about bytes of it; then the time, and what is in the files of the trust. The second
 * says no more than the first to who remembers verdicts for seconds. malloc'd; NULL: no memory.
 */
uint8_t *cert_check_write(const struct cert_check *c, size_t *about, size_t *size);

/* The same, read: the trust by its digest, and as texts that end with a NUL (crl NULL: none). */
struct cert_check_files {
	uint8_t digest[TRUST_DIGEST_SIZE];
	const char *ca;
	const char *crl;
};
bool cert_check_read(struct cert_check *c, struct cert_check_files *files, const uint8_t *data, size_t size);

/* malloc'd; NULL: no memory. */
uint8_t *cert_verdict_write(const struct cert_verdict *v, size_t *size);
/* False: it is none. */
bool cert_verdict_read(struct cert_verdict *v, const uint8_t *data, size_t size);

#endif
