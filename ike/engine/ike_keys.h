/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of an IKE SA from its handshake: RFC 7296 section 2.14. */
#ifndef IKE_ENGINE_IKE_KEYS_H
#define IKE_ENGINE_IKE_KEYS_H

#include "ike_sa.h"

/*
 * Shared secret and keys, once. The responder derives when IKE_AUTH comes, so that a half-open IKE SA costs it one half
 * of the exchange. False: the peer's public value is none, or there is no memory; the caller ends the IKE SA.
 */
bool ike_keys_derive(struct ike_sa *sa);

/* For Wireshark, if the file allows it. */
void ike_keys_log(const struct ike_sa *sa);

#endif
