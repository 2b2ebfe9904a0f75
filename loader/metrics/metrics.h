/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status document (docs/status.schema.json) in, Prometheus' text out. Nothing is known here that the document does
 * not have, so metrics and 'status' cannot disagree.
 *
 * How many series there are is bounded by the file: by its connections, not by peers, who may come and go, nor by SPIs,
 * of which there are new ones with each rekey. Either is had by asking for it.
 */
#ifndef LOADER_METRICS_METRICS_H
#define LOADER_METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/json.h"

struct metrics_terms {
	const char *version;
	const char *instance; /* a label of every sample; NULL: none */
	bool peers;	      /* a series for each peer of a mesh, not one for all of them */
	bool sas;	      /* series of each SA, which live and die with it */
};

/* The text, the caller's to free, or NULL without memory. status NULL: there is nobody to ask, which is all that is
 * said then. */
char *metrics_text(const cJSON *status, const struct metrics_terms *terms, size_t *size);

#endif
