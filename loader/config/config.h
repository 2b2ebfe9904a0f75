/* SPDX-License-Identifier: BSD-2-Clause */
/* The file: INI, one section per thing; whatever is not understood is an error with file and line. */
#ifndef LOADER_CONFIG_H
#define LOADER_CONFIG_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "maps/config.bpf.h"
#include "lib/fault.h"
#include "attach/hooks.h"
#include "connection_config.h"
#include "policy_config.h"
#include "attach/programs.h"

#define CONFIG_DEFAULT_PATH "/etc/xdp-ipsec/xdp-ipsec.conf"
#define CONFIG_DEFAULT_MARK 0x1be5

/* [interface NAME] */
struct interface_config {
	char name[IF_NAMESIZE];
	unsigned mode;	 /* MODE_AUTO, PORT_NATIVE, PORT_GENERIC */
	uint32_t queues; /* 0: all */
	enum hook_kind hook;
	bool threaded_napi;
	uint16_t path_mtu_min; /* of what routers say, the least that is believed; 0: nothing is */
	uint16_t mss_clamp;    /* 0: none; MSS_CLAMP_FIT: to what fits */
};

struct config {
	struct interface_config interfaces[PORTS_MAX];
	unsigned interface_count;
	/* [daemon] */
	uint32_t mark;
	enum unknown_spi unknown_spi;
	char aead[16];		   /* "auto", "ipsec-mb", "openssl" */
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

/* An interface with nothing said about it. */
void interface_config_init(struct interface_config *ic, const char *name);

/* Whether the two say the same of one interface. */
bool interface_config_same(const struct interface_config *a, const struct interface_config *b);

/* The words of "mode", "queues" that the file and 'attach' share. */
bool parse_mode(const char *text, unsigned *mode);
bool parse_queues(const char *text, uint32_t *queues);

/* Frees what connections and policies take. Safe on a zeroed struct. */
void config_free(struct config *config);

/* Reads the file; config_free ends it. 0 or -errno with "FILE:LINE: ..." in f. */
int config_read(struct config *config, const char *path, struct fault *f);

#endif
