/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets by how they ended, whoever counted them. */
#ifndef MAPS_COUNTS_H
#define MAPS_COUNTS_H

#include "lib/fault.h"
#include "maps.h"

struct counts_sum {
	uint64_t by_reason[REASON_COUNT];
};

/* The sum of what BPF has counted on each CPU, each member of it but `last`. 0 or -errno. */
int counts_read_bpf(const struct maps *maps, struct counts *sum);

/* What BPF counted on each CPU and what the worker counted, together. 0 or -errno. */
int counts_read(const struct maps *maps, struct counts_sum *sum, struct fault *f);

#endif
