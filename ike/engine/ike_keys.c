/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_keys.h"

void ike_keys_log(const struct ike_sa *sa)
{
	const struct engine_ops *ops = &sa->engine->ops;

	if (ops->keylog)
		ops->keylog(ops->arg, sa->spi_i, sa->spi_r, &sa->keys);
}

bool ike_keys_derive(struct ike_sa *sa)
{
	struct handshake *hs = sa->handshake;
	uint8_t secret[DH_SECRET_SIZE];
	const struct chunk ours = CHUNK(hs->nonce), theirs = {hs->peer_nonce, hs->peer_nonce_size};
	const struct keymat_input in = {
		.secret = secret,
		.ni = sa->initiator ? ours : theirs,
		.nr = sa->initiator ? theirs : ours,
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
	};
	int err;

	if (sa->keys_ready)
		return true;
	err = ike_secret(sa, &hs->dh, hs->peer_public, secret);
	if (!err)
		err = keymat_ike(&sa->keys, hs->prf, &in);
	explicit_bzero(secret, sizeof(secret));
	/* The peer's public value may be forged: then the next answer is to ours once more. */
	if (err)
		return false;
	dh_wipe(&hs->dh);
	sa->keys_ready = true;
	ike_keys_log(sa);
	return true;
}
