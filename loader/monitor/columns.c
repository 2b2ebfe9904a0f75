/* SPDX-License-Identifier: BSD-2-Clause */
#include "columns.h"

#include <string.h>

#include "command/connection_text.h"
#include "command/units.h"

#define CELL_TEXT 160

struct cell_text {
	char text[CELL_TEXT];
	enum tint tint;
};

/* ---- what stands in a cell ---- */

static const char *identity_of(const struct row *r)
{
	const char *id = connection_peer_id(r->json);

	return id ? id : "";
}

static void age_of(const struct row *r, struct cell_text *cell)
{
	if (json_has_number(r->json, "state_s"))
		age_text(json_u64(r->json, "state_s"), cell->text);
	else
		strcpy(cell->text, "-");
}

/* In milliseconds, of as many digits as are of use. */
static void rtt_of(const struct row *r, struct cell_text *cell)
{
	const cJSON *rtt = json_item(json_item(r->json, "monitor"), "rtt_us");
	const double ms = json_number(rtt, "last") / 1000;

	if (json_has_number(rtt, "last"))
		snprintf(cell->text, CELL_TEXT, "%.*f", ms < 10 ? 3 : ms < 1000 ? 1 : 0, ms);
	else
		strcpy(cell->text, "-");
}

static void loss_of(const struct row *r, struct cell_text *cell)
{
	const cJSON *monitor = json_item(r->json, "monitor");
	const double sent = json_number(monitor, "sent"), lost = json_number(monitor, "lost");

	if (sent > 0)
		snprintf(cell->text, CELL_TEXT, "%.*f", lost > 0 && lost < sent ? 1 : 0, 100 * lost / sent);
	else
		strcpy(cell->text, "-");
	cell->tint = lost > 0 ? TINT_WARN : TINT_NONE;
}

static struct cell_text cell_of(const struct row *r, enum column column)
{
	struct cell_text cell = {.tint = TINT_NONE};

	switch (column) {
	case COLUMN_NAME:
		snprintf(cell.text, CELL_TEXT, "%s", r->name);
		break;
	case COLUMN_STATE:
		snprintf(cell.text, CELL_TEXT, "%s", row_state(r, &cell.tint));
		break;
	case COLUMN_IN:
		si_short(r->in.now.bits, cell.text);
		break;
	case COLUMN_IN_PACKETS:
		si_short(r->in.now.packets, cell.text);
		break;
	case COLUMN_OUT:
		si_short(r->out.now.bits, cell.text);
		break;
	case COLUMN_OUT_PACKETS:
		si_short(r->out.now.packets, cell.text);
		break;
	case COLUMN_AGE:
		age_of(r, &cell);
		break;
	case COLUMN_RTT:
		rtt_of(r, &cell);
		break;
	case COLUMN_LOSS:
		loss_of(r, &cell);
		break;
	case COLUMN_PEER:
		snprintf(cell.text, CELL_TEXT, "%s", connection_peer(r->json));
		break;
	case COLUMN_IDENTITY:
		snprintf(cell.text, CELL_TEXT, "%s", identity_of(r));
		break;
	case COLUMN_MINUTE:
	case COLUMN_COUNT:
		break;
	}
	return cell;
}

/* ---- which columns ---- */

#define NAME_MIN   10
#define MINUTE_MIN 10

static const struct {
	const char *head;
	bool right;
	unsigned width;
} heads[COLUMN_COUNT] = {
	[COLUMN_NAME] = {"CONNECTION", false, NAME_MIN},
	[COLUMN_STATE] = {"STATE", false, 5},
	[COLUMN_IN] = {"IN bit/s", true, 8},
	[COLUMN_IN_PACKETS] = {"pkt/s", true, 5},
	[COLUMN_OUT] = {"OUT bit/s", true, 9},
	[COLUMN_OUT_PACKETS] = {"pkt/s", true, 5},
	[COLUMN_MINUTE] = {"LAST 60 s", false, MINUTE_MIN},
	[COLUMN_AGE] = {"FOR", true, 6},
	[COLUMN_RTT] = {"RTT ms", true, 6},
	[COLUMN_LOSS] = {"LOSS %", true, 6},
	[COLUMN_PEER] = {"PEER", false, 15},
	[COLUMN_IDENTITY] = {"IDENTITY", false, 8},
};

/* What goes in first. */
static const enum column by_weight[COLUMN_COUNT] = {
	COLUMN_NAME, COLUMN_STATE,	COLUMN_IN,	    COLUMN_OUT,	 COLUMN_AGE,  COLUMN_MINUTE,
	COLUMN_RTT,  COLUMN_IN_PACKETS, COLUMN_OUT_PACKETS, COLUMN_LOSS, COLUMN_PEER, COLUMN_IDENTITY,
};

struct needs {
	bool probed; /* any of them has a round trip, or loss */
	unsigned longest[COLUMN_COUNT];
};

static void need(unsigned *longest, const char *text)
{
	const unsigned columns = text_columns(text);

	*longest = columns > *longest ? columns : *longest;
}

static struct needs needs_of(const struct board *b)
{
	struct needs n = {.probed = false};
	enum tint tint;

	for (size_t i = 0; i < b->count; i++) {
		const struct row *r = &b->rows[i];

		n.probed |= json_item(r->json, "monitor") != NULL;
		need(&n.longest[COLUMN_NAME], r->name);
		need(&n.longest[COLUMN_STATE], row_state(r, &tint));
		need(&n.longest[COLUMN_IDENTITY], identity_of(r));
	}
	return n;
}

static unsigned width_wanted(const struct needs *n, enum column column)
{
	if ((column == COLUMN_RTT || column == COLUMN_LOSS) && !n->probed)
		return 0;
	if (column == COLUMN_IDENTITY && !n->longest[column])
		return 0;
	if (column == COLUMN_STATE && n->longest[column] > heads[column].width)
		return n->longest[column];
	return heads[column].width;
}

static unsigned used_by(const struct columns *c)
{
	unsigned used = 0;

	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		used += c->width[i] ? c->width[i] + (i ? c->gap : 0) : 0;
	return used;
}

static struct columns choose(const struct needs *n, unsigned width, unsigned gap)
{
	struct columns c = {.gap = gap};

	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		const enum column column = by_weight[i];

		c.width[column] = width_wanted(n, column);
		if (used_by(&c) > width)
			c.width[column] = 0;
	}
	return c;
}

static void widen(struct columns *c, enum column column, unsigned to, unsigned width)
{
	const unsigned used = used_by(c), left = used < width ? width - used : 0;

	if (c->width[column] && to > c->width[column])
		c->width[column] += to - c->width[column] < left ? to - c->width[column] : left;
}

static unsigned count(const struct columns *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		n += c->width[i] != 0;
	return n;
}

struct columns columns_for(const struct board *b, unsigned width)
{
	const struct needs n = needs_of(b);
	struct columns wide = choose(&n, width, 2), narrow = choose(&n, width, 1);
	struct columns c = count(&wide) == count(&narrow) ? wide : narrow;

	widen(&c, COLUMN_NAME, n.longest[COLUMN_NAME], width);
	widen(&c, COLUMN_IDENTITY, n.longest[COLUMN_IDENTITY], width);
	widen(&c, COLUMN_MINUTE, HISTORY_SAMPLES, width);
	if (c.width[COLUMN_MINUTE])
		c.width[COLUMN_MINUTE] = spark_width(c.width[COLUMN_MINUTE]);
	return c;
}

/* ---- drawing ---- */

static void draw(struct page *p, unsigned row, unsigned at, unsigned width, enum column column, unsigned style,
		 const char *text)
{
	if (heads[column].right)
		page_right(p, row, at, width, style, text);
	else
		page_text(p, row, at, width, style, text);
}

void columns_head(struct page *p, unsigned row, const struct columns *c)
{
	unsigned at = 0;

	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		if (!c->width[i])
			continue;
		draw(p, row, at, c->width[i], i, TINT_HEAD, heads[i].head);
		at += c->width[i] + c->gap;
	}
}

static struct history both_ways(const struct row *r)
{
	struct history sum = r->in.bits;

	for (unsigned i = 0; i < HISTORY_SAMPLES; i++)
		sum.samples[i] += r->out.bits.samples[i];
	return sum;
}

static void draw_cell(struct page *p, unsigned row, unsigned at, unsigned width, enum column column,
		      const struct row *r)
{
	const struct history minute = column == COLUMN_MINUTE ? both_ways(r) : (struct history){.count = 0};
	const struct cell_text cell = cell_of(r, column);

	if (column == COLUMN_MINUTE)
		page_spark(p, row, at, width, TINT_NONE, &minute);
	else
		draw(p, row, at, width, column, cell.tint, cell.text);
}

/* Where the row's trouble stands; COLUMN_COUNT: it has none. */
static enum column trouble_at(const struct row *r, const char *trouble)
{
	if (!trouble)
		return COLUMN_COUNT;
	return row_traffic(r) > 0 ? COLUMN_MINUTE : COLUMN_IN;
}

void columns_row(struct page *p, unsigned row, const struct columns *c, const struct row *r)
{
	char text[CONNECTION_LINE];
	enum tint tint;
	const char *trouble = row_trouble(r, text, &tint);
	const enum column last = trouble_at(r, trouble);
	unsigned at = 0;

	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		if (!c->width[i])
			continue;
		if (i >= last) {
			page_text(p, row, at, p->width, tint, trouble);
			return;
		}
		draw_cell(p, row, at, c->width[i], i, r);
		at += c->width[i] + c->gap;
	}
}
