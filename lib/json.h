/* SPDX-License-Identifier: BSD-2-Clause */
/* cJSON, and the two things it lacks: 64-bit numbers that stay exact, and words by name. */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* cJSON's numbers are doubles: above 2^53 a sequence number would be another one. */
static inline void json_add_u64(cJSON *object, const char *name, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	cJSON_AddRawToObject(object, name, digits);
}

/* The string under name, or NULL. */
static inline const char *json_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* Prints to stdout and ends the line. */
void json_print(const cJSON *json, bool pretty);

#endif
