/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_init_payloads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/ke.h"
#include "nat.h"
#include "wire/reader.h"
#include "wire/writer.h"

/* Who is meant is known when IDi has come: until then, what any connection has between the two (RFC 8784). */
static bool may_have_ppk(const struct ike_sa *sa)
{
	struct connection *c = NULL;

	if (sa->initiator)
		return ike_sa_config(sa)->ppk_key;
	while ((c = connection_for(sa->engine, sa->path.local, sa->path.remote, c)))
		if (c->config->ppk_key)
			return true;
	return false;
}

void init_write_abilities(struct body *b, const struct ike_sa *sa, uint64_t spi_r, const struct path *path, bool nat)
{
	if (nat)
		nat_write(b, sa->spi_i, spi_r, path);
	notify_write(b, IKEV2_FRAGMENTATION_SUPPORTED, NULL, 0);
	hash_algorithms_write(b);
	if (may_have_ppk(sa))
		notify_write(b, USE_PPK, NULL, 0);
}

void init_read_abilities(struct ike_sa *sa, const struct message *m)
{
	struct notify n;

	sa->fragmentation = message_notify(m, IKEV2_FRAGMENTATION_SUPPORTED, NULL);
	sa->handshake->peer_childless = message_notify(m, CHILDLESS_IKEV2_SUPPORTED, NULL);
	sa->handshake->peer_ppk = message_notify(m, USE_PPK, NULL);
	if (message_notify(m, SIGNATURE_HASH_ALGORITHMS, &n))
		sa->handshake->peer_hashes = hash_algorithms_parse(&n);
}

bool init_take_ke_and_nonce(struct ike_sa *sa, const struct message *m)
{
	const uint8_t *public = ke_public(m);
	struct handshake *hs = sa->handshake;
	struct chunk nonce;

	if (!public || !nonce_read(m, &nonce))
		return false;
	memcpy(hs->peer_public, public, DH_PUBLIC_SIZE);
	memcpy(hs->peer_nonce, nonce.data, nonce.size);
	hs->peer_nonce_size = (uint16_t)nonce.size;
	nonce_lower(sa->low_nonce, CHUNK(hs->nonce), nonce);
	return true;
}

static int keep(uint8_t **to, size_t *to_size, struct chunk message)
{
	*to = malloc(message.size);
	if (!*to)
		return -ENOMEM;
	memcpy(*to, message.data, message.size);
	*to_size = message.size;
	return 0;
}

int init_keep_request(struct ike_sa *sa, struct chunk request)
{
	struct handshake *hs = sa->handshake;
	uint8_t *before = hs->init_request;
	int err = keep(&hs->init_request, &hs->init_request_size, request);

	if (err)
		hs->init_request = before;
	else
		free(before);
	return err;
}

/* In the header of IKE (RFC 7296 section 3.1): the kind of the first payload, and the size of all. */
#define AT_FIRST_PAYLOAD 16
#define AT_SIZE		 24

struct chunk init_but_cookie(struct chunk request)
{
	const struct chunk all = {(const uint8_t *)request.data + IKE_HEADER_SIZE, request.size - IKE_HEADER_SIZE};
	struct reader r = reader_of(all.data, all.size);
	uint16_t size;

	read_u16(&r);
	size = read_u16(&r);
	read_u16(&r);
	if (((const uint8_t *)request.data)[AT_FIRST_PAYLOAD] != PAYLOAD_NOTIFY || read_u16(&r) != COOKIE ||
	    size > all.size)
		return all;
	return (struct chunk){(const uint8_t *)all.data + size, all.size - size};
}

uint8_t *init_other_request(const struct ike_sa *sa, size_t *size)
{
	const struct handshake *hs = sa->handshake;
	struct writer w = {.room = 0};
	struct chunk rest;

	if (sa->initiator || !hs->other_cookie_size)
		return NULL;
	rest = init_but_cookie((struct chunk){hs->init_request, hs->init_request_size});
	w.room = IKE_HEADER_SIZE + hs->other_cookie_size + rest.size;
	w.data = malloc(w.room);
	if (!w.data)
		return NULL;
	write_bytes(&w, hs->init_request, AT_FIRST_PAYLOAD);
	write_u8(&w, PAYLOAD_NOTIFY);
	write_bytes(&w, hs->init_request + w.size, AT_SIZE - w.size);
	write_u32(&w, (uint32_t)w.room);
	write_bytes(&w, hs->other_cookie, hs->other_cookie_size);
	write_bytes(&w, rest.data, rest.size);
	*size = w.size;
	return w.data;
}

int init_keep_response(struct ike_sa *sa, struct chunk response)
{
	return keep(&sa->handshake->init_response, &sa->handshake->init_response_size, response);
}
