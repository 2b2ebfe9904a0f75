/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the clock can be right. */
#ifndef LOADER_CHECK_CLOCK_H
#define LOADER_CHECK_CLOCK_H

#include "report.h"

/* certificates: whether anything depends on it. */
void check_clock(struct report *r, bool certificates);

#endif
