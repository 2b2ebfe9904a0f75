/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection of the file as IKE takes it. */
#ifndef LOADER_DAEMON_IKE_JSON_H
#define LOADER_DAEMON_IKE_JSON_H

#include "config/config.h"
#include "lib/json.h"

/* Of what a connection's files have in them; 0: none. */
struct ike_numbers {
	uint32_t psk; /* secrets in the key holder (ike_keys.h) */
	uint32_t private_key;
	uint32_t ppk;
	uint32_t cert; /* ike_certs.h */
	uint32_t ca;
	uint32_t crl;
};

/* The JSON of a connection, the caller's to delete. NULL: no memory. */
cJSON *ike_json(const struct connection_config *c, const struct ike_numbers *numbers);

#endif
