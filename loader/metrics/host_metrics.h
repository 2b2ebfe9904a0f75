/* SPDX-License-Identifier: BSD-2-Clause */
/* Of the host as a whole: processes, interfaces and their gates, lanes, what was dropped. */
#ifndef LOADER_METRICS_HOST_METRICS_H
#define LOADER_METRICS_HOST_METRICS_H

#include "exposition.h"

void host_metrics(struct exposition *e, const cJSON *status);

#endif
