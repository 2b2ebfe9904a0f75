/* SPDX-License-Identifier: BSD-2-Clause */
/* What both ends do with the payloads of IKE_SA_INIT, RFC 7296 section 1.2. */
#ifndef IKE_ENGINE_IKE_INIT_PAYLOADS_H
#define IKE_ENGINE_IKE_INIT_PAYLOADS_H

#include "ike_sa.h"
#include "wire/message.h"

/* What both ends say beside the essentials; with NAT_DETECTION_*, of that path and responder's SPI, if `nat`. */
void init_write_abilities(struct body *b, const struct ike_sa *sa, uint64_t spi_r, const struct path *path, bool nat);
void init_read_abilities(struct ike_sa *sa, const struct message *m);

/* KE and nonce of the peer. False if either is not as it has to be. */
bool init_take_ke_and_nonce(struct ike_sa *sa, const struct message *m);

/* Keeps the two messages, which AUTH is made of (section 2.15). 0 or -ENOMEM. A request takes the place of the one
 * before.
 */
int init_keep_request(struct ike_sa *sa, struct chunk request);
int init_keep_response(struct ike_sa *sa, struct chunk response);

/* The payloads of a request, without a cookie in front. */
struct chunk init_but_cookie(struct chunk request);

/*
 * The peer's request as it is with the other cookie in front, malloc'd; NULL: there was none, or there is no memory.
 * Anybody can have the peer put one there, and anybody can put one there in its name: which of the two requests it has
 * sent last shows in AUTH alone.
 */
uint8_t *init_other_request(const struct ike_sa *sa, size_t *size);

#endif
