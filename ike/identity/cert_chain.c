/* SPDX-License-Identifier: BSD-2-Clause */
#include "cert_chain.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "cert_time.h"
#include "identity.h"

#define SECURITY_LEVEL 2

void cert_subject(X509 *cert, char *buf, size_t size)
{
	struct identity id = {.type = ID_DER_ASN1_DN};
	uint8_t *der = NULL;
	const int n = i2d_X509_NAME(X509_get_subject_name(cert), &der);

	snprintf(buf, size, "?");
	if (n > 0 && n <= IDENTITY_MAX) {
		id.size = (uint16_t)n;
		memcpy(id.data, der, (size_t)n);
		identity_text(&id, buf, size);
	}
	OPENSSL_free(der);
}

/* ---- why not, in words ---- */

static const struct {
	int error;
	int err;	  /* EACCES, EKEYREVOKED, EKEYREJECTED */
	const char *text; /* behind "certificate 'CN=...' " */
} words[] = {
	{X509_V_ERR_CERT_HAS_EXPIRED, EACCES, "has expired: its host needs a new one"},
	{X509_V_ERR_CERT_NOT_YET_VALID, EACCES, "is not valid yet: compare the clocks"},
	{X509_V_ERR_CERT_REVOKED, EKEYREVOKED, "has been revoked: its host needs a new one"},
	{X509_V_ERR_UNABLE_TO_GET_CRL, EACCES,
	 "cannot be looked up: there is no CRL of the CA that issued it: add that to crl"},
	{X509_V_ERR_CRL_HAS_EXPIRED, EACCES, "cannot be looked up: the CRL of its CA is out of date: get a new one"},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, EACCES, "is not issued by the CA that is configured"},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, EACCES, "is not issued by the CA that is configured"},
	{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, EACCES, "is not issued by the CA that is configured"},
	{X509_V_ERR_CERT_SIGNATURE_FAILURE, EACCES, "is not issued by the CA that is configured"},
	{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, EACCES, "is not issued by the CA that is configured"},
	{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, EACCES, "is not issued by the CA that is configured"},
	{X509_V_ERR_INVALID_CA, EKEYREJECTED,
	 "has issued another one and is no CA's: take one whose basicConstraints say CA:TRUE"},
	{X509_V_ERR_CA_CERT_MISSING_KEY_USAGE, EKEYREJECTED,
	 "is a CA's without key usage, against RFC 5280: make it anew, with keyCertSign and cRLSign"},
	{X509_V_ERR_CA_BCONS_NOT_CRITICAL, EKEYREJECTED,
	 "is a CA's whose basicConstraints are not critical, against RFC 5280: make it anew"},
	{X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, EKEYREJECTED,
	 "has a critical extension that is not known here: make it anew without, or not critical"},
};

static int refuse_weak(X509 *cert, int error, const char *subject, struct fault *f)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	int digest = NID_undef;

	if (error == X509_V_ERR_CA_MD_TOO_WEAK) {
		X509_get_signature_info(cert, &digest, NULL, NULL, NULL);
		return fault(f, EKEYREJECTED,
			     "certificate '%.200s' is signed with %s, which can be forged: let its CA sign it with "
			     "SHA-2",
			     subject, digest == NID_undef ? "what is not known here" : OBJ_nid2sn(digest));
	}
	return fault(f, EKEYREJECTED,
		     "certificate '%.200s' has a key of %d bits, which is too short: make it anew with EC P-384, P-256 "
		     "or RSA of 2048 bits or more",
		     subject, key ? EVP_PKEY_get_bits(key) : 0);
}

static int refuse(X509 *cert, int error, struct fault *f)
{
	char subject[IDENTITY_TEXT];

	cert_subject(cert, subject, sizeof(subject));
	switch (error) {
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return refuse_weak(cert, error, subject, f);
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].error == error)
			return fault(f, words[i].err, "certificate '%.200s' %s", subject, words[i].text);
	return fault(f, EKEYREJECTED, "certificate '%.200s': %s: make it anew", subject,
		     X509_verify_cert_error_string(error));
}

/* ---- the chain ---- */

/* The chain found no end among the anchors. */
static bool has_no_anchor(int error)
{
	return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	       error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE || error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
}

/* Whom the error is about: that a chain does not hold together, or cannot be looked up, is said of the leaf. */
static X509 *culprit(X509_STORE_CTX *ctx, X509 *leaf)
{
	const int error = X509_STORE_CTX_get_error(ctx);
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);

	if (!cert || has_no_anchor(error) || error == X509_V_ERR_CERT_SIGNATURE_FAILURE)
		return leaf;
	return cert;
}

static bool is_anchor(X509_STORE_CTX *ctx)
{
	return X509_STORE_CTX_get_error_depth(ctx) == sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;
}

static bool is_forgiven(X509_STORE_CTX *ctx)
{
	switch (X509_STORE_CTX_get_error(ctx)) {
	/* Each certificate is looked up in the CRLs that there are. The leaf's issuer must have one; without one of a
	 * CA further up, nothing is known against who it issued. */
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return X509_STORE_CTX_get_error_depth(ctx) > 0;
	/* They help to find the way, and prove nothing (RFC 4945 sections 5.1.3.1 and 5.1.3.2). */
	case X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER:
	case X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER:
		return true;
	/* The anchor is trusted because our file has it, whatever it says of itself. */
	case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
	case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
		return is_anchor(ctx);
	}
	return false;
}

static int on_verdict(int ok, X509_STORE_CTX *ctx)
{
	if (ok || !is_forgiven(ctx))
		return ok;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static int64_t first_end(STACK_OF(X509) * chain)
{
	int64_t first = INT64_MAX;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		const int64_t end = time_seconds(X509_get0_notAfter(sk_X509_value(chain, i)));

		if (end < first)
			first = end;
	}
	return first;
}

static int append(struct peer_certs *kept, X509 *cert)
{
	const int size = i2d_X509(cert, NULL);
	uint8_t *der = size > 0 ? realloc(kept->der, kept->size + (size_t)size) : NULL, *at;

	if (!der)
		return -ENOMEM;
	kept->der = der;
	at = der + kept->size;
	i2d_X509(cert, &at);
	kept->size += (size_t)size;
	return 0;
}

static int keep(struct peer_certs *kept, STACK_OF(X509) * chain, int count, int64_t until)
{
	int err = 0;

	*kept = (struct peer_certs){.until = until};
	for (int i = 0; i < count && !err; i++)
		err = append(kept, sk_X509_value(chain, i));
	if (err)
		peer_certs_free(kept);
	return err;
}

/* The anchor is ours, and need not be kept, unless it is the leaf itself. */
static int keep_chain(struct peer_certs *kept, STACK_OF(X509) * chain)
{
	const int count = sk_X509_num(chain);

	return keep(kept, chain, count > 1 ? count - 1 : 1, first_end(chain));
}

void peer_certs_free(struct peer_certs *certs)
{
	free(certs->der);
	*certs = (struct peer_certs){0};
}

struct asked {
	X509 *leaf;
	STACK_OF(X509) * others;
	const struct trust *trust;
	int64_t now;
	const uint8_t *key; /* of chain_cache.h; NULL: it could not be made */
};

/* *error: OpenSSL's, of what is wrong. */
static int verify_with(const struct asked *q, unsigned long flags, struct peer_certs *kept, int *error, struct fault *f)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int err = -ENOMEM;

	*error = X509_V_ERR_OUT_OF_MEM;
	if (ctx && X509_STORE_CTX_init(ctx, q->trust->store, q->leaf, q->others)) {
		X509_STORE_CTX_set_time(ctx, 0, (time_t)q->now);
		X509_STORE_CTX_set_flags(ctx, flags | X509_V_FLAG_X509_STRICT);
		X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx), SECURITY_LEVEL);
		X509_STORE_CTX_set_verify_cb(ctx, on_verdict);
		err = X509_verify_cert(ctx) == 1 ? 0 : refuse(culprit(ctx, q->leaf), X509_STORE_CTX_get_error(ctx), f);
		*error = X509_STORE_CTX_get_error(ctx);
		if (!err && q->key)
			chain_cache_put(q->trust->known, q->key, X509_STORE_CTX_get0_chain(ctx), q->others,
					q->trust->store);
		if (!err && kept)
			err = keep_chain(kept, X509_STORE_CTX_get0_chain(ctx));
	}
	X509_STORE_CTX_free(ctx);
	return err;
}

/*
 * Up to a self-signed anchor first, so that CRLs above an intermediate that is an anchor too are looked into; if there
 * is none, an intermediate is as good.
 */
static int verify(const struct asked *q, struct peer_certs *kept, struct fault *f)
{
	const unsigned long flags = q->trust->has_crl ? X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL : 0;
	int error, err = verify_with(q, flags, kept, &error, f);

	if (err && has_no_anchor(error))
		err = verify_with(q, flags | X509_V_FLAG_PARTIAL_CHAIN, kept, &error, f);
	return err;
}

int chain_verify(X509 *leaf, STACK_OF(X509) * others, const struct trust *t, int64_t now, struct peer_certs *kept,
		 struct fault *f)
{
	uint8_t key[CHAIN_KEY];
	const bool has_key = chain_cache_key(leaf, others, key);
	const struct asked q = {leaf, others, t, now, has_key ? key : NULL};
	int64_t until;
	STACK_OF(X509) *known = has_key ? chain_cache_find(t->known, key, leaf, others, now, &until) : NULL;
	int err;

	if (!known)
		return verify(&q, kept, f);
	err = kept ? keep(kept, known, sk_X509_num(known), until) : 0;
	sk_X509_free(known);
	return err;
}

/* ---- what the leaf is for ---- */

/*
 * RFC 4945 section 5.1.3.12: a certificate that says what it is for must have IKE among that, critical or not. Beyond
 * the RFC, what CAs give to hosts without knowing of IKE is as good: other implementations take it, and whom a CA of
 * our file names is a host of ours. What is for people or code is not.
 */
static bool is_for_ike(const ASN1_OBJECT *purpose)
{
	static const char *const ours[] = {
		"1.3.6.1.5.5.7.3.17", /* ipsecIKE */
		"2.5.29.37.0",	      /* any */
		"1.3.6.1.5.5.8.2.2",  /* ikeIntermediate, before RFC 4945 */
		"1.3.6.1.5.5.7.3.1",  /* serverAuth */
		"1.3.6.1.5.5.7.3.2",  /* clientAuth */
	};
	char text[80];

	OBJ_obj2txt(text, sizeof(text), purpose, 1);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(text, ours[i]) == 0)
			return true;
	return false;
}

static bool extended_usage_fits(X509 *leaf)
{
	int critical;
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(leaf, NID_ext_key_usage, &critical, NULL);
	bool fits = !usage && critical == -1; /* there is none */

	for (int i = 0; i < sk_ASN1_OBJECT_num(usage) && !fits; i++)
		fits = is_for_ike(sk_ASN1_OBJECT_value(usage, i));
	EXTENDED_KEY_USAGE_free(usage);
	return fits;
}

/* RFC 4945 section 5.1.3.2: if it says what the key is for, signing must be among it. */
static bool may_sign(X509 *leaf)
{
	return (X509_get_key_usage(leaf) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0;
}

int leaf_check_usage(X509 *leaf, struct fault *f)
{
	char subject[IDENTITY_TEXT];

	cert_subject(leaf, subject, sizeof(subject));
	if (!may_sign(leaf))
		return fault(f, EKEYREJECTED,
			     "certificate '%.200s' is not for signatures: let its CA put digitalSignature into its key "
			     "usage",
			     subject);
	if (!extended_usage_fits(leaf))
		return fault(
			f, EACCES,
			"certificate '%.200s' is not for IKE: let its CA put ipsecIKE (1.3.6.1.5.5.7.3.17) into its "
			"extended key usage, or leave that out",
			subject);
	return 0;
}
