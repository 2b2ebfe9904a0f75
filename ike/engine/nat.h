/* SPDX-License-Identifier: BSD-2-Clause */
/* NAT detection: RFC 7296 section 2.23. */
#ifndef IKE_NAT_H
#define IKE_NAT_H

#include "engine_ops.h"
#include "wire/message.h"
#include "wire/writer.h"

void nat_write(struct body *b, uint64_t spi_i, uint64_t spi_r, const struct path *path);
/* False: somebody translates addresses or ports on the way. The payloads may be missing. */
bool nat_check(const struct message *m, const struct path *path);

#endif
