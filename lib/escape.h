/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that others have chosen, as it is between quotation marks: it does not end them. */
#ifndef LIB_ESCAPE_H
#define LIB_ESCAPE_H

/* Writes text with a backslash before each quotation mark and backslash to escaped, which has room for twice its length
 * and a NUL. Returns escaped. */
const char *escape(const char *text, char *escaped);

#endif
