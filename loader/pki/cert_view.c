/* SPDX-License-Identifier: BSD-2-Clause */
#include "cert_view.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "alt_names.h"
#include "certificate.h"
#include "lib/fault.h"

#define LINE_MAX_TEXT 1200

static void add_bio(cJSON *o, const char *name, BIO *bio)
{
	char text[LINE_MAX_TEXT] = "";
	const int n = bio ? BIO_read(bio, text, sizeof(text) - 1) : -1;

	text[n > 0 ? n : 0] = '\0';
	make_one_line(text);
	cJSON_AddStringToObject(o, name, text);
	BIO_free(bio);
}

static void add_name(cJSON *o, const char *name, const X509_NAME *value)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (bio)
		X509_NAME_print_ex(bio, value, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SPC_EQ);
	add_bio(o, name, bio);
}

static void add_number(cJSON *o, const char *name, const ASN1_INTEGER *value)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (bio && value)
		i2a_ASN1_INTEGER(bio, value);
	add_bio(o, name, bio);
}

static void add_times(cJSON *o, const ASN1_TIME *from, const ASN1_TIME *until)
{
	char text[CERT_TIME_TEXT];
	int days, seconds;

	cJSON_AddStringToObject(o, "from", cert_time_text(from, text));
	cJSON_AddStringToObject(o, "until", until ? cert_time_text(until, text) : "?");
	if (until && ASN1_TIME_diff(&days, &seconds, NULL, until))
		cJSON_AddNumberToObject(o, "days_left", seconds < 0 ? days - 1 : days);
}

static void add_alt_names(cJSON *o, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	char text[LINE_MAX_TEXT];

	alt_names_text(names, text, sizeof(text));
	cJSON_AddStringToObject(o, "names", text);
	GENERAL_NAMES_free(names);
}

static void add_key(cJSON *o, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char text[64] = "?", group[32];
	int digest = NID_undef;

	X509_get_signature_info(cert, &digest, NULL, NULL, NULL);
	if (key && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
		snprintf(text, sizeof(text), "EC %s, signed with %s", group, OBJ_nid2sn(digest));
	else if (key)
		snprintf(text, sizeof(text), "%s of %d bits, signed with %s", EVP_PKEY_get0_type_name(key),
			 EVP_PKEY_get_bits(key), OBJ_nid2sn(digest));
	cJSON_AddStringToObject(o, "key", text);
}

static void append(char *text, size_t size, const char *word)
{
	const size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s", used ? ", " : "", word);
}

/* What it says that it is for; a certificate that says nothing is for anything. */
static void add_use(cJSON *o, X509 *cert)
{
	static const struct {
		uint32_t bit;
		const char *word;
	} bits[] = {{KU_DIGITAL_SIGNATURE, "digitalSignature"},
		    {KU_NON_REPUDIATION, "nonRepudiation"},
		    {KU_KEY_CERT_SIGN, "keyCertSign"},
		    {KU_CRL_SIGN, "cRLSign"}};
	EXTENDED_KEY_USAGE *purposes = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	const uint32_t usage = X509_get_key_usage(cert);
	char text[256] = "", purpose[80];

	for (size_t i = 0; usage != UINT32_MAX && i < sizeof(bits) / sizeof(bits[0]); i++)
		if (usage & bits[i].bit)
			append(text, sizeof(text), bits[i].word);
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++) {
		const ASN1_OBJECT *object = sk_ASN1_OBJECT_value(purposes, i);
		const int nid = OBJ_obj2nid(object);

		if (nid == NID_undef)
			OBJ_obj2txt(purpose, sizeof(purpose), object, 1);
		else
			snprintf(purpose, sizeof(purpose), "%s", OBJ_nid2sn(nid));
		append(text, sizeof(text), purpose);
	}
	EXTENDED_KEY_USAGE_free(purposes);
	cJSON_AddStringToObject(o, "use", text);
}

static void add_fingerprint(cJSON *o, X509 *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned size = 0;

	if (X509_digest(cert, EVP_sha256(), digest, &size))
		for (unsigned i = 0; i < size; i++)
			snprintf(text + 2 * i, 3, "%02x", digest[i]);
	cJSON_AddStringToObject(o, "sha256", text);
}

cJSON *cert_view(X509 *cert)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "kind", "certificate");
	add_name(o, "subject", X509_get_subject_name(cert));
	add_name(o, "issuer", X509_get_issuer_name(cert));
	add_alt_names(o, cert);
	cJSON_AddBoolToObject(o, "ca", X509_check_ca(cert) != 0);
	add_key(o, cert);
	add_use(o, cert);
	add_times(o, X509_get0_notBefore(cert), X509_get0_notAfter(cert));
	add_number(o, "serial", X509_get0_serialNumber(cert));
	add_fingerprint(o, cert);
	return o;
}

cJSON *crl_view(X509_CRL *crl)
{
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
	cJSON *o = cJSON_CreateObject(), *list;
	char since[CERT_TIME_TEXT];

	cJSON_AddStringToObject(o, "kind", "crl");
	add_name(o, "issuer", X509_CRL_get_issuer(crl));
	add_times(o, X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl));
	add_number(o, "number", number);
	ASN1_INTEGER_free(number);
	list = cJSON_AddArrayToObject(o, "revoked");
	for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
		const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);
		cJSON *item = cJSON_CreateObject();

		add_number(item, "serial", X509_REVOKED_get0_serialNumber(entry));
		cJSON_AddStringToObject(item, "since", cert_time_text(X509_REVOKED_get0_revocationDate(entry), since));
		cJSON_AddItemToArray(list, item);
	}
	return o;
}
