/* SPDX-License-Identifier: BSD-2-Clause */
/* [connection NAME] of the file. */
#ifndef LOADER_CONFIG_CONNECTION_CONFIG_H
#define LOADER_CONFIG_CONNECTION_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/parse.h"
#include "policy/protect.h"

#define CONNECTION_NAME_MAX 48
#define PROTECTS_MAX	    16
#define FILE_NAME_MAX	    192
#define ID_TEXT_MAX	    192

/* Who opens it. */
enum connection_start {
	START_TRAP, /* the first packet */
	START_INITIATE,
	START_RESPOND,
};

struct connection_config {
	char name[CONNECTION_NAME_MAX];
	unsigned line; /* of its section, for what is found wrong later */
	uint8_t local[4];
	struct prefix remote;
	bool has_local, has_remote, has_auth;
	bool cert; /* auth = cert */
	/* Files, relative to the file's directory unless they begin with '/'; "": not said. */
	char psk_file[FILE_NAME_MAX];
	char cert_file[FILE_NAME_MAX];
	char key_file[FILE_NAME_MAX];
	char ca_file[FILE_NAME_MAX];
	char crl_file[FILE_NAME_MAX];
	char ppk_file[FILE_NAME_MAX];
	char local_id[ID_TEXT_MAX];
	char remote_id[ID_TEXT_MAX];
	char ppk_id[ID_TEXT_MAX / 2];
	bool ppk_required;
	struct protect protects[PROTECTS_MAX]; /* "all" is one, too */
	unsigned protect_count;
	enum connection_start start;
	bool gre; /* multicast and broadcast in GRE; protects then has GRE, unless it is all */
	bool esn;
	bool per_queue; /* per-queue-sas: an SA for each lane (RFC 9611) */
	uint16_t replay_window;
	uint64_t rekey_s;
	uint64_t lifetime_s;
	uint64_t rekey_bytes;
	uint64_t rekey_packets;
	uint64_t ike_rekey_s;
	uint64_t reauth_s; /* 0: never */
	uint64_t dpd_s;
	uint64_t monitor_ms; /* 0: not monitored */
	unsigned threshold;
};

/* The words for that, in the file and in JSON. */
const char *connection_start_name(enum connection_start start);
bool connection_start_parse(const char *text, enum connection_start *out);

#endif
