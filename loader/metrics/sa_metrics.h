/* SPDX-License-Identifier: BSD-2-Clause */
/* Of each SA, by its SPI: for who has keys by hand, or looks for one that is not well. */
#ifndef LOADER_METRICS_SA_METRICS_H
#define LOADER_METRICS_SA_METRICS_H

#include "exposition.h"

void sa_metrics(struct exposition *e, const cJSON *status);

/* How many sequence numbers the SA has left. */
double sa_sequence_left(const cJSON *sa);

#endif
