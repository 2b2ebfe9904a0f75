/* SPDX-License-Identifier: BSD-2-Clause */
#include "overview.h"

#include <string.h>

#include "columns.h"
#include "command/units.h"
#include "flow_line.h"
#include "keys_line.h"
#include "panes.h"

/* Shorter than that, and only what cannot be left out is there: one line of head, no picture of the minute. */
#define TALL 16
/* Rows of connections that go before drops and events. */
#define ROWS_MIN 3
/* Columns of the time, and before it. */
#define CLOCK_ROOM 10

/* What is left of the page, from top to bottom. */
struct space {
	struct page *p;
	unsigned row;
	unsigned end;
};

static unsigned left(const struct space *s)
{
	return s->end > s->row ? s->end - s->row : 0;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* ---- head ---- */

static void draw_clock(struct page *p, time_t now)
{
	char text[16] = "";
	struct tm local;

	if (localtime_r(&now, &local))
		strftime(text, sizeof(text), "%H:%M:%S", &local);
	page_right(p, 0, 0, p->width, TINT_NONE, text);
}

static bool is_urgent(const struct headline *line)
{
	return line->tint == TINT_BAD || line->tint == TINT_WARN;
}

/* The first beside the clock; and what is urgent. */
static void draw_headlines(struct space *s, const struct headlines *head, time_t now)
{
	const unsigned most = s->p->height >= TALL ? 2 : 1;

	for (unsigned i = 0; i < head->count && left(s) > ROWS_MIN; i++) {
		const struct headline *line = &head->lines[i];

		if (is_urgent(line))
			s->row += page_wrap(s->p, s->row, most, 0, 2, line->tint, line->text);
		else if (!i)
			page_text(s->p, s->row++, 0, s->p->width > CLOCK_ROOM ? s->p->width - CLOCK_ROOM : 0, TINT_HEAD,
				  line->text);
	}
	if (!s->row)
		s->row = 1;
	draw_clock(s->p, now);
}

static void draw_totals(struct space *s, const struct board *b)
{
	char in[UNITS_TEXT], out[UNITS_TEXT];

	if (s->p->height >= TALL) {
		flow_line(s->p, s->row++, "in", &b->in);
		flow_line(s->p, s->row++, "out", &b->out);
	} else if (left(s) > ROWS_MIN) {
		page_print(s->p, s->row++, 0, s->p->width, TINT_NONE, "in %s, out %s",
			   si_text(b->in.now.bits, "bit/s", in), si_text(b->out.now.bits, "bit/s", out));
	}
}

/* ---- connections ---- */

/* So that what is selected is among what is seen. */
static void scroll(struct view *v, const struct selection *s, unsigned rows)
{
	const unsigned at = (unsigned)s->at, last = s->count > rows ? (unsigned)s->count - rows : 0;

	v->page = rows;
	if (at < v->scrolled)
		v->scrolled = at;
	if (rows && at >= v->scrolled + rows)
		v->scrolled = at - rows + 1;
	v->scrolled = least(v->scrolled, last);
}

static const char *nothing(const struct board *b, const struct view *v)
{
	if (b->count)
		return v->editing ? "nothing matches" : "nothing matches the filter: Esc clears it";
	return "no connections, and no SAs by hand";
}

static void draw_rows(struct space *s, const struct board *b, struct view *v, const struct selection *of, unsigned rows)
{
	const struct columns columns = columns_for(b, s->p->width);

	scroll(v, of, rows);
	columns_head(s->p, s->row++, &columns);
	if (!of->count)
		page_text(s->p, s->row, 0, s->p->width, TINT_NONE, nothing(b, v));
	for (unsigned i = 0; i < rows && v->scrolled + i < of->count; i++) {
		columns_row(s->p, s->row + i, &columns, of->rows[v->scrolled + i]);
		if (v->scrolled + i == of->at)
			page_add_style(s->p, s->row + i, PAGE_REVERSE);
	}
	s->row += rows;
}

/* ---- all of it ---- */

/* How many rows the connections get, when drops and events want so many: these give way down to one line of drops. */
static unsigned share(const struct space *s, size_t count, unsigned drops, unsigned news)
{
	const unsigned room = left(s) > 1 ? left(s) - 1 : 0, wanted = count ? (unsigned)count : 1;
	const unsigned fixed = least(drops, 1), others = drops + news;

	if (room < ROWS_MIN + fixed)
		return room;
	if (wanted + others <= room)
		return wanted;
	/* Half of what there is, or what the others leave. */
	return least(wanted, room - others > room / 2 && others < room ? room - others
			     : room / 2 > ROWS_MIN		       ? room / 2
								       : ROWS_MIN);
}

void overview_draw(struct page *p, const struct board *b, struct view *v, const struct headlines *head, unsigned lanes,
		   time_t now)
{
	struct space s = {p, 0, p->height ? p->height - 1 : 0};
	struct selection of = selection_of(b, v);
	unsigned rows;

	draw_headlines(&s, head, now);
	draw_totals(&s, b);
	if (p->height >= TALL)
		s.row += panes_lanes(p, s.row, b, lanes);
	if (p->height >= TALL)
		s.row++;
	rows = share(&s, of.count, panes_drops_wanted(b, p->width), panes_news_wanted(b));
	draw_rows(&s, b, v, &of, rows);
	s.row += panes_drops(p, s.row, left(&s), b);
	panes_news(p, s.row, left(&s), b);
	keys_line(p, v, &of);
	selection_free(&of);
}
