/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "panes.h"

#include <stdlib.h>
#include <string.h>

#include "command/units.h"

/* Events that are to be seen, when there are many connections. */
#define NEWS_WANTED 6
#define LANE_WIDTH  26
/* Of what a reason means: below its name. */
#define HINT_COLUMN 17
#define HINT_ROWS   4
#define HINT_TEXT   400

/* ---- lanes ---- */

static double work_of(const struct lane_flow *lane)
{
	return lane->opened + lane->sealed;
}

static void draw_lane(struct page *p, unsigned row, unsigned column, const struct lane_flow *lane, unsigned number)
{
	char in[UNITS_TEXT], out[UNITS_TEXT];

	page_print(p, row, column, LANE_WIDTH - 1, TINT_NONE, "%u: %s in, %s out", number, si_short(lane->opened, in),
		   si_short(lane->sealed, out));
}

static void draw_bars(struct page *p, unsigned row, unsigned column, const struct board *b, unsigned lanes)
{
	unsigned busiest = 0;
	char text[UNITS_TEXT];

	for (unsigned i = 0; i < lanes; i++)
		if (work_of(&b->lanes[i]) > work_of(&b->lanes[busiest]))
			busiest = i;
	for (unsigned i = 0; i < lanes; i++) {
		const double most = work_of(&b->lanes[busiest]), part = most > 0 ? work_of(&b->lanes[i]) / most : 0;

		page_put(p, row, column + i, TINT_NONE, page_spark_char(p, (int8_t)(part * SPARK_MAX + 0.5)));
	}
	page_print(p, row, column + lanes, p->width, TINT_NONE, "  the busiest is %u: %s", busiest,
		   si_short(work_of(&b->lanes[busiest]), text));
}

unsigned panes_lanes(struct page *p, unsigned row, const struct board *b, unsigned lanes)
{
	unsigned column;

	if (lanes < 2)
		return 0;
	column = page_text(p, row, 0, p->width, TINT_NONE, "lanes, pkt/s  ");
	if (column + lanes * LANE_WIDTH > p->width) {
		draw_bars(p, row, column, b, lanes);
		return 1;
	}
	for (unsigned i = 0; i < lanes; i++)
		draw_lane(p, row, column + i * LANE_WIDTH, &b->lanes[i], i);
	return 1;
}

/* ---- drops ---- */

struct moving {
	enum reason reasons[REASON_COUNT];
	unsigned count;
};

static double sum_of(const struct history *h)
{
	double sum = 0;

	for (unsigned i = 0; i < HISTORY_SAMPLES; i++)
		sum += h->samples[i];
	return sum;
}

static int by_rate(const void *x, const void *y, void *arg)
{
	const struct reason_flow *drops = arg, *a = &drops[*(const enum reason *)x],
				 *b = &drops[*(const enum reason *)y];
	const double m = sum_of(&a->history), n = sum_of(&b->history);

	return (n > m) - (n < m);
}

static struct moving moving_of(const struct board *b)
{
	struct moving m = {.count = 0};

	for (enum reason reason = 0; reason < REASON_COUNT; reason++)
		if (reason_is_drop(reason) && history_moves(&b->drops[reason].history))
			m.reasons[m.count++] = reason;
	qsort_r(m.reasons, m.count, sizeof(m.reasons[0]), by_rate, (void *)b->drops);
	return m;
}

static void draw_drop(struct page *p, unsigned row, const struct board *b, enum reason reason)
{
	const struct reason_flow *drop = &b->drops[reason];
	char now[UNITS_TEXT], total[UNITS_TEXT];
	const unsigned at = page_print(p, row, 0, p->width, TINT_WARN, "%7s %7s  %-19s  ", si_short(drop->now, now),
				       si_short(drop->total, total), reason_name(reason));

	page_spark(p, row, at, p->width - at, TINT_NONE, &drop->history);
}

/* What it means, and mostly comes of. Returns the rows. */
static unsigned draw_hint(struct page *p, unsigned row, unsigned rows, enum reason reason)
{
	char text[HINT_TEXT];

	snprintf(text, sizeof(text), "%s: %s", reason_text(reason), reason_hint(reason));
	return page_wrap(p, row, rows < HINT_ROWS ? rows : HINT_ROWS, HINT_COLUMN, HINT_COLUMN, PAGE_DIM, text);
}

static unsigned hint_rows(unsigned width, enum reason reason)
{
	struct page measure = page_new(width, HINT_ROWS, false);
	const unsigned rows = draw_hint(&measure, 0, HINT_ROWS, reason);

	page_free(&measure);
	return rows;
}

unsigned panes_drops_wanted(const struct board *b, unsigned width)
{
	const struct moving m = moving_of(b);
	unsigned rows = m.count ? 2 : 0;

	for (unsigned i = 0; i < m.count; i++)
		rows += 1 + hint_rows(width, m.reasons[i]);
	return rows;
}

/* In one line, where there is no more room. */
static void draw_worst(struct page *p, unsigned row, const struct board *b, const struct moving *m)
{
	const struct reason_flow *drop = &b->drops[m->reasons[0]];
	char now[UNITS_TEXT];

	page_print(p, row, 0, p->width, TINT_WARN, "drops: %s/s %s: %s", si_short(drop->now, now),
		   reason_name(m->reasons[0]), reason_hint(m->reasons[0]));
}

unsigned panes_drops(struct page *p, unsigned row, unsigned rows, const struct board *b)
{
	const struct moving m = moving_of(b);
	unsigned taken = 2;

	if (!m.count || !rows)
		return 0;
	if (rows < 4) {
		draw_worst(p, row, b, &m);
		return 1;
	}
	page_text(p, row + 1, 0, p->width, TINT_HEAD, "DROPS/s   TOTAL  REASON               LAST 60 s");
	for (unsigned i = 0; i < m.count && taken < rows; i++) {
		draw_drop(p, row + taken++, b, m.reasons[i]);
		/* What comes behind it has a line of its own first. */
		if (taken + m.count - i - 1 < rows)
			taken += draw_hint(p, row + taken, rows - taken - (m.count - i - 1), m.reasons[i]);
	}
	return taken;
}

/* ---- news ---- */

unsigned panes_news_wanted(const struct board *b)
{
	const unsigned count = b->news.count < NEWS_WANTED ? (unsigned)b->news.count : NEWS_WANTED;

	return count ? 2 + count : 0;
}

static unsigned draw_item(struct page *p, unsigned row, unsigned rows, const struct news_item *item)
{
	char text[NEWS_TEXT + 16] = "";
	struct tm local;
	size_t n = 0;

	if (localtime_r(&item->at, &local))
		n = strftime(text, sizeof(text), "%H:%M:%S  ", &local);
	snprintf(text + n, sizeof(text) - n, "%s", item->text);
	return page_wrap(p, row, rows < 2 ? rows : 2, 0, 10, item->tint, text);
}

unsigned panes_news(struct page *p, unsigned row, unsigned rows, const struct board *b)
{
	unsigned taken = 2;

	if (rows < 3 || !b->news.count)
		return 0;
	page_text(p, row + 1, 0, p->width, TINT_HEAD, "EVENTS");
	for (size_t age = 0; taken < rows && news_get(&b->news, age); age++)
		taken += draw_item(p, row + taken, rows - taken, news_get(&b->news, age));
	return taken;
}
