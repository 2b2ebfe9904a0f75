/* SPDX-License-Identifier: BSD-2-Clause */
#include "fold.h"

#include <stdlib.h>
#include <string.h>

#define NAME_TEXT 32

void fold_number(struct fold *f, double value)
{
	if (!f->count++)
		f->value = value;
	else if (f->way == FOLD_SUM)
		f->value += value;
	else if ((f->way == FOLD_LEAST) == (value < f->value))
		f->value = value;
}

static void fold_leaf(struct fold *f, const cJSON *leaf)
{
	if (cJSON_IsRaw(leaf))
		fold_number(f, strtod(leaf->valuestring, NULL));
	else if (cJSON_IsNumber(leaf))
		fold_number(f, leaf->valuedouble);
	else if (cJSON_IsBool(leaf))
		fold_number(f, cJSON_IsTrue(leaf));
}

/* The first name of the path, and where the rest begins: at the end, nowhere. */
static const char *split(const char *path, char name[NAME_TEXT])
{
	const size_t n = strcspn(path, ".");

	snprintf(name, NAME_TEXT, "%.*s", (int)n, path);
	return path + n + (path[n] == '.');
}

void fold_path(struct fold *f, const cJSON *in, const char *path)
{
	char name[NAME_TEXT];
	const cJSON *each;

	if (cJSON_IsArray(in)) {
		cJSON_ArrayForEach(each, in)
			fold_path(f, each, path);
	} else if (!*path) {
		fold_leaf(f, in);
	} else {
		path = split(path, name);
		fold_path(f, json_item(in, name), path);
	}
}
