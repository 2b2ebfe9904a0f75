/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates as a peer sends them, and CAs, CRLs and certificates as files have them; all of them are the input's, so
 * that a chain that holds is one that is changed. What must hold: what is believed is so once more, for as long as was
 * said and no longer; and who is not named by the certificate is not believed.
 *
 *   part: identity's text; part: CA in PEM; part: CRL in PEM (empty: none); part: our own certificate in PEM;
 *   then a part for each CERT payload: certificates in DER
 */
#include <errno.h>
#include <string.h>

#include "config/file_times.h"
#include "config/judge.h"
#include "fuzz.h"
#include "identity/certs.h"
#include "pki.h"

#define NOW   1800000000
#define CERTS 6

struct sent {
	char *id, *ca, *crl, *own;
	struct message m;
};

static void read_input(struct sent *s, struct input *in)
{
	size_t size;

	memset(s, 0, sizeof(*s));
	s->id = (char *)input_part(in, true, &size);
	s->ca = (char *)input_part(in, true, &size);
	s->crl = (char *)input_part(in, true, &size);
	s->own = (char *)input_part(in, true, &size);
	while (s->m.count < CERTS && in->left) {
		struct payload *p = &s->m.payloads[s->m.count++];
		uint8_t *der = input_part(in, false, &size), *data = malloc(size + 1);

		data[0] = CERT_X509_SIGNATURE;
		if (size)
			memcpy(data + 1, der, size);
		*p = (struct payload){.type = PAYLOAD_CERT, .data = data, .size = size + 1};
		free(der);
	}
}

static void free_input(struct sent *s)
{
	for (unsigned i = 0; i < s->m.count; i++)
		free((void *)s->m.payloads[i].data);
	free(s->id);
	free(s->ca);
	free(s->crl);
	free(s->own);
}

static void check_kept(struct peer_certs *kept, const struct trust *t)
{
	const int64_t until = kept->until;
	struct fault f;

	require(kept->der && until >= NOW);
	require(peer_certs_verify(kept, t, NOW, &f) == 0 && kept->until == until);
	require(peer_certs_verify(kept, t, until + 1, &f) != 0);
}

static void verify_peer(const struct sent *s, const struct trust *t, const struct identity *id)
{
	struct peer_certs kept = {0};
	EVP_PKEY *key = NULL;
	struct fault f = {""};
	int err = certs_verify(&s->m, t, id, NOW, &key, &kept, &f);

	require(!err == !!key && (err == 0 || f.text[0]));
	if (!err)
		check_kept(&kept, t);
	EVP_PKEY_free(key);
	peer_certs_free(&kept);
}

static void look_at_own(const struct sent *s, const struct trust *t, const struct identity *id)
{
	static struct body b;
	struct connection_config c = {.cert = true};
	struct file_times times;
	struct fault f = {""};
	int bits;

	if (credentials_load(&c.credentials, s->own, &f))
		return;
	body_init(&b);
	certs_write(&b, c.credentials);
	credentials_key_type(c.credentials, &bits);
	credentials_expired(c.credentials, NOW);
	if (credentials_identity(c.credentials, &c.local_id) == 0)
		require(credentials_name(c.credentials, &c.local_id));
	credentials_name(c.credentials, id);
	require(credentials_equal(c.credentials, c.credentials));
	if (t) {
		c.trust = (struct trust *)(uintptr_t)t;
		credentials_verify(c.credentials, t, NOW, &f);
		judge(&c, NOW, &f);
		for (enum dated_file file = DATED_CERT; file < DATED_FILES; file++)
			if (file_times(&c, file, &times) && file_ends_soon(file, &times, NOW))
				file_end_tell(file, &times, NOW, &f);
	}
	credentials_free(c.credentials);
}

static void run(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	static struct body b;
	struct trust *t = NULL;
	struct identity id;
	struct sent s;
	struct fault f = {""};
	int err;

	read_input(&s, &in);
	if (identity_from_text(&id, s.id, NULL))
		id = (struct identity){.type = ID_FQDN, .size = 1, .data = "x"};
	err = trust_load(&t, s.ca, s.crl[0] ? s.crl : NULL, &f);
	require(err == 0 || f.text[0]);
	if (!err) {
		body_init(&b);
		certreq_write(&b, t);
		verify_peer(&s, t, &id);
	}
	look_at_own(&s, err ? NULL : t, &id);
	if (!err)
		trust_free(t);
	free_input(&s);
}

/* ---- seeds ---- */

static void seed_der(struct seed *s, X509 *cert)
{
	uint8_t *der = NULL;
	const int size = i2d_X509(cert, &der);

	seed_part(s, der, (size_t)size);
	OPENSSL_free(der);
}

static void seed_chain(struct pki *pki, X509 *anchor, X509 *above, const char *id)
{
	char *ca = pki_pem(anchor, NULL), *own = pki_pem(pki->last, NULL);
	struct seed s = {0};

	seed_part(&s, id, strlen(id));
	seed_part(&s, ca, strlen(ca));
	seed_part(&s, pki->crl ? pki->crl : "", pki->crl ? strlen(pki->crl) : 0);
	seed_part(&s, own, strlen(own));
	seed_der(&s, pki->last);
	if (above)
		seed_der(&s, above);
	fuzz_seed(s.data, s.size);
	free(ca);
	free(own);
}

static void make_leaf(struct pki *pki, int64_t until)
{
	struct world w;
	struct connection_config *c;

	world_init(&w);
	c = world_connection(&w, 0);
	pki_use(pki, &w, 0, c, NOW - 86400, until);
	connection_config_free(c);
	world_free(&w);
}

static void seeds(void)
{
	static const char *const alts[] = {NULL, "IP:192.0.2.1,email:ops@host.example,",
					   "DNS:*.example,otherName:1.2.3;UTF8:x,"};
	static const char *const usages[] = {NULL, "digitalSignature", "critical,keyAgreement"};
	struct pki root, middle;

	for (size_t i = 0; i < 3; i++) {
		pki_init(&root, NOW);
		pki_init_under(&middle, &root, NOW);
		root.alt_names = middle.alt_names = alts[i];
		root.key_usage = usages[i];
		make_leaf(&middle, NOW + 43200);
		seed_chain(&middle, root.ca, middle.ca, "host0.example");
		make_leaf(&root, i == 1 ? NOW - 1 : NOW + 43200);
		seed_chain(&root, root.ca, NULL, i ? "192.0.2.1" : "host0.example");
		pki_make_crl(&root, i == 1, NOW, i == 2 ? NOW - 1 : NOW + 43200);
		seed_chain(&root, root.ca, NULL, i ? "CN=host0.example" : "host0.example");
		seed_chain(&root, middle.ca, NULL, "ops@host.example");
		pki_free(&middle);
		pki_free(&root);
	}
}

FUZZER(.name = "certs", .run = run, .seeds = seeds)
