/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "view.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "command/connection_text.h"

/* ---- what is shown, in its order ---- */

static bool passes(const struct row *r, const char *filter)
{
	return strcasestr(r->name, filter) || strcasestr(connection_peer(r->json), filter);
}

static int by_traffic(const struct row *a, const struct row *b)
{
	return (row_traffic(b) > row_traffic(a)) - (row_traffic(b) < row_traffic(a));
}

/* What is down goes first, then what is on its way, then what has only something to be said of it. */
static int trouble_of(const struct row *r)
{
	char text[CONNECTION_LINE];
	enum tint tint, other;

	row_state(r, &tint);
	return (int)tint * 2 + (row_trouble(r, text, &other) ? 1 : 0);
}

static int by_trouble(const struct row *a, const struct row *b)
{
	return trouble_of(b) - trouble_of(a);
}

static int by_name(const struct row *a, const struct row *b)
{
	return strverscmp(a->name, b->name);
}

static double round_trip(const struct row *r)
{
	return json_number(json_item(json_item(r->json, "monitor"), "rtt_us"), "last");
}

static int by_round_trip(const struct row *a, const struct row *b)
{
	return (round_trip(b) > round_trip(a)) - (round_trip(b) < round_trip(a));
}

static const struct {
	const char *name;
	int (*compare)(const struct row *a, const struct row *b);
} sorts[SORT_COUNT] = {
	[SORT_FILE] = {"file", NULL},
	[SORT_TRAFFIC] = {"traffic", by_traffic},
	[SORT_TROUBLE] = {"trouble", by_trouble},
	[SORT_NAME] = {"name", by_name},
	[SORT_ROUND_TRIP] = {"RTT", by_round_trip},
};

const char *sort_name(enum view_sort sort)
{
	return sorts[sort].name;
}

/* Of two that are alike the one that was first on the board is first. */
static int compare(const void *x, const void *y, void *arg)
{
	const struct row *a = *(const struct row *const *)x, *b = *(const struct row *const *)y;
	const int order = sorts[*(const enum view_sort *)arg].compare(a, b);

	return order ? order : (a > b) - (a < b);
}

struct selection selection_of(const struct board *b, const struct view *v)
{
	struct selection s = {.rows = calloc(b->count + 1, sizeof(*s.rows))};

	if (!s.rows)
		err(EXIT_FAILURE, "%zu connections", b->count);
	for (size_t i = 0; i < b->count; i++)
		if (passes(&b->rows[i], v->filter))
			s.rows[s.count++] = &b->rows[i];
	if (sorts[v->sort].compare)
		qsort_r(s.rows, s.count, sizeof(*s.rows), compare, (void *)&v->sort);
	for (size_t i = 0; i < s.count; i++)
		if (strcmp(s.rows[i]->name, v->selected) == 0)
			s.at = i;
	return s;
}

void selection_free(struct selection *s)
{
	free(s->rows);
}

/* ---- keys ---- */

static void move(struct view *v, const struct board *b, long by)
{
	struct selection s = selection_of(b, v);
	long to = (long)s.at + by;

	to = to < 0 ? 0 : to >= (long)s.count ? (long)s.count - 1 : to;
	if (s.count)
		strcpy(v->selected, s.rows[to]->name);
	selection_free(&s);
}

static void scroll(struct view *v, long by)
{
	const long to = (long)v->scrolled + by;

	v->scrolled = to < 0 ? 0 : to > UINT16_MAX ? UINT16_MAX : (unsigned)to;
}

/* By how many rows such a key goes; 0: it is none. */
static long step_of(const struct view *v, unsigned key)
{
	const long page = v->page > 1 ? v->page - 1 : 1;

	switch (key) {
	case VIEW_KEY_UP:
	case 'k':
		return -1;
	case VIEW_KEY_DOWN:
	case 'j':
		return 1;
	case VIEW_KEY_PAGE_UP:
		return -page;
	case VIEW_KEY_PAGE_DOWN:
	case ' ':
		return page;
	case VIEW_KEY_HOME:
		return -UINT16_MAX;
	case VIEW_KEY_END:
		return UINT16_MAX;
	default:
		return 0;
	}
}

static void go_to(struct view *v, enum view_mode mode)
{
	v->mode = mode;
	v->scrolled = 0;
}

static void open_details(struct view *v, const struct board *b)
{
	struct selection s = selection_of(b, v);

	if (s.count) {
		strcpy(v->selected, s.rows[s.at]->name);
		go_to(v, VIEW_DETAILS);
	}
	selection_free(&s);
}

/* What is typed counts at once. */
static void edit(struct view *v, unsigned key)
{
	const size_t n = strlen(v->filter);

	if (key == VIEW_KEY_ENTER || key == VIEW_KEY_ESCAPE)
		v->editing = false;
	if (key == VIEW_KEY_ESCAPE)
		v->filter[0] = '\0';
	else if (key == VIEW_KEY_BACKSPACE && n)
		v->filter[n - 1] = '\0';
	else if (key >= ' ' && key < 127 && n + 1 < sizeof(v->filter))
		strcpy(v->filter + n, (char[]){(char)key, '\0'});
}

static void list_key(struct view *v, const struct board *b, unsigned key)
{
	switch (key) {
	case 's':
		v->sort = (v->sort + 1) % SORT_COUNT;
		break;
	case '/':
	case 'f':
		v->editing = true;
		break;
	case 'd':
	case VIEW_KEY_ENTER:
		open_details(v, b);
		break;
	case VIEW_KEY_ESCAPE:
		v->filter[0] = '\0';
		break;
	default:
		if (step_of(v, key))
			move(v, b, step_of(v, key));
	}
}

/* Of details and help. */
static void text_key(struct view *v, unsigned key)
{
	if (key == VIEW_KEY_ESCAPE || key == VIEW_KEY_ENTER || key == VIEW_KEY_LEFT || key == 'd')
		go_to(v, VIEW_LIST);
	else
		scroll(v, step_of(v, key));
}

bool view_key(struct view *v, const struct board *b, unsigned key)
{
	if (v->editing) {
		edit(v, key);
		return true;
	}
	if (key == 'q' || key == 'Q')
		return false;
	if (key == '?' || key == 'h')
		go_to(v, v->mode == VIEW_HELP ? VIEW_LIST : VIEW_HELP);
	else if (v->mode == VIEW_LIST)
		list_key(v, b, key);
	else
		text_key(v, key);
	return true;
}
