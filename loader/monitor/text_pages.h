/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that are a text to be scrolled: all about one connection, and what the keys do. */
#ifndef LOADER_MONITOR_TEXT_PAGES_H
#define LOADER_MONITOR_TEXT_PAGES_H

#include "page.h"
#include "view.h"

/* r: NULL, it is gone. text: all about it, in lines that fit the page, as 'status' has it. For either screen() is as
 * wide as the page. */
void details_draw(struct page *p, struct view *v, const struct row *r, const char *text);

void help_draw(struct page *p, struct view *v);

#endif
