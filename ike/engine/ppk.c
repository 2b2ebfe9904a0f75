/* SPDX-License-Identifier: BSD-2-Clause */
#include "ppk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proof.h"

/* Section 3. The plain keys are kept, for a peer that has no PPK. 0 or -errno. */
static int mix(struct ike_sa *sa)
{
	const struct keyholder_ops *keys = &sa->engine->ops.keys;
	struct handshake *hs = sa->handshake;
	struct ike_keys *k = &sa->keys;
	uint8_t *parts[3] = {k->sk_d, k->sk_pi, k->sk_pr};
	uint8_t *plain[3] = {hs->plain_sk_d, hs->plain_sk_pi, hs->plain_sk_pr};
	int err = 0;

	/* Once: it may have been foreseen. */
	if (hs->ppk_used)
		return 0;
	for (int i = 0; i < 3 && !err; i++) {
		memcpy(plain[i], parts[i], k->size);
		err = keys->ppk(keys->arg, ike_sa_config(sa)->ppk_key, k->prf, plain[i], k->size, parts[i]);
	}
	hs->ppk_used = !err;
	return err;
}

static void unmix(struct ike_sa *sa)
{
	struct handshake *hs = sa->handshake;
	struct ike_keys *k = &sa->keys;

	memcpy(k->sk_d, hs->plain_sk_d, k->size);
	memcpy(k->sk_pi, hs->plain_sk_pi, k->size);
	memcpy(k->sk_pr, hs->plain_sk_pr, k->size);
	hs->ppk_used = false;
}

/* ---- initiator ---- */

int ppk_begin(struct ike_sa *sa)
{
	const struct connection_config *config = ike_sa_config(sa);

	if (!config->ppk_key || (!sa->handshake->peer_ppk && !config->ppk_required))
		return 0;
	if (sa->handshake->peer_ppk)
		return mix(sa);
	ike_unproven(sa, "the peer knows nothing of PPKs, and ppk-required = yes");
	return -EPROTONOSUPPORT;
}

bool ppk_foresee(struct ike_sa *sa)
{
	const struct connection_config *config = ike_sa_config(sa);
	struct handshake *hs = sa->handshake;

	if (!config->ppk_key || !hs->peer_ppk)
		return proof_foresee(sa);
	return mix(sa) == 0 &&
	       (proof_foresee(sa) || (!config->ppk_required && proof_foresee_with(sa, hs->plain_sk_pi)));
}

/* The data of an AUTH payload made with the keys as they were before the PPK, for a peer that does not have it. */
static int write_no_ppk_auth(struct ike_sa *sa, struct body *b)
{
	struct body *scratch = malloc(sizeof(*scratch));
	struct reader r;
	int err;

	if (!scratch)
		return -ENOMEM;
	body_init(scratch);
	err = proof_write_with(sa, sa->handshake->plain_sk_pi, scratch);
	r = reader_of(scratch->data, scratch->w.size);
	read_bytes(&r, PAYLOAD_HEADER_SIZE + AUTH_HEADER_SIZE);
	if (!err)
		notify_write(b, NO_PPK_AUTH, r.at, reader_left(&r));
	free(scratch);
	return err;
}

static void write_id(const struct connection_config *config, struct body *b)
{
	uint8_t data[1 + sizeof(config->ppk_id)];
	struct writer w = {.data = data, .room = sizeof(data)};

	write_u8(&w, PPK_ID_FIXED);
	write_bytes(&w, config->ppk_id, strlen(config->ppk_id));
	notify_write(b, PPK_IDENTITY, data, w.size);
}

int ppk_write(struct ike_sa *sa, struct body *b)
{
	const struct connection_config *config = ike_sa_config(sa);

	if (!sa->handshake->ppk_used)
		return 0;
	write_id(config, b);
	return config->ppk_required ? 0 : write_no_ppk_auth(sa, b);
}

bool ppk_settle(struct ike_sa *sa, const struct message *m)
{
	if (!sa->handshake->ppk_used)
		return true;
	if (message_notify(m, PPK_IDENTITY, NULL)) {
		sa->proofs |= PROOF_PPK;
		return true;
	}
	if (ike_sa_config(sa)->ppk_required) {
		ike_unproven(sa, "the peer does not have the PPK '%s', and ppk-required = yes",
			     ike_sa_config(sa)->ppk_id);
		return false;
	}
	ike_log(sa, "the peer does not have the PPK '%s': going on without", ike_sa_config(sa)->ppk_id);
	unmix(sa);
	return true;
}

/* ---- responder ---- */

static bool is_ours(const struct connection_config *config, const struct notify *n)
{
	struct reader r = reader_of(n->data, n->size);
	const uint8_t type = read_u8(&r);
	const size_t size = strlen(config->ppk_id);

	return config->ppk_key && type == PPK_ID_FIXED && reader_left(&r) == size &&
	       memcmp(r.at, config->ppk_id, size) == 0;
}

bool ppk_choose_auth(struct ike_sa *sa, const struct message *m, struct auth *auth)
{
	struct notify ppk, without;

	*auth = auth_parse(message_find(m, PAYLOAD_AUTH));
	if (!message_notify(m, PPK_IDENTITY, &ppk))
		return true;
	if (is_ours(ike_sa_config(sa), &ppk)) {
		if (mix(sa))
			return false;
		sa->proofs |= PROOF_PPK;
		return true;
	}
	if (!message_notify(m, NO_PPK_AUTH, &without)) {
		ike_unproven(sa, "the peer insists on a PPK that is not configured here: refused");
		return false;
	}
	auth->data = (struct chunk){without.data, without.size};
	return true;
}
