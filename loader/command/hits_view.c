/* SPDX-License-Identifier: BSD-2-Clause */
#include "hits_view.h"

#include <stdio.h>

const char *hits_text(const struct hits *hits, char *buf)
{
	char packets[UNITS_TEXT], bytes[UNITS_TEXT];

	if (hits->packets)
		snprintf(buf, HITS_TEXT, "%s, %s", count_text(hits->packets, "packet", "packets", packets),
			 si_text((double)hits->bytes, "B", bytes));
	else
		snprintf(buf, HITS_TEXT, "0");
	return buf;
}

void hits_add(cJSON *json, const char *name, const struct hits *hits)
{
	cJSON *of = hits ? cJSON_AddObjectToObject(json, name) : cJSON_AddNullToObject(json, name);

	if (!hits)
		return;
	json_add_u64(of, "packets", hits->packets);
	json_add_u64(of, "bytes", hits->bytes);
}
