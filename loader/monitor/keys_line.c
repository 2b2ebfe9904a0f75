/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys_line.h"

#include <stdio.h>
#include <string.h>

#include "command/units.h"

#define PLACE_TEXT 64

/* "3-10 of 1000", where not all are seen; how many the filter lets by. */
static const char *place_text(const struct view *v, const struct selection *of, char text[PLACE_TEXT])
{
	const size_t last = v->scrolled + v->page < of->count ? v->scrolled + v->page : of->count;

	if (v->page < of->count)
		snprintf(text, PLACE_TEXT, "%u-%zu of %zu", v->scrolled + 1, last, of->count);
	else if (v->filter[0])
		snprintf(text, PLACE_TEXT, "%zu", of->count);
	else
		text[0] = '\0';
	return text;
}

static void draw_filter(struct page *p, unsigned row, const struct view *v)
{
	page_print(p, row, 0, p->width, TINT_HEAD, "filter: %s_", v->filter);
	page_right(p, row, 0, p->width, TINT_NONE, "Enter keeps it, Esc clears it");
}

static void draw_list(struct page *p, unsigned row, const struct view *v, const struct selection *of)
{
	char keys[160], place[PLACE_TEXT];

	snprintf(keys, sizeof(keys), "q quit  ? help  s sort: %s  / filter%s%s  d details", sort_name(v->sort),
		 v->filter[0] ? ": " : "", v->filter);
	page_text(p, row, 0, p->width, TINT_NONE, keys);
	place_text(v, of, place);
	if (text_columns(keys) + text_columns(place) + 2 <= p->width)
		page_right(p, row, 0, p->width, TINT_NONE, place);
}

void keys_line(struct page *p, const struct view *v, const struct selection *of)
{
	const unsigned row = p->height ? p->height - 1 : 0;

	if (v->editing)
		draw_filter(p, row, v);
	else if (of)
		draw_list(p, row, v, of);
	else
		page_text(p, row, 0, p->width, TINT_NONE, "q quit  Esc back  arrows, PgUp, PgDn scroll");
	page_add_style(p, row, PAGE_REVERSE);
}
