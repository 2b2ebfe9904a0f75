/* SPDX-License-Identifier: BSD-2-Clause */
/* Of each connection of the file, whatever its state. */
#ifndef LOADER_METRICS_CONNECTION_METRICS_H
#define LOADER_METRICS_CONNECTION_METRICS_H

#include "exposition.h"

/* peers: each peer of a mesh by itself; else what is said of a mesh is said of all its peers together. */
void connection_metrics(struct exposition *e, const cJSON *status, bool peers);

#endif
