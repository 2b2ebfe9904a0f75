/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "metrics.h"

#include <stdlib.h>

#include "connection_metrics.h"
#include "host_metrics.h"
#include "sa_metrics.h"

static void write_all(struct exposition *e, const cJSON *status, const struct metrics_terms *terms)
{
	static const struct family up = {"up", METRIC_GAUGE, "Whether the daemon runs."},
				   build = {"build_info", METRIC_GAUGE, "Always 1, of the version that tells."};

	exposition_family(e, &up);
	exposition_add(e, NULL, cJSON_IsTrue(json_item(status, "running")));
	exposition_family(e, &build);
	exposition_add(e, LABELS("version", terms->version), 1);
	if (!status)
		return;
	host_metrics(e, status);
	connection_metrics(e, status, terms->peers);
	if (terms->sas)
		sa_metrics(e, status);
}

char *metrics_text(const cJSON *status, const struct metrics_terms *terms, size_t *size)
{
	char *text = NULL;
	struct exposition e = {.out = open_memstream(&text, size), .instance = terms->instance};
	bool failed;

	if (!e.out)
		return NULL;
	write_all(&e, status, terms);
	failed = ferror(e.out);
	if (fclose(e.out) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}
