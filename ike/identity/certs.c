/* SPDX-License-Identifier: BSD-2-Clause */
#include "certs.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* ---- PEM in ---- */

static X509 *next_cert(BIO *bio)
{
	return PEM_read_bio_X509(bio, NULL, NULL, NULL);
}

static unsigned count_of(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

/*
 * The last one has been read. What is cut off or damaged ends the reading as the end does, and what it has said, and
 * what is behind it, as the CRL of another CA, is missed by nobody then.
 */
static int check_end(const char *key, const char *pem, struct fault *f)
{
	const unsigned long error = ERR_peek_last_error();
	const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;

	ERR_clear_error();
	/* To OpenSSL a first line that is none is nothing, and so is the end of a file within it. */
	if (at_end && count_of(pem, "-----BEGIN ") == count_of(pem, "-----END "))
		return 0;
	return fault(f, EINVAL, "%s: it is cut off or damaged: copy all of it here once more", key);
}

static int keep_der(struct credentials *c, X509 *cert)
{
	uint8_t *der = NULL;
	const int size = i2d_X509(cert, &der);

	if (size <= 0)
		return -ENOMEM;
	c->der[c->count] = der;
	c->der_size[c->count++] = size;
	return 0;
}

static bool is_self_signed(X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

static int load_certs(struct credentials *c, const char *pem, struct fault *f)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert;
	int err = bio ? 0 : -ENOMEM;

	ERR_clear_error();
	while (!err && c->count < CERTS_MAX && (cert = next_cert(bio))) {
		if (c->count == 0 || !is_self_signed(cert))
			err = keep_der(c, cert);
		if (!c->cert)
			c->cert = cert;
		else
			X509_free(cert);
	}
	BIO_free(bio);
	if (!err && c->count < CERTS_MAX)
		err = check_end("cert", pem, f);
	if (!err && !c->cert)
		err = fault(f, EINVAL, "cert: there is no certificate in it: PEM is expected");
	return err;
}

int credentials_load(struct credentials **c, const char *pem, struct fault *f)
{
	int err;

	*c = calloc(1, sizeof(**c));
	if (!*c)
		return -ENOMEM;
	(*c)->shares = 1;
	err = load_certs(*c, pem, f);
	if (!err)
		return 0;
	credentials_free(*c);
	*c = NULL;
	return err;
}

struct credentials *credentials_share(struct credentials *c)
{
	c->shares++;
	return c;
}

void credentials_free(struct credentials *c)
{
	if (!c || --c->shares)
		return;
	for (unsigned i = 0; i < c->count; i++)
		OPENSSL_free(c->der[i]);
	X509_free(c->cert);
	free(c);
}

static int load_anchors(struct trust *t, const char *pem, struct fault *f)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert;
	int err = bio ? 0 : -ENOMEM;

	ERR_clear_error();
	while (!err && (cert = next_cert(bio))) {
		if (!X509_STORE_add_cert(t->store, cert) || !sk_X509_push(t->anchors, cert)) {
			X509_free(cert);
			err = -ENOMEM;
		}
	}
	BIO_free(bio);
	if (!err)
		err = check_end("ca", pem, f);
	if (!err && sk_X509_num(t->anchors) == 0)
		err = fault(f, EINVAL, "ca: there is no CA certificate in it: PEM is expected");
	return err;
}

static int load_crls(struct trust *t, const char *pem, struct fault *f)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_CRL *crl;
	int err = bio ? 0 : -ENOMEM;

	ERR_clear_error();
	while (!err && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		if (!X509_STORE_add_crl(t->store, crl))
			err = -ENOMEM;
		t->has_crl = true;
		X509_CRL_free(crl);
	}
	BIO_free(bio);
	if (!err)
		err = check_end("crl", pem, f);
	if (!err && !t->has_crl)
		err = fault(f, EINVAL, "crl: there is no CRL in it: PEM is expected");
	return err;
}

static bool digest_texts(struct trust *t)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const bool done =
		ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) && EVP_DigestUpdate(ctx, t->ca, strlen(t->ca) + 1) &&
		(!t->crl || EVP_DigestUpdate(ctx, t->crl, strlen(t->crl))) && EVP_DigestFinal_ex(ctx, t->digest, NULL);

	EVP_MD_CTX_free(ctx);
	return done;
}

/* For who else is to load the same (cert_check.h). */
static int keep_texts(struct trust *t, const char *ca_pem, const char *crl_pem)
{
	t->ca = strdup(ca_pem);
	t->crl = crl_pem ? strdup(crl_pem) : NULL;
	return t->ca && (t->crl || !crl_pem) && digest_texts(t) ? 0 : -ENOMEM;
}

static int load_trust(struct trust *t, const char *ca_pem, const char *crl_pem, struct fault *f)
{
	int err;

	t->store = X509_STORE_new();
	t->anchors = sk_X509_new_null();
	if (!t->store || !t->anchors)
		return -ENOMEM;
	err = load_anchors(t, ca_pem, f);
	if (!err && crl_pem)
		err = load_crls(t, crl_pem, f);
	return err ? err : keep_texts(t, ca_pem, crl_pem);
}

int trust_load(struct trust **t, const char *ca_pem, const char *crl_pem, struct fault *f)
{
	int err;

	*t = calloc(1, sizeof(**t));
	if (!*t)
		return -ENOMEM;
	(*t)->shares = 1;
	(*t)->known = chain_cache_new();
	err = load_trust(*t, ca_pem, crl_pem, f);
	if (!err)
		return 0;
	trust_free(*t);
	*t = NULL;
	return err;
}

struct trust *trust_share(struct trust *t)
{
	t->shares++;
	return t;
}

void trust_free(struct trust *t)
{
	if (!t || --t->shares)
		return;
	sk_X509_pop_free(t->anchors, X509_free);
	X509_STORE_free(t->store);
	chain_cache_free(t->known);
	free(t->ca);
	free(t->crl);
	free(t);
}

/* ---- our own ---- */

int credentials_key_type(const struct credentials *c, int *bits)
{
	EVP_PKEY *key = X509_get0_pubkey(c->cert);

	*bits = key ? EVP_PKEY_get_bits(key) : 0;
	return key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
}

static int identity_of_name(const X509_NAME *name, struct identity *id)
{
	uint8_t *der = NULL;
	const int size = i2d_X509_NAME(name, &der);

	if (size <= 0 || size > IDENTITY_MAX) {
		OPENSSL_free(der);
		return -EINVAL;
	}
	id->type = ID_DER_ASN1_DN;
	id->size = (uint16_t)size;
	memcpy(id->data, der, (size_t)size);
	OPENSSL_free(der);
	return 0;
}

int credentials_identity(const struct credentials *c, struct identity *id)
{
	return identity_of_name(X509_get_subject_name(c->cert), id);
}

void certs_write(struct body *b, const struct credentials *c)
{
	for (unsigned i = 0; i < c->count; i++) {
		payload_begin(b, PAYLOAD_CERT);
		write_u8(&b->w, CERT_X509_SIGNATURE);
		write_bytes(&b->w, c->der[i], (size_t)c->der_size[i]);
		payload_end(b);
	}
}

void certreq_write(struct body *b, const struct trust *t)
{
	payload_begin(b, PAYLOAD_CERTREQ);
	write_u8(&b->w, CERT_X509_SIGNATURE);
	for (int i = 0; i < sk_X509_num(t->anchors); i++) {
		unsigned char *spki = NULL, hash[20];
		const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(sk_X509_value(t->anchors, i)), &spki);

		if (size > 0 && EVP_Q_digest(NULL, "SHA1", NULL, spki, (size_t)size, hash, NULL))
			write_bytes(&b->w, hash, sizeof(hash));
		OPENSSL_free(spki);
	}
	payload_end(b);
}

/* ---- what a certificate names ---- */

static bool is_text(const ASN1_STRING *s, const struct identity *id, uint8_t type)
{
	struct identity named = {.type = type};
	const int size = ASN1_STRING_length(s);

	if (id->type != type || size <= 0 || size > IDENTITY_MAX)
		return false;
	named.size = (uint16_t)size;
	memcpy(named.data, ASN1_STRING_get0_data(s), (size_t)size);
	return identity_equal(&named, id);
}

static bool alt_name_is(const GENERAL_NAME *name, const struct identity *id)
{
	switch (name->type) {
	case GEN_DNS:
		return is_text(name->d.dNSName, id, ID_FQDN);
	case GEN_EMAIL:
		return is_text(name->d.rfc822Name, id, ID_RFC822_ADDR);
	case GEN_IPADD:
		return is_text(name->d.iPAddress, id, ID_IPV4_ADDR);
	}
	return false;
}

static bool cert_names(X509 *cert, const struct identity *id)
{
	GENERAL_NAMES *names;
	struct identity subject;
	bool found = false;

	if (id->type == ID_DER_ASN1_DN)
		return identity_of_name(X509_get_subject_name(cert), &subject) == 0 && identity_equal(&subject, id);
	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++)
		found = alt_name_is(sk_GENERAL_NAME_value(names, i), id);
	GENERAL_NAMES_free(names);
	return found;
}

bool credentials_name(const struct credentials *c, const struct identity *id)
{
	return cert_names(c->cert, id);
}

/* ---- the peer's ---- */

static STACK_OF(X509) * read_certs(const struct message *m)
{
	STACK_OF(X509) *certs = sk_X509_new_null();

	for (const struct payload *p = message_find(m, PAYLOAD_CERT); certs && p; p = message_next(m, p)) {
		struct reader r = reader_of(p->data, p->size);
		X509 *cert;

		if (read_u8(&r) != CERT_X509_SIGNATURE || !reader_left(&r) || sk_X509_num(certs) == CERTS_MAX)
			continue;
		cert = d2i_X509(NULL, &r.at, (long)reader_left(&r));
		if (cert && !sk_X509_push(certs, cert))
			X509_free(cert);
	}
	ERR_clear_error();
	return certs;
}

static int check_leaf(X509 *leaf, STACK_OF(X509) * certs, const struct trust *t, const struct identity *id, int64_t now,
		      struct peer_certs *kept, struct fault *f)
{
	char subject[IDENTITY_TEXT], name[IDENTITY_TEXT];
	int err = chain_verify(leaf, certs, t, now, kept, f);

	if (!err)
		err = leaf_check_usage(leaf, f);
	if (err || cert_names(leaf, id))
		return err;
	cert_subject(leaf, subject, sizeof(subject));
	identity_text(id, name, sizeof(name));
	return fault(f, EACCES,
		     "certificate '%.200s' does not name '%.200s': take an ID of its subjectAltName, or its subject as "
		     "a DN",
		     subject, name);
}

/* DER after DER. */
static STACK_OF(X509) * certs_of(const struct peer_certs *kept)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	const uint8_t *at = kept->der, *end = at + kept->size;

	while (certs && at && at < end) {
		X509 *cert = d2i_X509(NULL, &at, end - at);

		if (!cert || !sk_X509_push(certs, cert)) {
			X509_free(cert);
			break;
		}
	}
	return certs;
}

int peer_certs_verify(struct peer_certs *certs, const struct trust *t, int64_t now, struct fault *f)
{
	STACK_OF(X509) *stack = certs_of(certs);
	struct peer_certs again;
	int err = sk_X509_num(stack) > 0 ? chain_verify(sk_X509_value(stack, 0), stack, t, now, &again, f)
					 : fault(f, ENOMEM, "%s", strerror(ENOMEM));

	if (!err) {
		certs->until = again.until;
		peer_certs_free(&again);
	}
	sk_X509_pop_free(stack, X509_free);
	ERR_clear_error();
	return err;
}

bool credentials_expired(const struct credentials *c, int64_t now)
{
	time_t at = (time_t)now;

	return X509_cmp_time(X509_get0_notAfter(c->cert), &at) < 0;
}

bool credentials_equal(const struct credentials *a, const struct credentials *b)
{
	bool equal = a == b || (a && b && a->count == b->count);

	for (unsigned i = 0; a != b && equal && i < a->count; i++)
		equal = a->der_size[i] == b->der_size[i] && memcmp(a->der[i], b->der[i], (size_t)a->der_size[i]) == 0;
	return equal;
}

static STACK_OF(X509) * chain_of(const struct credentials *c)
{
	STACK_OF(X509) *certs = sk_X509_new_null();

	for (unsigned i = 1; certs && i < c->count; i++) {
		const uint8_t *at = c->der[i];
		X509 *cert = d2i_X509(NULL, &at, c->der_size[i]);

		if (cert && !sk_X509_push(certs, cert))
			X509_free(cert);
	}
	return certs;
}

int credentials_verify(const struct credentials *c, const struct trust *t, int64_t now, struct fault *f)
{
	STACK_OF(X509) *certs = chain_of(c);
	int err = leaf_check_usage(c->cert, f);

	if (!err)
		err = chain_verify(c->cert, certs, t, now, NULL, f);
	sk_X509_pop_free(certs, X509_free);
	ERR_clear_error();
	return err;
}

int certs_verify(const struct message *m, const struct trust *t, const struct identity *id, int64_t now, EVP_PKEY **key,
		 struct peer_certs *kept, struct fault *f)
{
	STACK_OF(X509) *certs = read_certs(m);
	X509 *leaf = sk_X509_num(certs) > 0 ? sk_X509_value(certs, 0) : NULL;
	int err;

	*kept = (struct peer_certs){0};
	err = leaf ? check_leaf(leaf, certs, t, id, now, kept, f) : fault(f, EACCES, "the peer sent no certificate");

	*key = err ? NULL : X509_get_pubkey(leaf);
	if (!err && !*key)
		err = fault(f, EACCES, "the key of the peer's certificate is not usable");
	if (err)
		peer_certs_free(kept);
	sk_X509_pop_free(certs, X509_free);
	ERR_clear_error();
	return err;
}
