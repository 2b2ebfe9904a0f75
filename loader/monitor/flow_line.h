/* SPDX-License-Identifier: BSD-2-Clause */
/* A row of what goes one way: bits and packets of now, and the curve of the last minute in what is left of it. */
#ifndef LOADER_MONITOR_FLOW_LINE_H
#define LOADER_MONITOR_FLOW_LINE_H

#include "board.h"
#include "page.h"

/* way: "in" or "out". */
void flow_line(struct page *p, unsigned row, const char *way, const struct flow *flow);

#endif
