/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "text_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/lines.h"
#include "flow_line.h"
#include "keys_line.h"

static unsigned lines_in(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* From that row to the last but one, as far as it is scrolled; the view does not scroll past the end. */
static void draw_text(struct page *p, unsigned row, struct view *v, const char *text)
{
	const unsigned rows = p->height > row + 1 ? p->height - row - 1 : 0, lines = lines_in(text);
	char line[512];

	v->page = rows;
	if (v->scrolled + rows > lines)
		v->scrolled = lines > rows ? lines - rows : 0;
	for (unsigned i = 0; *text && i < v->scrolled + rows; i++) {
		const size_t size = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)size, text);
		if (i >= v->scrolled)
			page_text(p, row + i - v->scrolled, 0, p->width, TINT_NONE, line);
		text += size + (text[size] == '\n');
	}
	keys_line(p, v, NULL);
}

/* Of the text the first line is the head. */
void details_draw(struct page *p, struct view *v, const struct row *r, const char *text)
{
	const size_t head = strcspn(text, "\n");
	enum tint tint;
	char line[512];

	if (!r) {
		page_print(p, 0, 0, p->width, TINT_WARN, "%s is gone", v->selected);
		keys_line(p, v, NULL);
		return;
	}
	row_state(r, &tint);
	snprintf(line, sizeof(line), "%.*s", (int)head, text);
	page_text(p, 0, 0, p->width, tint == TINT_NONE ? TINT_HEAD : tint, line);
	flow_line(p, 1, "in", &r->in);
	flow_line(p, 2, "out", &r->out);
	draw_text(p, 3, v, text + head + (text[head] == '\n'));
}

static const struct {
	const char *keys;
	const char *text;
} keys[] = {
	{"q", "quit"},
	{"arrows", "choose a connection; as j, k, PgUp, PgDn, Home, End"},
	{"s", "sort: as in the file, by traffic, by trouble, by name, by round trip"},
	{"/ or f", "filter by name or by the peer's address; Enter keeps it, Esc clears it"},
	{"d or Enter", "everything about the connection that is chosen; Esc goes back"},
	{"? or h", "this"},
};

static const char *const remarks[] = {
	"Rates are of the last second, and of what is inside ESP. The picture beside them is the last minute, each by "
	"its "
	"own peak. RTT and loss are what the probes of connections with 'monitor' have found.",
	"Drops are there while the last minute has had one; 'xdp-ipsec status' has all of them. Events are since this "
	"was "
	"started; the log has those before.",
};

static char *help_text(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		lines_item(out, TINT_NONE, keys[i].keys, "%s", keys[i].text);
	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
		fputc('\n', out);
		lines_text(out, TINT_NONE, 0, "%s", remarks[i]);
	}
	fclose(out);
	return text;
}

void help_draw(struct page *p, struct view *v)
{
	char *text = help_text();

	page_text(p, 0, 0, p->width, TINT_HEAD, "xdp-ipsec monitor");
	draw_text(p, 2, v, text ? text : "");
	free(text);
}
