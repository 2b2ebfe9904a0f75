/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The secrets that the supervisor gives the key holder: their files, opened, each under a number by which the protocol
 * process asks for the secret. A file that has not changed keeps its number, so that a reload touches nothing that has
 * not changed.
 */
#ifndef LOADER_DAEMON_IKE_KEYS_H
#define LOADER_DAEMON_IKE_KEYS_H

#include "config/config.h"
#include "lib/json.h"
#include "lib/key_index.h"

/*
 * How long an answer of IKE, or of its key holder, may take before the process is taken for hung. One that lives needs
 * milliseconds; a thousand connections with certificates take a second or two, on a host with better things to do.
 */
#define IKE_ANSWER_MS 10000

struct ike_key;
struct ike_pair;

struct ike_keys {
	int socket;	       /* to the key holder; -1: it does not run */
	bool hung;	       /* no answer came in time; one that came now would be taken for the next question's */
	struct ike_key *known; /* malloc'd */
	unsigned count;
	unsigned room;
	struct key_index files; /* of known */
	uint32_t last;
	struct ike_pair *pairs; /* of private keys and certificates that go together, in this configuration; malloc'd */
	unsigned pair_count;
	struct key_index matched; /* of pairs */
};

/* A configuration begins: no secret is in use so far. */
void ike_keys_begin(struct ike_keys *keys);

/* *id: the number of the secret in the file, which is given to the key holder unless it has the secret; file "" is
 * number 0. kind: psk, private or ppk. 0; 1 with a note in f; -errno. Note and fault name connection and file. */
int ike_keys_use(struct ike_keys *keys, const char *config_path, const struct connection_config *c, const char *kind,
		 const char *file, uint32_t *id, struct fault *f);

/* Whether the private key of that number goes with the certificate of that number (ike_certs.h), whose text is pem. 0
 * or -errno. */
int ike_keys_match(struct ike_keys *keys, const char *config_path, const struct connection_config *c, uint32_t id,
		   uint32_t cert, const char *pem, struct fault *f);

/* The configuration is taken: secrets that it does not use are forgotten. */
void ike_keys_end(struct ike_keys *keys);

/* The key holder is gone, and the secrets with it: the next one is given them again, under the same numbers. */
void ike_keys_lost(struct ike_keys *keys);

void ike_keys_free(struct ike_keys *keys);

#endif
