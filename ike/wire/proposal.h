/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SA payload, RFC 7296 section 3.3: what is offered, what is taken.
 *
 * There is one suite, so that what is left to choose is small: the PRF of the IKE SA
 * (HMAC-SHA2-384, then 512, then 256) and whether the child has ESN.
 *
 *   IKE: ENCR_AES_GCM_16/256, a PRF, ECP-384       (INTEG none or not there)
 *   ESP: ENCR_AES_GCM_16/256, ESN, in CREATE_CHILD_SA also ECP-384
 *
 * Additional key exchanges (RFC 9370) are not spoken: what a peer offers of them with NONE is answered by NONE.
 */
#ifndef IKE_WIRE_PROPOSAL_H
#define IKE_WIRE_PROPOSAL_H

#include "message.h"

/* Types of transform, 1 << type each. */
typedef uint16_t transform_set;

struct ike_choice {
	uint8_t number; /* of the peer's proposal */
	uint16_t prf;
	transform_set none; /* additional key exchanges to be answered by NONE */
	uint64_t spi;	    /* in a rekey of the IKE SA: the peer's new SPI; else 0 */
};

struct esp_choice {
	uint8_t number;
	uint32_t spi; /* the peer's inbound SPI */
	bool esn;
	bool dh; /* group 20 is part of it */
	transform_set none;
};

enum esn_policy {
	ESN_NEVER,
	ESN_OFFERED, /* first choice; without it if the peer has none */
};

/* SA payload with our offer; spi: 0 in IKE_SA_INIT, our new SPI in a rekey of the IKE SA. */
void proposal_offer_ike(struct body *b, uint64_t spi);
void proposal_offer_esp(struct body *b, uint32_t spi, enum esn_policy esn, bool dh);

/*
 * The responder's choice from what the peer offers: by our preference among the transforms of the first
 * proposal that has all we need. rekey: an 8-byte SPI is expected. dh: group 20 must
 * be offered (without dh, a group that is offered is passed over, as RFC 7296 section 1.3.1 has it for IKE_AUTH).
 * 0; -ENOPROTOOPT if nothing fits; -EPROTONOSUPPORT if something would, without the additional key exchange that
 * the peer insists on; -EBADMSG if it is not well-formed.
 */
int proposal_choose_ike(const struct payload *sa, bool rekey, struct ike_choice *out);
int proposal_choose_esp(const struct payload *sa, enum esn_policy esn, bool dh, struct esp_choice *out);

/* SA payload with the one proposal taken. spi as above: ours. */
void proposal_answer_ike(struct body *b, const struct ike_choice *c, uint64_t spi);
void proposal_answer_esp(struct body *b, const struct esp_choice *c, uint32_t spi);

/*
 * The initiator reads the answer: exactly one proposal, exactly one transform of
 * each kind, all of them from the offer. Errors as above.
 */
int proposal_accept_ike(const struct payload *sa, bool rekey, struct ike_choice *out);
int proposal_accept_esp(const struct payload *sa, enum esn_policy esn, bool dh, struct esp_choice *out);

/* Why, in words, where the error is EPROTONOSUPPORT. */
#define PROPOSAL_INSISTS \
	"insists on an additional key exchange (RFC 9370), which is not spoken here: let it offer NONE as well"

/* What a peer offers or took, for the log when it does not fit: "AES_CBC-128/HMAC_SHA2_256_128/MODP_2048, ..." (cut to
 * size). */
void proposal_text(const struct payload *sa, char *buf, size_t size);

#endif
