/* SPDX-License-Identifier: BSD-2-Clause */
/* What the file says (config_file.h reads it). */
#ifndef LOADER_CONFIG_CONFIG_H
#define LOADER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "connection_config.h"
#include "interface_config.h"
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
	unsigned lanes;		   /* 0: as many as there are CPUs */
	char cpus[128];		   /* of the lanes; "": any */
	bool low_latency;	   /* CPUs are kept awake while packets pass */
	uint32_t cookie_threshold; /* 0: IKE's own */
	uint8_t ike_dscp;	   /* 0 to 63 */
	bool keylog;		   /* IKE may write its keys to a file */
	/* [connection] */
	struct connection_config *connections; /* malloc'd */
	unsigned connection_count;
	/* [policy] */
	struct policy_config *policies; /* malloc'd */
	unsigned policy_count;
};

/* Frees what connections and policies take. Safe on a zeroed struct. */
void config_free(struct config *config);

#endif
