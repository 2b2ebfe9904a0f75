/* SPDX-License-Identifier: BSD-2-Clause */
#include "pki.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext || !X509_add_ext(cert, ext, -1))
		abort();
	X509_EXTENSION_free(ext);
}

static X509 *new_cert(const char *name, EVP_PKEY *key, int64_t not_before, int64_t not_after)
{
	static long serial;
	X509 *cert = X509_new();

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(cert), not_before);
	ASN1_TIME_set(X509_getm_notAfter(cert), not_after);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_pubkey(cert, key);
	return cert;
}

static void init(struct pki *pki, const struct pki *root, int64_t now)
{
	static int count;
	char name[32];

	*pki = (struct pki){0};
	snprintf(name, sizeof(name), "Test CA %d", ++count);
	pki->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	pki->ca = new_cert(name, pki->key, now - DAY, now + DAY);
	X509_set_issuer_name(pki->ca, X509_get_subject_name(root->ca));
	add_extension(pki->ca, root->ca, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(pki->ca, root->ca, NID_key_usage, "critical,keyCertSign,cRLSign");
	if (!X509_sign(pki->ca, root->key, EVP_sha384()))
		abort();
}

void pki_init(struct pki *pki, int64_t now)
{
	init(pki, pki, now);
}

void pki_init_under(struct pki *pki, struct pki *root, int64_t now)
{
	init(pki, root, now);
	pki->above = root;
	X509_free(root->last);
	root->last = pki->ca;
	X509_up_ref(pki->ca);
}

void pki_free(struct pki *pki)
{
	X509_free(pki->last);
	X509_free(pki->ca);
	free(pki->crl);
	free(pki->last_key);
	EVP_PKEY_free(pki->key);
}

/* The text in a BIO, which is freed; the caller's to free. */
static char *text_of(BIO *bio)
{
	char *data;
	const long size = BIO_get_mem_data(bio, &data);
	char *text = strndup(data, (size_t)size);

	BIO_free(bio);
	return text;
}

char *pki_pem(X509 *cert, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (cert ? !PEM_write_bio_X509(bio, cert) : !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		abort();
	return text_of(bio);
}

/* The leaf, and each CA above it but the topmost one. */
static char *chain_pem(const struct pki *pki, X509 *leaf)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool written = PEM_write_bio_X509(bio, leaf);

	for (; pki->above; pki = pki->above)
		written &= PEM_write_bio_X509(bio, pki->ca) == 1;
	if (!written)
		abort();
	return text_of(bio);
}

static char *anchor_pem(const struct pki *pki)
{
	while (pki->above)
		pki = pki->above;
	return pki_pem(pki->ca, NULL);
}

static void add_padding(const struct pki *pki, X509 *cert)
{
	char *comment = calloc(pki->padding + 1, 1);

	memset(comment, 'x', pki->padding);
	if (pki->padding)
		add_extension(cert, pki->ca, NID_netscape_comment, comment);
	free(comment);
}

void pki_make_crl(struct pki *pki, bool revoke, int64_t now, int64_t next_update)
{
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *begin = ASN1_TIME_set(NULL, now - DAY), *end = ASN1_TIME_set(NULL, next_update);
	BIO *bio = BIO_new(BIO_s_mem());

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(pki->ca));
	X509_CRL_set1_lastUpdate(crl, begin);
	X509_CRL_set1_nextUpdate(crl, end);
	X509_REVOKED_set_revocationDate(entry, begin);
	if (revoke) {
		X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(pki->last));
		X509_CRL_add0_revoked(crl, entry);
	} else {
		X509_REVOKED_free(entry);
	}
	if (!X509_CRL_sign(crl, pki->key, EVP_sha384()) || !PEM_write_bio_X509_CRL(bio, crl))
		abort();
	ASN1_TIME_free(begin);
	ASN1_TIME_free(end);
	X509_CRL_free(crl);
	free(pki->crl);
	pki->crl = text_of(bio);
}

void pki_use(struct pki *pki, struct world *w, int host, struct connection_config *c, int64_t not_before,
	     int64_t not_after)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	char name[32], san[1100], *cert_pem, *key_pem, *ca_pem;
	X509 *cert;

	snprintf(name, sizeof(name), "host%d.example", host);
	snprintf(san, sizeof(san), "%sDNS:%s", pki->alt_names ? pki->alt_names : "", name);
	cert = new_cert(name, key, not_before, not_after);
	X509_set_issuer_name(cert, X509_get_subject_name(pki->ca));
	add_extension(cert, pki->ca, NID_subject_alt_name, san);
	if (pki->key_usage)
		add_extension(cert, pki->ca, NID_key_usage, pki->key_usage);
	add_padding(pki, cert);
	X509_sign(cert, pki->key, EVP_sha384());
	cert_pem = chain_pem(pki, cert);
	key_pem = pki_pem(NULL, key);
	ca_pem = anchor_pem(pki);
	c->cert = true;
	c->private_key = 2;
	identity_from_text(&c->local_id, name, NULL);
	snprintf(c->remote_id, sizeof(c->remote_id), "host%d.example", !host);
	if (keyring_add(w->hosts[host].ring, 2, KEY_PRIVATE, key_pem, strlen(key_pem), NULL) ||
	    credentials_load(&c->credentials, cert_pem, NULL) || trust_load(&c->trust, ca_pem, pki->crl, NULL))
		abort();
	free(cert_pem);
	free(pki->last_key);
	pki->last_key = key_pem;
	free(ca_pem);
	X509_free(pki->last);
	pki->last = cert;
	EVP_PKEY_free(key);
}
