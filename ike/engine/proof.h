/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who we are and who the other is, each with its proof: the payloads ID, CERT and AUTH of IKE_AUTH, RFC 7296
 * section 2.15.
 *
 * What is found right sets its bit in the IKE SA (enum proof), what is not is logged with the reason. Nothing is
 * decided here: ike_sa_admit() does, by the bits. What a check returns is only whether the next one makes sense.
 */
#ifndef IKE_ENGINE_PROOF_H
#define IKE_ENGINE_PROOF_H

#include "ike_sa.h"
#include "wire/message.h"

/* IDi or IDr. */
void proof_write_id(struct body *b, uint8_t type, const struct identity *id);

/* AUTH. The second: with keys of its own instead of the IKE SA's SK_p. 0 or -errno; the first records it, and returns
 * -EPROTONOSUPPORT. */
int proof_write(struct ike_sa *sa, struct body *b);
int proof_write_with(struct ike_sa *sa, const uint8_t *sk_p, struct body *b);

/* Whether to wait for the signature that the same will need (foresight.h). */
bool proof_foresee(struct ike_sa *sa);
bool proof_foresee_with(struct ike_sa *sa, const uint8_t *sk_p);

/* What may be wrong if the peer does not take us for who we say we are. */
void proof_why_refused(const struct ike_sa *sa, char why[FAILURE_TEXT]);

/* Whether the connection is for a peer of that identity, which comes from that address. */
bool proof_allows(const struct connection_config *config, const uint8_t remote[4], const struct identity *id);

/* PROOF_IDENTITY: the peer's ID is one that the connection allows. */
bool proof_check_identity(struct ike_sa *sa, const struct payload *id);

/* PROOF_AUTH, and PROOF_CERTIFICATE: auth is what the AUTH payload has, or NO_PPK_AUTH in its place. */
bool proof_check_auth(struct ike_sa *sa, const struct message *m, const struct payload *id, const struct auth *auth);

/* Whether to wait for what that will need. *good: it is known to be right. */
bool proof_foresee_check(struct ike_sa *sa, const struct message *m, const struct payload *id, const struct auth *auth,
			 bool *good);

#endif
