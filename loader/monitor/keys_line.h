/* SPDX-License-Identifier: BSD-2-Clause */
/* The last row: which keys there are, or what is being typed. */
#ifndef LOADER_MONITOR_KEYS_LINE_H
#define LOADER_MONITOR_KEYS_LINE_H

#include "page.h"
#include "view.h"

/* of: what the list shows; NULL: it is not the list. */
void keys_line(struct page *p, const struct view *v, const struct selection *of);

#endif
