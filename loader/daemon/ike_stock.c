/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_stock.h"

#include <errno.h>
#include <string.h>

/* ---- what is in the files of a connection ---- */

/* 0; 1 with a note in f; -errno. */
static int number_keys(struct ike_stock *s, const struct connection_config *c, struct ike_numbers *n, struct fault *f)
{
	int err = ike_keys_use(&s->keys, s->config_path, c, "psk", c->psk_file, &n->psk, f);
	const int note = err > 0;

	if (err >= 0)
		err = ike_keys_use(&s->keys, s->config_path, c, "private", c->key_file, &n->private_key, f);
	if (!err)
		err = ike_keys_use(&s->keys, s->config_path, c, "ppk", c->ppk_file, &n->ppk, f);
	return err ? err : note;
}

static int number_certs(struct ike_stock *s, const struct connection_config *c, struct ike_numbers *n, struct fault *f)
{
	int err = ike_certs_use(&s->certs, "cert", s->config_path, c, c->cert_file, &n->cert, f);

	if (!err)
		err = ike_certs_use(&s->certs, "ca", s->config_path, c, c->ca_file, &n->ca, f);
	if (!err)
		err = ike_certs_use(&s->certs, "crl", s->config_path, c, c->crl_file, &n->crl, f);
	if (!err && c->cert && n->cert)
		err = ike_keys_match(&s->keys, s->config_path, c, n->private_key, n->cert,
				     ike_certs_text(&s->certs, n->cert), f);
	return err;
}

/* 0; 1 with a note in f; -errno. */
static int number_files(struct ike_stock *s, const struct connection_config *c, struct ike_numbers *n, struct fault *f)
{
	int err, note = number_keys(s, c, n, f);

	if (note < 0)
		return note;
	err = number_certs(s, c, n, f);
	return err ? err : note;
}

/* ---- the document ---- */

void ike_stock_begin(struct ike_stock *stock)
{
	ike_keys_begin(&stock->keys);
	ike_certs_begin(&stock->certs);
}

struct ike_delivery ike_delivery_new(const struct config *config)
{
	struct ike_delivery d = {.document = cJSON_CreateObject()};

	d.incomplete = !cJSON_AddNumberToObject(d.document, "cookie_threshold", config->cookie_threshold) ||
		       !cJSON_AddNumberToObject(d.document, "dscp", config->ike_dscp) ||
		       !(d.kept = cJSON_AddArrayToObject(d.document, "kept")) ||
		       !(d.connections = cJSON_AddArrayToObject(d.document, "connections"));
	return d;
}

static bool add(struct ike_delivery *d, const struct ike_stock *stock, const struct connection_config *c,
		const struct ike_numbers *numbers, const uint8_t digest[KNOWN_DIGEST])
{
	if (ike_known_has(&stock->known, c->name, digest))
		return json_append(d->kept, cJSON_CreateString(c->name));
	return json_append(d->connections, ike_json(c, numbers));
}

int ike_delivery_add(struct ike_delivery *d, struct ike_stock *stock, const struct connection_config *c,
		     struct fault *f)
{
	struct ike_numbers numbers = {0};
	uint8_t digest[KNOWN_DIGEST];
	int err, note = number_files(stock, c, &numbers, f);

	if (note < 0)
		return note;
	err = ike_known_digest(c, &numbers, digest);
	if (!err)
		err = ike_known_add(&d->known, c->name, digest);
	if (err)
		return fault(f, -err, "%s", strerror(-err));
	d->incomplete |= !add(d, stock, c, &numbers, digest);
	return note;
}

int ike_delivery_close(struct ike_delivery *d, struct ike_stock *stock, struct fault *f)
{
	if (!ike_certs_add(&stock->certs, d->document) || d->incomplete)
		return fault(f, ENOMEM, "IKE's configuration: %s", strerror(ENOMEM));
	/* Whatever comes of it: one that comes a second time is as good. */
	ike_certs_sent(&stock->certs);
	/* Nor, unless it is taken, is anything counted on that IKE may have or not. */
	ike_known_free(&stock->known);
	return 0;
}

void ike_delivery_taken(struct ike_delivery *d, struct ike_stock *stock)
{
	ike_keys_end(&stock->keys);
	ike_certs_taken(&stock->certs);
	stock->known = d->known;
	d->known = (struct ike_known){0};
}

void ike_delivery_end(struct ike_delivery *d)
{
	ike_known_free(&d->known);
	cJSON_Delete(d->document);
}

/* ---- life ---- */

void ike_stock_lost(struct ike_stock *stock)
{
	ike_keys_lost(&stock->keys);
	ike_certs_lost(&stock->certs);
	ike_known_free(&stock->known);
}

void ike_stock_free(struct ike_stock *stock)
{
	ike_keys_free(&stock->keys);
	ike_certs_free(&stock->certs);
	ike_known_free(&stock->known);
}
