/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection of the file as IKE takes it. */
#ifndef LOADER_DAEMON_IKE_JSON_H
#define LOADER_DAEMON_IKE_JSON_H

#include "config/config.h"
#include "lib/json.h"

/* Numbers of secrets in the key holder; 0: none. */
struct ike_key_numbers {
	uint32_t psk;
	uint32_t private_key;
	uint32_t ppk;
};

/* Makes the JSON of a connection, *json, which is the caller's to delete. 0, or -errno with the certificate file that
 * could not be read. */
int ike_json(const struct connection_config *c, const struct ike_key_numbers *keys, const char *config_path,
	     cJSON **json, struct fault *f);

#endif
