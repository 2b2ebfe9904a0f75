/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the supervisor tells IKE to do: the connections of the file, checked. Of one that is as IKE has it already,
 * down to the content of its files, there is only the name. It comes as JSON in a memfd (docs/architecture.md has the
 * fields).
 */
#ifndef IKE_CONFIG_IKE_CONFIG_H
#define IKE_CONFIG_IKE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "file_store.h"
#include "identity/certs.h"
#include "identity/identity.h"
#include "wire/proposal.h"
#include "wire/ts.h"

#define CONNECTION_NAME_MAX 64
#define SELECTORS_MAX	    32

enum start_mode {
	START_TRAP,	/* when a packet wants to go */
	START_INITIATE, /* at once, and again whenever it is down */
	START_RESPOND,	/* never by ourselves */
};

struct connection_config {
	char name[CONNECTION_NAME_MAX];
	uint8_t local[4];
	uint8_t remote[4];
	uint8_t remote_bits; /* 32: one host; less: a mesh */
	bool cert;	     /* else PSK */
	uint32_t psk_key;    /* numbers in the keyholder; 0: none */
	uint32_t private_key;
	uint32_t ppk_key;
	bool ppk_required;
	char ppk_id[128];
	struct identity local_id;
	char remote_id[256];		 /* pattern; "": the peer's address */
	struct credentials *credentials; /* with cert alone */
	struct trust *trust;
	struct selector selectors[SELECTORS_MAX];
	unsigned selector_count;
	enum start_mode start;
	enum esn_policy esn;
	bool gre;	/* its SAs are SA_GRE */
	bool per_queue; /* per-queue-sas: a child for each lane, beside the one for all */
	uint16_t replay_window;
	uint64_t rekey_ms; /* soft; 0: none. Jitter is ours to take off */
	uint64_t lifetime_ms;
	uint64_t rekey_bytes;
	uint64_t rekey_packets;
	uint64_t ike_rekey_ms;
	uint64_t reauth_ms;	  /* 0: never */
	uint64_t dpd_ms;	  /* 0: none */
	uint8_t digest[32];	  /* of all that the file says but the next: what did not change is not touched */
	uint8_t files_digest[32]; /* of certificates, CAs, CRLs and the private key: what is renewed as it runs */
	uint8_t auth_digest[32];  /* of what it says of the proof, on both sides */
};

struct ike_config {
	struct connection_config **connections; /* those that are new, or others than before */
	unsigned count;
	char (*kept)[CONNECTION_NAME_MAX]; /* the names of the rest */
	unsigned kept_count;
	unsigned dscp;		   /* of the datagrams of IKE, 0 to 63 */
	unsigned cookie_threshold; /* half-open SAs from which on cookies are asked for; 0: the default, UINT32_MAX:
				      never */
};

/* Reads the JSON text. What it has of files goes into the store, and connections share what is there. 0, -EINVAL with
 * the connection and what is wrong, -ENOMEM. */
int ike_config_parse(struct ike_config *out, const char *json, struct file_store *files, struct fault *f);
void connection_config_free(struct connection_config *c);
void ike_config_free(struct ike_config *c);

#endif
