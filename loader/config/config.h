/* SPDX-License-Identifier: BSD-2-Clause */
/* What the file says (config_file.h reads it). */
#ifndef LOADER_CONFIG_CONFIG_H
#define LOADER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "connection_config.h"
#include "interface_config.h"
#include "lib/key_index.h"
#include "lib/log.h"
#include "maps/config.bpf.h"
#include "maps/layout.h"
#include "policy_config.h"

struct config {
	struct interface_config interfaces[PORTS_MAX];
	unsigned interface_count;
	/* [daemon] */
	uint32_t mark;
	enum unknown_spi unknown_spi;
	char aead[16];		   /* "auto", "ipsec-mb", "openssl" */
	uint32_t sa_max;	   /* a multiple of SLOTS_STEP */
	unsigned lanes;		   /* 0: as many as there are CPUs */
	char cpus[128];		   /* of the lanes; "": any */
	bool low_latency;	   /* CPUs are kept awake while packets pass */
	uint32_t cookie_threshold; /* 0: IKE's own */
	uint8_t ike_dscp;	   /* 0 to 63 */
	enum log_level log_level;
	char event_script[FILE_NAME_MAX]; /* run for each event; "": none */
	bool keylog;			  /* IKE may write its keys to a file */
	/* [connection] */
	struct connection_config *connections; /* malloc'd */
	unsigned connection_count;
	struct key_index connection_names; /* of connections */
	/* [policy] */
	struct policy_config *policies; /* malloc'd */
	unsigned policy_count;
	struct key_index policy_names; /* of policies */
};

/* Whether the file has that interface, connection or policy. */
bool config_has_interface(const struct config *config, const char *name);
bool config_has_connection(const struct config *config, const char *name);
bool config_has_policy(const struct config *config, const char *name);

/* The connection or policy of that name, which stays the configuration's; NULL: there is none. */
const struct connection_config *config_connection(const struct config *config, const char *name);
const struct policy_config *config_policy(const struct config *config, const char *name);

/* The last one has its name now, and is found by it. 0 or -ENOMEM. */
int config_connection_named(struct config *config);
int config_policy_named(struct config *config);

/* Frees what connections and policies take. Safe on a zeroed struct. */
void config_free(struct config *config);

#endif
