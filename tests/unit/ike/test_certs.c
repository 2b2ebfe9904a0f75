/* SPDX-License-Identifier: BSD-2-Clause */
/* Chains of certificates, each wrong in one thing: strength, what they are for, form, where the trust begins. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "identity/certs.h"
#include "pki.h"

#define NOW  1800000000
#define YEAR (365 * 86400)

/* ---- making them ---- */

/* Extensions beside the name: name of OpenSSL, value, ..., NULL. */
typedef const char *const extensions[12];

#define CA_FORM	  "basicConstraints", "critical,CA:TRUE", "keyUsage", "critical,keyCertSign,cRLSign"
#define LEAF_NAME "subjectAltName", "DNS:host.example"

static extensions proper_ca = {CA_FORM, "subjectKeyIdentifier", "hash"};
static extensions proper_leaf = {LEAF_NAME, "keyUsage", "critical,digitalSignature"};

/* How many chains OpenSSL has looked at. */
static unsigned verified;

int __real_X509_verify_cert(X509_STORE_CTX *ctx);
int __wrap_X509_verify_cert(X509_STORE_CTX *ctx);

int __wrap_X509_verify_cert(X509_STORE_CTX *ctx)
{
	verified++;
	return __real_X509_verify_cert(ctx);
}

static EVP_PKEY *ec[3], *rsa_1024, *rsa_2048;

static void extend(X509 *cert, X509 *issuer, const char *const *ext)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	for (; *ext; ext += 2) {
		X509_EXTENSION *e = X509V3_EXT_conf(NULL, &ctx, ext[0], ext[1]);

		assert_non_null(e);
		assert_true(X509_add_ext(cert, e, -1));
		X509_EXTENSION_free(e);
	}
}

/* issuer NULL: it signs itself. */
static X509 *make(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const EVP_MD *md,
		  const char *const *ext)
{
	static long serial;
	X509 *cert = X509_new();

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(cert), NOW - YEAR);
	ASN1_TIME_set(X509_getm_notAfter(cert), NOW + YEAR);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
	X509_set_pubkey(cert, key);
	extend(cert, issuer ? issuer : cert, ext);
	assert_true(X509_sign(cert, issuer ? issuer_key : key, md));
	return cert;
}

static int setup_all(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		ec[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	rsa_1024 = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	rsa_2048 = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	return 0;
}

static int teardown_all(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		EVP_PKEY_free(ec[i]);
	EVP_PKEY_free(rsa_1024);
	EVP_PKEY_free(rsa_2048);
	return 0;
}

/* ---- asking ---- */

static struct fault f;

/* A peer sends the leaf and, unless NULL, what is above it; we trust the anchor. All are freed. */
static int judge_chain(X509 *leaf, X509 *above, X509 *anchor)
{
	uint8_t cert[2][3000];
	struct message m = {.count = above ? 2 : 1};
	char *ca = pki_pem(anchor, NULL);
	X509 *sent[] = {leaf, above};
	struct trust *trust;
	struct identity id;
	struct peer_certs kept = {0};
	EVP_PKEY *key;
	int err;

	f.text[0] = '\0';
	for (unsigned i = 0; i < m.count; i++) {
		uint8_t *at = cert[i] + 1;

		cert[i][0] = CERT_X509_SIGNATURE;
		m.payloads[i] = (struct payload){
			.type = PAYLOAD_CERT, .data = cert[i], .size = 1 + (size_t)i2d_X509(sent[i], &at)};
	}
	assert_int_equal(identity_from_text(&id, "host.example", NULL), 0);
	assert_int_equal(trust_load(&trust, ca, NULL, &f), 0);
	err = certs_verify(&m, trust, &id, NOW, &key, &kept, &f);
	assert_true(!err == !!key);
	EVP_PKEY_free(key);
	/* What is kept of it is as good as what was sent. */
	assert_true(!err == !!kept.der);
	if (!err) {
		assert_int_equal(kept.until, NOW + YEAR);
		assert_int_equal(peer_certs_verify(&kept, trust, NOW, &f), 0);
		assert_int_equal(peer_certs_verify(&kept, trust, NOW + YEAR + 1, &f), -EACCES);
	}
	peer_certs_free(&kept);
	trust_free(trust);
	free(ca);
	if (anchor != leaf && anchor != above)
		X509_free(anchor);
	X509_free(leaf);
	X509_free(above);
	return err;
}

/* A leaf of a proper root. */
static int judge_leaf(EVP_PKEY *key, const EVP_MD *md, const char *const *ext)
{
	X509 *root = make("Root", ec[0], NULL, NULL, EVP_sha384(), proper_ca);

	return judge_chain(make("leaf", key, root, ec[0], md, ext), NULL, root);
}

/* A proper leaf of a CA with that key and form, which a proper root has signed with that digest. */
static int judge_middle(EVP_PKEY *key, const EVP_MD *md, const char *const *ext)
{
	X509 *root = make("Root", ec[0], NULL, NULL, EVP_sha384(), proper_ca);
	X509 *middle = make("Middle", key, root, ec[0], md, ext);

	return judge_chain(make("leaf", ec[2], middle, key, EVP_sha384(), proper_leaf), middle, root);
}

/* Refused, with whom it is about and each of the words. */
#define assert_refused(err, ...) assert_refused_by(err, (const char *const[]){__VA_ARGS__, NULL})

static void assert_refused_by(int err, const char *const *words)
{
	assert_true(err < 0);
	for (; *words; words++)
		if (!strstr(f.text, *words))
			fail_msg("'%s' is not in '%s'", *words, f.text);
}

static void assert_taken(int err)
{
	if (err)
		fail_msg("%d: %s", err, f.text);
}

/* ---- strength: level 2 of OpenSSL, 112 bits ---- */

static void short_rsa_is_refused(void **state)
{
	X509 *root;

	(void)state;
	assert_taken(judge_leaf(rsa_2048, EVP_sha384(), proper_leaf));
	assert_refused(judge_leaf(rsa_1024, EVP_sha384(), proper_leaf), "'CN=leaf'", "1024", "2048");
	assert_taken(judge_middle(rsa_2048, EVP_sha384(), proper_ca));
	assert_refused(judge_middle(rsa_1024, EVP_sha384(), proper_ca), "'CN=Middle'", "1024", "2048");
	root = make("Root", rsa_1024, NULL, NULL, EVP_sha384(), proper_ca);
	assert_refused(judge_chain(make("leaf", ec[1], root, rsa_1024, EVP_sha384(), proper_leaf), NULL, root),
		       "'CN=Root'", "1024", "2048");
}

/* What signs the anchor itself proves nothing. */
static void sha1_is_refused(void **state)
{
	X509 *root;

	(void)state;
	assert_refused(judge_leaf(ec[1], EVP_sha1(), proper_leaf), "'CN=leaf'", "SHA1", "SHA-2");
	assert_refused(judge_middle(ec[1], EVP_sha1(), proper_ca), "'CN=Middle'", "SHA1", "SHA-2");
	root = make("Root", rsa_2048, NULL, NULL, EVP_sha1(), proper_ca);
	assert_taken(judge_chain(make("leaf", ec[1], root, rsa_2048, EVP_sha256(), proper_leaf), NULL, root));
}

/* ---- what they are for: RFC 4945 section 5.1.3 ---- */

static int judge_eku(const char *eku)
{
	extensions ext = {LEAF_NAME, "extendedKeyUsage", eku};

	return judge_leaf(ec[1], EVP_sha384(), ext);
}

/* ipsecIKE, any, and what CAs give to hosts, critical or not; what is for anything else is refused. */
static void extended_key_usage_must_be_ours(void **state)
{
	static const char *const good[] = {"1.3.6.1.5.5.7.3.17",
					   "critical,1.3.6.1.5.5.7.3.17",
					   "anyExtendedKeyUsage",
					   "critical,anyExtendedKeyUsage",
					   "1.3.6.1.5.5.8.2.2",
					   "critical,1.3.6.1.5.5.8.2.2",
					   "emailProtection,1.3.6.1.5.5.7.3.17",
					   "serverAuth",
					   "critical,clientAuth"};
	static const char *const bad[] = {"codeSigning",     "critical,codeSigning", "timeStamping,OCSPSigning",
					  "emailProtection", "1.3.6.1.5.5.8.2.1",    "1.3.6.1.5.5.7.3.5"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_taken(judge_eku(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(judge_eku(bad[i]), "'CN=leaf'", "extended key usage", "1.3.6.1.5.5.7.3.17");
}

static void key_usage_must_be_signing(void **state)
{
	static extensions encrypts = {LEAF_NAME, "keyUsage", "critical,keyEncipherment"},
			  repudiates = {LEAF_NAME, "keyUsage", "critical,nonRepudiation"}, says_nothing = {LEAF_NAME},
			  no_cert_sign = {"basicConstraints", "critical,CA:TRUE",     "keyUsage",
					  "critical,cRLSign", "subjectKeyIdentifier", "hash"};

	(void)state;
	assert_refused(judge_leaf(ec[1], EVP_sha384(), encrypts), "'CN=leaf'", "not for signatures",
		       "digitalSignature");
	assert_taken(judge_leaf(ec[1], EVP_sha384(), repudiates));
	assert_taken(judge_leaf(ec[1], EVP_sha384(), says_nothing));
	assert_refused(judge_middle(ec[1], EVP_sha384(), no_cert_sign), "'CN=");
}

/* ---- form: RFC 5280 ---- */

static void a_ca_says_that_it_is_one(void **state)
{
	static extensions leaf_form = {"basicConstraints",	    "critical,CA:FALSE",    "keyUsage",
				       "critical,digitalSignature", "subjectKeyIdentifier", "hash"},
			  not_critical = {"basicConstraints",	  "CA:TRUE", "keyUsage", "critical,keyCertSign",
					  "subjectKeyIdentifier", "hash"},
			  no_usage = {"basicConstraints", "critical,CA:TRUE", "subjectKeyIdentifier", "hash"},
			  no_ids = {CA_FORM};

	(void)state;
	assert_taken(judge_middle(ec[1], EVP_sha384(), proper_ca));
	assert_refused(judge_middle(ec[1], EVP_sha384(), leaf_form), "'CN=");
	assert_refused(judge_middle(ec[1], EVP_sha384(), not_critical), "'CN=Middle'", "RFC 5280", "critical");
	assert_refused(judge_middle(ec[1], EVP_sha384(), no_usage), "'CN=Middle'", "RFC 5280", "keyCertSign");
	/* Key identifiers help to find the way, and prove nothing. */
	assert_taken(judge_middle(ec[1], EVP_sha384(), no_ids));
}

/* It is trusted because it is in our file, whatever it says of itself: as 'openssl req -x509' makes it. */
static void form_of_the_anchor_is_ours(void **state)
{
	static extensions bare = {"basicConstraints", "CA:TRUE"};
	X509 *root = make("Root", ec[0], NULL, NULL, EVP_sha384(), bare);

	(void)state;
	assert_taken(judge_chain(make("leaf", ec[1], root, ec[0], EVP_sha384(), proper_leaf), NULL, root));
}

static void what_is_critical_must_be_known(void **state)
{
	static extensions alien = {LEAF_NAME, "1.2.3.4", "critical,DER:0500"};

	(void)state;
	assert_refused(judge_leaf(ec[1], EVP_sha384(), alien), "'CN=leaf'", "critical extension");
}

/* ---- where the trust begins ---- */

/* The file has the intermediate alone; the peer may send its root along, which is nobody's to believe. */
static void intermediate_is_an_anchor(void **state)
{
	for (int root_sent = 0; root_sent < 2; root_sent++) {
		X509 *root = make("Root", ec[0], NULL, NULL, EVP_sha384(), proper_ca);
		X509 *middle = make("Middle", ec[1], root, ec[0], EVP_sha384(), proper_ca);
		X509 *leaf = make("leaf", ec[2], middle, ec[1], EVP_sha384(), proper_leaf);

		(void)state;
		assert_taken(judge_chain(leaf, root_sent ? root : NULL, middle));
		if (!root_sent)
			X509_free(root);
	}
}

/* Other branches of the same root are not vouched for by it, nor what a leaf has signed. */
static void intermediate_vouches_for_its_own(void **state)
{
	X509 *root = make("Root", ec[0], NULL, NULL, EVP_sha384(), proper_ca);
	X509 *middle = make("Middle", ec[1], root, ec[0], EVP_sha384(), proper_ca);
	X509 *sibling = make("Sibling", ec[2], root, ec[0], EVP_sha384(), proper_ca);
	X509 *host;

	(void)state;
	assert_refused(judge_chain(make("leaf", rsa_2048, sibling, ec[2], EVP_sha384(), proper_leaf), sibling, middle),
		       "'CN=leaf'", "not issued by the CA that is configured");
	host = make("host", ec[1], root, ec[0], EVP_sha384(), proper_leaf);
	assert_refused(judge_chain(make("leaf", ec[2], host, ec[1], EVP_sha384(), proper_leaf), NULL, host),
		       "'CN=host'", "is no CA's");
	X509_free(root);
}

/* ---- once is enough ---- */

#define CRL_DAYS (10 * 86400)

/* A proper root, what it has signed, and what that has; the root's CRL and the other's, one after the other. */
struct house {
	X509 *root, *middle, *leaf;
	STACK_OF(X509) * sent;
	char *ca;
};

static char *crl_of(X509 *ca, EVP_PKEY *key, X509 *revoked)
{
	struct pki pki = {.key = key, .ca = ca, .last = revoked};

	pki_make_crl(&pki, revoked, NOW, NOW + CRL_DAYS);
	return pki.crl;
}

static struct house house_new(void)
{
	struct house h = {.root = make("Root", ec[0], NULL, NULL, EVP_sha384(), proper_ca)};

	h.middle = make("Middle", ec[1], h.root, ec[0], EVP_sha384(), proper_ca);
	h.leaf = make("leaf", ec[2], h.middle, ec[1], EVP_sha384(), proper_leaf);
	h.sent = sk_X509_new_null();
	sk_X509_push(h.sent, h.leaf);
	sk_X509_push(h.sent, h.middle);
	h.ca = pki_pem(h.root, NULL);
	return h;
}

static void house_free(struct house *h)
{
	sk_X509_free(h->sent);
	X509_free(h->leaf);
	X509_free(h->middle);
	X509_free(h->root);
	free(h->ca);
}

static struct trust *trust_of(const struct house *h, X509 *revoked)
{
	char *root = crl_of(h->root, ec[0], NULL), *middle = crl_of(h->middle, ec[1], revoked);
	char both[8000];
	struct trust *t;

	snprintf(both, sizeof(both), "%s%s", root, middle);
	assert_int_equal(trust_load(&t, h->ca, both, &f), 0);
	free(root);
	free(middle);
	return t;
}

/* What comes of it, and how many chains OpenSSL was asked about for that. */
static int ask(const struct house *h, const struct trust *t, int64_t now, struct peer_certs *kept, unsigned *asked)
{
	int err;

	verified = 0;
	err = chain_verify(h->leaf, h->sent, t, now, kept, &f);
	*asked = verified;
	return err;
}

static void what_holds_is_verified_once(void **state)
{
	struct house h = house_new(), other = house_new();
	struct trust *t = trust_of(&h, NULL);
	struct peer_certs first, again;
	unsigned asked;

	(void)state;
	assert_taken(ask(&h, t, NOW, &first, &asked));
	assert_int_equal(asked, 1);
	assert_taken(ask(&h, t, NOW + 1, &again, &asked));
	assert_int_equal(asked, 0);
	assert_int_equal(again.until, NOW + YEAR);
	assert_int_equal(again.size, first.size);
	assert_memory_equal(again.der, first.der, first.size);
	peer_certs_free(&first);
	peer_certs_free(&again);
	assert_taken(ask(&h, t, NOW, NULL, &asked));
	assert_int_equal(asked, 0);
	/* Others that the same CA vouches for. */
	assert_taken(ask(&other, t, NOW, NULL, &asked));
	assert_int_equal(asked, 1);
	/* What else comes along makes it another one. */
	sk_X509_push(h.sent, other.middle);
	assert_taken(ask(&h, t, NOW, NULL, &asked));
	assert_int_equal(asked, 1);
	trust_free(t);
	house_free(&h);
	house_free(&other);
}

static void what_held_is_verified_when_time_has_passed(void **state)
{
	struct house h = house_new();
	struct trust *t = trust_of(&h, NULL);
	char *ca = h.ca;
	unsigned asked;

	(void)state;
	assert_taken(ask(&h, t, NOW, NULL, &asked));
	assert_taken(ask(&h, t, NOW + CRL_DAYS - 1, NULL, &asked));
	assert_int_equal(asked, 0);
	assert_refused(ask(&h, t, NOW + CRL_DAYS + 1, NULL, &asked), "'CN=leaf'", "CRL of its CA is out of date");
	assert_refused(ask(&h, t, NOW + YEAR + 1, NULL, &asked), "CRL of its CA is out of date");
	/* The clock is set back, before the CRLs were made. */
	assert_true(ask(&h, t, NOW - CRL_DAYS, NULL, &asked) < 0);
	/* And all is well again, though it was refused meanwhile. */
	assert_taken(ask(&h, t, NOW, NULL, &asked));
	assert_int_equal(asked, 0);
	trust_free(t);
	assert_int_equal(trust_load(&t, ca, NULL, &f), 0);
	assert_taken(ask(&h, t, NOW, NULL, &asked));
	assert_refused(ask(&h, t, NOW + YEAR + 1, NULL, &asked), "has expired");
	assert_true(ask(&h, t, NOW - YEAR - 1, NULL, &asked) < 0);
	trust_free(t);
	house_free(&h);
}

static void what_held_is_verified_by_another_crl(void **state)
{
	struct house h = house_new();
	struct trust *before = trust_of(&h, NULL), *now = trust_of(&h, h.leaf);
	unsigned asked;

	(void)state;
	assert_taken(ask(&h, before, NOW, NULL, &asked));
	assert_int_equal(ask(&h, now, NOW, NULL, &asked), -EKEYREVOKED);
	/* What is refused is looked at each time. */
	assert_int_equal(ask(&h, now, NOW, NULL, &asked), -EKEYREVOKED);
	assert_true(asked > 0);
	trust_free(before);
	trust_free(now);
	house_free(&h);
}

/* ---- files that are cut off, or damaged ---- */

/* Good, and what is behind it is not. */
static void assert_all_of_it_counts(int (*load)(const struct house *h, const char *pem), const struct house *h,
				    const char *good, const char *second)
{
	const size_t begin = strlen("-----BEGIN "), size = strlen(second);
	char both[8000];

	snprintf(both, sizeof(both), "%s%s# And what is no PEM.\n", good, second);
	assert_taken(load(h, both));
	for (size_t cut = begin; cut < size - 1; cut++) {
		snprintf(both, sizeof(both), "%s%.*s", good, (int)cut, second);
		assert_refused(load(h, both), "cut off or damaged");
	}
	for (size_t at = 3; at < size; at = at < begin ? strcspn(second, "\n") + 1 : at + 7) {
		snprintf(both, sizeof(both), "%s%s", good, second);
		if (second[at] == '\n')
			continue;
		both[strlen(good) + at] = '!';
		assert_refused(load(h, both), "cut off or damaged");
	}
}

static int load_crl(const struct house *h, const char *pem)
{
	struct trust *t = NULL;
	const int err = trust_load(&t, h->ca, pem, &f);

	trust_free(t);
	return err;
}

static int load_ca(const struct house *h, const char *pem)
{
	struct trust *t = NULL;
	const int err = trust_load(&t, pem, NULL, &f);

	(void)h;
	trust_free(t);
	return err;
}

static int load_own(const struct house *h, const char *pem)
{
	struct credentials *c = NULL;
	const int err = credentials_load(&c, pem, &f);

	(void)h;
	credentials_free(c);
	return err;
}

/* The second one revokes the CA whose own is the first. */
static void crl_counts_as_a_whole(void **state)
{
	struct house h = house_new();
	char *middle = crl_of(h.middle, ec[1], NULL), *root = crl_of(h.root, ec[0], h.middle);

	(void)state;
	assert_all_of_it_counts(load_crl, &h, middle, root);
	assert_refused(load_crl(&h, middle + 1), "crl: ");
	free(middle);
	free(root);
	house_free(&h);
}

static void certificates_count_as_a_whole(void **state)
{
	struct house h = house_new();
	char *leaf = pki_pem(h.leaf, NULL), *middle = pki_pem(h.middle, NULL);

	(void)state;
	assert_all_of_it_counts(load_ca, &h, h.ca, middle);
	assert_all_of_it_counts(load_own, &h, leaf, middle);
	assert_refused(load_ca(&h, h.ca + 1), "ca: ");
	assert_refused(load_own(&h, leaf + 1), "cert: ");
	free(leaf);
	free(middle);
	house_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_rsa_is_refused),
		cmocka_unit_test(sha1_is_refused),
		cmocka_unit_test(extended_key_usage_must_be_ours),
		cmocka_unit_test(key_usage_must_be_signing),
		cmocka_unit_test(a_ca_says_that_it_is_one),
		cmocka_unit_test(form_of_the_anchor_is_ours),
		cmocka_unit_test(what_is_critical_must_be_known),
		cmocka_unit_test(intermediate_is_an_anchor),
		cmocka_unit_test(intermediate_vouches_for_its_own),
		cmocka_unit_test(what_holds_is_verified_once),
		cmocka_unit_test(what_held_is_verified_when_time_has_passed),
		cmocka_unit_test(what_held_is_verified_by_another_crl),
		cmocka_unit_test(crl_counts_as_a_whole),
		cmocka_unit_test(certificates_count_as_a_whole),
	};

	return cmocka_run_group_tests_name("IKE, certificates", tests, setup_all, teardown_all);
}
