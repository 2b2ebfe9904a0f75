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
/* False: an address or a port was changed on the way. A message without the hashes shows nothing. */
bool nat_check(const struct message *m, const struct path *path);

#endif
