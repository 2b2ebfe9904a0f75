/* SPDX-License-Identifier: BSD-2-Clause */
/* Which connection a captured packet belongs to: by its SPI, or by the two addresses of one that has no SA. */
#ifndef LOADER_CAPTURE_CAPTURE_NAMES_H
#define LOADER_CAPTURE_CAPTURE_NAMES_H

#include "captured.h"
#include "lib/json.h"

#define CAPTURE_NAME_MAX 64

struct capture_name;

struct capture_names {
	struct capture_name *names;
	unsigned count;
};

/* Takes them anew from a status document: {connections: [{name, local, remote, peer, children}]}. NULL: there are none.
 */
void capture_names_take(struct capture_names *n, const cJSON *document);

/* The connection whose child has that SPI with the peer of the packet. NULL: none is known. */
const char *capture_name_by_spi(const struct capture_names *n, uint32_t spi, const struct captured_headers *h);

/* The first connection between the packet's addresses. NULL: there is none. */
const char *capture_name_by_addresses(const struct capture_names *n, const struct captured_headers *h);

void capture_names_free(struct capture_names *n);

#endif
