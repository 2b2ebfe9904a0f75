/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prometheus' text format (0.0.4), written: a family after the other, each with its help and its type, and its samples.
 * A family that gets no sample leaves no trace. What is in a label may come from anybody: it is escaped, is UTF-8 with
 * no control characters, and is no longer than EXPOSITION_LABEL.
 */
#ifndef LOADER_METRICS_EXPOSITION_H
#define LOADER_METRICS_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/json.h"

/* Of all names. */
#define EXPOSITION_PREFIX "xdp_ipsec_"
/* Bytes of a label's value: an identity, or a subject of a certificate, is shorter. */
#define EXPOSITION_LABEL 512

/* Names and values in turn; a pair whose value is NULL is left out. */
#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

enum metric_type {
	METRIC_GAUGE,
	METRIC_COUNTER,
	METRIC_HISTOGRAM,
};

struct family {
	const char *name; /* without the prefix */
	enum metric_type type;
	const char *help; /* one line, with neither backslash nor newline */
};

struct exposition {
	FILE *out;
	const char *instance; /* a label of every sample, so that two hosts on one machine differ; NULL: none */
	struct family family; /* that samples are of; */
	bool begun;	      /* its help is written */
};

/* Samples are of this family from here on. The same name again goes on with it. */
void exposition_family(struct exposition *e, const struct family *family);

/* A sample. labels: as LABELS() makes them, or NULL. */
void exposition_add(struct exposition *e, const char *const *labels, double value);

/* The same of a number or boolean of a document, with all digits that it has there; what is neither, as null, is no
 * sample. */
void exposition_add_json(struct exposition *e, const char *const *labels, const cJSON *value);

/* A histogram: counts[i] are those up to bounds[i] and above the one before, counts[n] those above all. */
void exposition_histogram(struct exposition *e, const char *const *labels, const double *bounds, const uint64_t *counts,
			  size_t n, double sum);

#endif
