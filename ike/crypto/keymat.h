/* SPDX-License-Identifier: BSD-2-Clause */
/* Key derivation: RFC 7296 sections 2.14 (IKE SA), 2.17 (child), 2.18 (rekey of the IKE SA). */
#ifndef IKE_CRYPTO_KEYMAT_H
#define IKE_CRYPTO_KEYMAT_H

#include "dh.h"
#include "gcm.h"
#include "prf.h"

#define CHILD_KEYMAT_SIZE 36 /* RFC 4106 section 8.1: AES-256 key, salt */

/* GCM has no SK_a (RFC 5282 section 7.1). */
struct ike_keys {
	uint16_t prf;
	uint8_t size; /* of sk_d, sk_pi, sk_pr */
	uint8_t sk_d[PRF_SIZE_MAX];
	uint8_t sk_pi[PRF_SIZE_MAX];
	uint8_t sk_pr[PRF_SIZE_MAX];
	struct sk_key ei; /* initiator's */
	struct sk_key er;
};

/* What both ways of deriving an IKE SA's keys mix in. */
struct keymat_input {
	const uint8_t *secret; /* DH_SECRET_SIZE */
	struct chunk ni;
	struct chunk nr;
	uint64_t spi_i;
	uint64_t spi_r;
};

/* SKEYSEED = prf(Ni | Nr, g^ir), then prf+. 0 or -EIO. */
int keymat_ike(struct ike_keys *out, uint16_t prf, const struct keymat_input *in);

/* SKEYSEED = prf(SK_d (old), g^ir | Ni | Nr) with the old PRF, then prf+ with the new. 0 or -EIO. */
int keymat_ike_rekey(struct ike_keys *out, uint16_t prf, const struct ike_keys *old, const struct keymat_input *in);

/*
 * KEYMAT of a child: first what the exchange's initiator sends with, then what its responder sends with.
 * secret: DH_SECRET_SIZE bytes of the exchange's own group 20, or NULL (in IKE_AUTH). 0 or -EIO.
 */
int keymat_child(const struct ike_keys *keys, const uint8_t *secret, struct chunk ni, struct chunk nr,
		 uint8_t from_initiator[CHILD_KEYMAT_SIZE], uint8_t from_responder[CHILD_KEYMAT_SIZE]);

#endif
