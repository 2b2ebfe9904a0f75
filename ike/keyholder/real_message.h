/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What AUTH is over, looked at before a secret is lent to it: who has broken into
 * the protocol process shall not have anything else signed, say a certificate, or
 * what another protocol signs with the same key.
 *
 *   RealMessage | nonce of the other side | prf(SK_p, ID)       RFC 7296 section 2.15
 *   RealMessage = the IKE header of an IKE_SA_INIT, then payloads in the clear, SA, KE and a nonce among them
 */
#ifndef IKE_KEYHOLDER_REAL_MESSAGE_H
#define IKE_KEYHOLDER_REAL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* prf: its output is the end; 0: that of any of ours may be. ours: a message as this program writes them. */
bool is_auth_octets(const uint8_t *octets, size_t size, uint16_t prf, bool ours);

#endif
