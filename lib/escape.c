/* SPDX-License-Identifier: BSD-2-Clause */
#include "escape.h"

const char *escape(const char *text, char *escaped)
{
	char *to = escaped;

	for (; *text; *to++ = *text++)
		if (*text == '"' || *text == '\\')
			*to++ = '\\';
	*to = '\0';
	return escaped;
}
