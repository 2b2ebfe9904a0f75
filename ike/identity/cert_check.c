/* SPDX-License-Identifier: BSD-2-Clause */
#include "cert_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the check ---- */

static bool is_x509(const struct payload *p)
{
	return p->size > 1 && p->data[0] == CERT_X509_SIGNATURE;
}

void cert_check_take(struct cert_check *c, const struct message *m)
{
	const struct payload *p = message_find(m, PAYLOAD_CERT);

	for (c->count = 0; p && c->count < CERTS_MAX; p = message_next(m, p))
		if (is_x509(p))
			c->certs[c->count++] = (struct chunk){p->data, p->size};
}

/* As certs.h wants them. */
static void put_certs(struct message *m, const struct cert_check *c)
{
	m->count = 0;
	for (unsigned i = 0; i < c->count; i++)
		m->payloads[m->count++] =
			(struct payload){.type = PAYLOAD_CERT, .data = c->certs[i].data, .size = c->certs[i].size};
}

void cert_check(const struct cert_check *c, struct cert_verdict *v)
{
	const struct auth_octets octets = {(uint8_t *)c->octets.data, c->octets.size};
	EVP_PKEY *key = NULL;
	struct message m;

	*v = (struct cert_verdict){.err = 0};
	put_certs(&m, c);
	v->err = certs_verify(&m, c->trust, &c->id, c->now, &key, &v->certs, &v->why);
	v->certified = !v->err;
	if (!v->err)
		v->err = auth_check_signature(&c->auth, key, &octets, &v->why);
	EVP_PKEY_free(key);
	if (v->err)
		peer_certs_free(&v->certs);
}

void cert_verdict_free(struct cert_verdict *v)
{
	peer_certs_free(&v->certs);
}

/* ---- written ---- */

static void write_chunk(struct writer *w, struct chunk c)
{
	write_u32(w, (uint32_t)c.size);
	write_bytes(w, c.data, c.size);
}

/* With its NUL. */
static struct chunk text_of(const char *text)
{
	return (struct chunk){text, text ? strlen(text) + 1 : 0};
}

static size_t size_of(const struct cert_check *c)
{
	const size_t size = TRUST_DIGEST_SIZE + sizeof(uint64_t) + 2 + (6 + c->count) * sizeof(uint32_t) + c->id.size +
			    c->auth.data.size + c->octets.size;
	size_t certs = 0;

	for (unsigned i = 0; i < c->count; i++)
		certs += c->certs[i].size;
	return size + certs + text_of(c->trust->ca).size + text_of(c->trust->crl).size;
}

static void write_about(struct writer *w, const struct cert_check *c)
{
	write_bytes(w, c->trust->digest, TRUST_DIGEST_SIZE);
	write_u8(w, c->id.type);
	write_chunk(w, (struct chunk){c->id.data, c->id.size});
	write_u8(w, c->auth.method);
	write_chunk(w, c->auth.data);
	write_chunk(w, c->octets);
	write_u32(w, c->count);
	for (unsigned i = 0; i < c->count; i++)
		write_chunk(w, c->certs[i]);
}

uint8_t *cert_check_write(const struct cert_check *c, size_t *about, size_t *size)
{
	struct writer w = {.room = size_of(c)};

	w.data = malloc(w.room);
	if (!w.data)
		return NULL;
	write_about(&w, c);
	*about = w.size;
	write_u64(&w, (uint64_t)c->now);
	write_chunk(&w, text_of(c->trust->ca));
	write_chunk(&w, text_of(c->trust->crl));
	*size = w.size;
	return w.data;
}

static struct chunk read_chunk(struct reader *r)
{
	const uint32_t size = read_u32(r);

	return (struct chunk){read_bytes(r, size), size};
}

static const char *read_text(struct reader *r)
{
	const struct chunk c = read_chunk(r);

	if (!c.data || !c.size)
		return NULL;
	r->bad |= ((const char *)c.data)[c.size - 1] != '\0';
	return c.data;
}

static void read_identity(struct reader *r, struct identity *id)
{
	struct chunk c;

	id->type = read_u8(r);
	c = read_chunk(r);
	if (c.size > IDENTITY_MAX)
		r->bad = true;
	if (r->bad)
		return;
	id->size = (uint16_t)c.size;
	if (c.data)
		memcpy(id->data, c.data, c.size);
}

bool cert_check_read(struct cert_check *c, struct cert_check_files *files, const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	const uint8_t *digest = read_bytes(&r, TRUST_DIGEST_SIZE);

	*c = (struct cert_check){.trust = NULL};
	if (digest)
		memcpy(files->digest, digest, TRUST_DIGEST_SIZE);
	read_identity(&r, &c->id);
	c->auth.method = read_u8(&r);
	c->auth.data = read_chunk(&r);
	c->octets = read_chunk(&r);
	c->count = read_u32(&r);
	if (r.bad || c->count > CERTS_MAX)
		return false;
	for (unsigned i = 0; i < c->count; i++)
		c->certs[i] = read_chunk(&r);
	c->now = (int64_t)read_u64(&r);
	files->ca = read_text(&r);
	files->crl = read_text(&r);
	return !r.bad && files->ca && !reader_left(&r);
}

uint8_t *cert_verdict_write(const struct cert_verdict *v, size_t *size)
{
	const size_t text = strlen(v->why.text);
	struct writer w = {.room = sizeof(uint32_t) * 2 + 1 + sizeof(uint64_t) + text + v->certs.size};

	w.data = malloc(w.room);
	if (!w.data)
		return NULL;
	write_u32(&w, (uint32_t)-v->err);
	write_u8(&w, v->certified);
	write_u64(&w, (uint64_t)v->certs.until);
	write_chunk(&w, (struct chunk){v->why.text, text});
	write_bytes(&w, v->certs.der, v->certs.size);
	*size = w.size;
	return w.data;
}

static bool take_der(struct peer_certs *certs, struct reader *r)
{
	certs->size = reader_left(r);
	certs->der = malloc(certs->size ? certs->size : 1);
	if (certs->der)
		memcpy(certs->der, r->at, certs->size);
	return certs->der;
}

bool cert_verdict_read(struct cert_verdict *v, const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	struct chunk text;

	*v = (struct cert_verdict){.err = -(int)read_u32(&r)};
	v->certified = read_u8(&r) != 0;
	v->certs.until = (int64_t)read_u64(&r);
	text = read_chunk(&r);
	if (r.bad || text.size >= sizeof(v->why.text))
		return false;
	memcpy(v->why.text, text.data, text.size);
	/* What is not proven has no certificates, and what is has some. */
	return v->err ? v->err < 0 && !reader_left(&r) : v->certified && reader_left(&r) && take_der(&v->certs, &r);
}
