/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of certificates, CAs and CRLs that the supervisor sends IKE, each under a number by which connections name
 * it. However many connections name one, it is read once a configuration and sent once to each process. What is in it
 * has the number, and not the file: one that was written anew with the same content is the same.
 */
#ifndef LOADER_DAEMON_IKE_CERTS_H
#define LOADER_DAEMON_IKE_CERTS_H

#include "config/config.h"
#include "lib/json.h"
#include "lib/key_index.h"

struct cert_file;
struct cert_path;

/* A zeroed one knows none. */
struct ike_certs {
	struct cert_file *known; /* malloc'd */
	unsigned count;
	struct key_index contents; /* of known */
	uint32_t last;
	struct cert_path *paths; /* looked at for this configuration; malloc'd */
	unsigned path_count;
	struct key_index path_names; /* of paths */
};

/* A configuration begins: none is in use, and each is looked at anew. */
void ike_certs_begin(struct ike_certs *certs);

/* *id: the number of what is in the file; file "" is number 0. key: "cert", "ca" or "crl". 0, or -errno with connection
 * and file in f. */
int ike_certs_use(struct ike_certs *certs, const char *key, const char *config_path, const struct connection_config *c,
		  const char *file, uint32_t *id, struct fault *f);

/* The text of that number, which stays theirs. NULL: there is none. */
const char *ike_certs_text(const struct ike_certs *certs, uint32_t id);

/* Puts what is in use and was not sent into the document as "files", and the numbers of what was, and is not in use any
 * more, as "dropped". False: there was no memory for all of it. */
bool ike_certs_add(const struct ike_certs *certs, cJSON *document);

/* What ike_certs_add() has put there is sent; it has been taken, and what is not in use is forgotten. */
void ike_certs_sent(struct ike_certs *certs);
void ike_certs_taken(struct ike_certs *certs);

/* The process is gone: the next one is sent all again, under the same numbers. */
void ike_certs_lost(struct ike_certs *certs);

void ike_certs_free(struct ike_certs *certs);

#endif
