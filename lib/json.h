/* SPDX-License-Identifier: BSD-2-Clause */
/* cJSON, and what it lacks: 64-bit numbers that stay exact, words by name, and the form of our messages. */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Adds a number with all its digits. cJSON's own numbers are doubles, which above 2^53 are not exact. */
static inline void json_add_u64(cJSON *object, const char *name, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	cJSON_AddRawToObject(object, name, digits);
}

/* Whether the item, which is the array's from then on, or deleted, is there. NULL: no memory for it. */
static inline bool json_append(cJSON *array, cJSON *item)
{
	const bool there = item && cJSON_AddItemToArray(array, item);

	if (!there)
		cJSON_Delete(item);
	return there;
}

/* The string under name, or NULL. */
static inline const char *json_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* What is under name; NULL: nothing. */
static inline const cJSON *json_item(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static inline bool json_has_number(const cJSON *object, const char *name)
{
	return cJSON_IsNumber(json_item(object, name));
}

/* The number under name, or 0. */
static inline double json_number(const cJSON *object, const char *name)
{
	const cJSON *item = json_item(object, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

/* The same as a whole number, whatever it is that came: 0 for what is below, the largest for what is above. */
static inline uint64_t json_whole(const cJSON *item)
{
	const double number = cJSON_IsNumber(item) ? item->valuedouble : 0;

	return number < 0x1p64 ? number > 0 ? (uint64_t)number : 0 : UINT64_MAX;
}

static inline uint64_t json_u64(const cJSON *object, const char *name)
{
	return json_whole(json_item(object, name));
}

/* {"command": command}: a message as it begins (channel.h), for the caller to complete and to delete. NULL without
 * memory, which cJSON's functions take for an object that is nowhere. */
cJSON *json_command(const char *command);

/* Prints a document to stdout, and ends the line. */
void json_print(const cJSON *json, bool pretty);

#endif
