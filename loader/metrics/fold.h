/* SPDX-License-Identifier: BSD-2-Clause */
/* One number out of many places of a document: of all child SAs of a connection, of all peers of a mesh. */
#ifndef LOADER_METRICS_FOLD_H
#define LOADER_METRICS_FOLD_H

#include "lib/json.h"

enum fold_way {
	FOLD_SUM,
	FOLD_LEAST,
	FOLD_MOST,
};

struct fold {
	enum fold_way way;
	double value;
	unsigned count; /* of numbers so far; 0: the value is none */
};

void fold_number(struct fold *f, double value);

/* The numbers at the path ("monitor.rtt_us.last"), where an array stands for each of its items
 * ("children.expires_in_s"). What is not there, or null, counts for nothing. */
void fold_path(struct fold *f, const cJSON *in, const char *path);

#endif
