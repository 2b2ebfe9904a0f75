/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A secret that both have besides, against who records now and has a quantum computer later: RFC 8784.
 *
 *   SK{..., AUTH (with the PPK), N(PPK_IDENTITY), N(NO_PPK_AUTH)}  ─►
 *                                                              ◄─  SK{..., AUTH (with or without), [N(PPK_IDENTITY)]}
 *
 * SK_d, SK_pi and SK_pr go through the PPK. The initiator mixes it in and proves itself twice, unless it insists; the
 * responder takes the proof for which it has the keys, and says whether that was the one with the PPK.
 */
#ifndef IKE_ENGINE_PPK_H
#define IKE_ENGINE_PPK_H

#include "ike_sa.h"
#include "wire/message.h"

/* Initiator, before it proves itself: mixes the PPK in, if both have one. -errno: it insists and the peer knows none.
 */
int ppk_begin(struct ike_sa *sa);
/* Whether to wait before that for the proofs by signature (foresight.h), which are made with the PPK mixed in. */
bool ppk_foresee(struct ike_sa *sa);

/* Behind AUTH: which PPK that is, and the proof without it unless ppk-required. 0 or -errno. */
int ppk_write(struct ike_sa *sa, struct body *b);

/* The answer tells whether the peer has the PPK: PROOF_PPK, or all goes back to the plain keys. False: it insists. */
bool ppk_settle(struct ike_sa *sa, const struct message *m);

/*
 * Responder: the AUTH that is to be checked, with the keys that it was made with. With a PPK that we have it is the
 * one with the keys mixed (PROOF_PPK); with one that we don't, what NO_PPK_AUTH has, made by AUTH's method. False: the
 * peer insists on a PPK that is not ours.
 */
bool ppk_choose_auth(struct ike_sa *sa, const struct message *m, struct auth *auth);

#endif
