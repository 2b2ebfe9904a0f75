/* SPDX-License-Identifier: BSD-2-Clause */
/* NAT detection, RFC 7296 section 2.23: each side sends hashes of the addresses that it knows. Transport mode does not
 * go through NAT, so what is found ends the handshake. */
#ifndef IKE_ENGINE_NAT_H
#define IKE_ENGINE_NAT_H

#include "engine_ops.h"
#include "wire/message.h"
#include "wire/writer.h"

/* The two hashes of the addresses, for an IKE_SA_INIT with these SPIs. */
void nat_write(struct body *b, uint64_t spi_i, uint64_t spi_r, const struct path *path);

/* Whose address or port was changed on the way. */
enum nat_end {
	NAT_NOWHERE = 0,
	NAT_HERE = 1 << 0,
	NAT_THERE = 1 << 1, /* or the peer says so, to have UDP encapsulation */
};

/* enum nat_end: 0, or one, or both. A message without the hashes shows nothing. */
unsigned nat_ends(const struct message *m, const struct path *path);

/* One line for people, of what nat_ends() has found. */
void nat_why(unsigned ends, char *why, size_t size);

#endif
