/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <stdlib.h>
#include <string.h>

const char *level_name(enum level level)
{
	static const char *const names[] = {[LEVEL_OK] = "ok", [LEVEL_WARN] = "warn", [LEVEL_FAIL] = "fail"};

	return names[level];
}

struct words {
	const char *what;
	const char *text;
};

static bool says(const void *rows, size_t place, const void *words)
{
	const cJSON *row = ((const cJSON *const *)rows)[place];
	const struct words *w = words;

	return strcmp(json_text(row, "what"), w->what) == 0 && strcmp(json_text(row, "text"), w->text) == 0;
}

static uint64_t hash_of(const struct words *w)
{
	return key_hash(w->text, strlen(w->text), key_hash_text(w->what));
}

static bool is_said(const struct report *r, const struct words *w)
{
	return key_index_find(&r->said, hash_of(w), says, r->rows, w) != KEY_INDEX_NONE;
}

/* Without memory for it, it is said again. */
static void remember(struct report *r, const struct words *w, const cJSON *row)
{
	if (r->count == r->room) {
		const size_t room = r->room ? 2 * r->room : 64;
		const cJSON **rows = realloc(r->rows, room * sizeof(*rows));

		if (!rows)
			return;
		r->rows = rows;
		r->room = room;
	}
	r->rows[r->count] = row;
	if (key_index_add(&r->said, hash_of(w), r->count) == 0)
		r->count++;
}

void report_say(struct report *r, enum level level, const char *what, const char *text, const char *remedy)
{
	const struct words words = {what, text};
	cJSON *row;

	if (is_said(r, &words))
		return;
	row = cJSON_CreateObject();
	cJSON_AddStringToObject(row, "level", level_name(level));
	cJSON_AddStringToObject(row, "what", what);
	cJSON_AddStringToObject(row, "text", text);
	if (remedy)
		cJSON_AddStringToObject(row, "remedy", remedy);
	else
		cJSON_AddNullToObject(row, "remedy");
	cJSON_AddItemToArray(r->checks, row);
	remember(r, &words, row);
	r->failures += level == LEVEL_FAIL;
}

void report_free(struct report *r)
{
	cJSON_Delete(r->checks);
	free(r->rows);
	key_index_clear(&r->said);
	*r = (struct report){0};
}
