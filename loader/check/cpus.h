/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPUs that the file gives to lanes. */
#ifndef LOADER_CHECK_CPUS_H
#define LOADER_CHECK_CPUS_H

#include "report.h"

/* Fails for a list that has a CPU which this host has not. "": there is no list. */
void check_cpus(struct report *r, const char *cpus);

#endif
