/* SPDX-License-Identifier: BSD-2-Clause */
/* Which connections the IKE process that runs has been told of, and as what: of one that is the same still, it is sent
 * the name alone. */
#ifndef LOADER_DAEMON_IKE_KNOWN_H
#define LOADER_DAEMON_IKE_KNOWN_H

#include "ike_json.h"
#include "lib/key_index.h"

#define KNOWN_DIGEST 32

struct known_connection;

/* A zeroed one knows none. */
struct ike_known {
	struct known_connection *all; /* malloc'd */
	unsigned count;
	unsigned room;
	struct key_index names; /* of all */
};

/* Of all that IKE is told of the connection: two that differ in that have others (SHA-256). 0 or -ENOMEM. */
int ike_known_digest(const struct connection_config *c, const struct ike_numbers *numbers,
		     uint8_t digest[KNOWN_DIGEST]);

/* Whether it was told of that connection just so. */
bool ike_known_has(const struct ike_known *known, const char *name, const uint8_t digest[KNOWN_DIGEST]);

/* It is told so. 0 or -ENOMEM. */
int ike_known_add(struct ike_known *known, const char *name, const uint8_t digest[KNOWN_DIGEST]);

void ike_known_free(struct ike_known *known);

#endif
