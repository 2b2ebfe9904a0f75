/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the IKE that runs has been given: secrets, certificates, connections. A configuration goes to it as what it does
 * not have yet, and the names of the rest, so that a file of ten thousand connections in which one has changed costs
 * little more than to be read.
 */
#ifndef LOADER_DAEMON_IKE_STOCK_H
#define LOADER_DAEMON_IKE_STOCK_H

#include "ike_certs.h"
#include "ike_keys.h"
#include "ike_known.h"

struct ike_stock {
	const char *config_path; /* borrowed */
	struct ike_keys keys;
	struct ike_certs certs;
	struct ike_known known; /* connections */
};

/* A configuration that is being made, and what IKE will know by it. */
struct ike_delivery {
	cJSON *document;    /* docs/architecture.md has its fields */
	bool incomplete;    /* there was no memory for something */
	cJSON *connections; /* of the document: those that are new to it, or others than before; */
	cJSON *kept;	    /* and the names of the rest */
	struct ike_known known;
};

/* A configuration begins: nothing is in use so far, and each file is looked at anew. */
void ike_stock_begin(struct ike_stock *stock);

/* To be ended by ike_delivery_end(). */
struct ike_delivery ike_delivery_new(const struct config *config);

/* Gives the key holder the secrets that it does not have, and adds the connection. 0; 1 with a note in f, the
 * connection being added; -errno with what is wrong in f. */
int ike_delivery_add(struct ike_delivery *d, struct ike_stock *stock, const struct connection_config *c,
		     struct fault *f);

/* The document is complete, and about to be sent. 0; or -ENOMEM with f, and it is not to be sent: what is missing IKE
 * would take for gone. */
int ike_delivery_close(struct ike_delivery *d, struct ike_stock *stock, struct fault *f);

/* It has been taken: what is not in use any more is forgotten. Without this, IKE goes on with what it has. */
void ike_delivery_taken(struct ike_delivery *d, struct ike_stock *stock);
void ike_delivery_end(struct ike_delivery *d);

/* The process is gone: the next one is given all anew. */
void ike_stock_lost(struct ike_stock *stock);
void ike_stock_free(struct ike_stock *stock);

#endif
