/* SPDX-License-Identifier: BSD-2-Clause */
/* The KE payload (RFC 7296 section 3.4), of group 20 alone, and the nonce that goes with it (section 3.9). */
#ifndef IKE_CRYPTO_KE_H
#define IKE_CRYPTO_KE_H

#include <stdbool.h>

#include "dh.h"
#include "prf.h"
#include "wire/message.h"
#include "wire/writer.h"

void ke_write(struct body *b, const struct dh *dh);

/* N(error); INVALID_KE_PAYLOAD says which group is wanted (RFC 7296 section 1.3). */
void ke_refuse(struct body *b, uint16_t error);

/* The group that m's KE payload names; -1: there is none, or it is too short to name one. */
int ke_group(const struct message *m);

/* The peer's public value, DH_PUBLIC_SIZE bytes of m. NULL: it is not of group 20, or not as long as that takes. */
const uint8_t *ke_public(const struct message *m);

/* The nonce, in m. False: there is none, or it is shorter or longer than it may be (RFC 7296 section 2.10). */
bool nonce_read(const struct message *m, struct chunk *out);

#endif
