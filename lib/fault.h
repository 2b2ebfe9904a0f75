/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line for people beside an error number: what was wrong, with what, and
 * what to do about it. Functions that can fail in a way a person must mend take
 * a struct fault and return 0 or -errno.
 */
#ifndef LIB_FAULT_H
#define LIB_FAULT_H

struct fault {
	char text[512];
};

/* Formats the line into f (which may be NULL) and returns -err, to be returned at once. err > 0. */
int fault(struct fault *f, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What is no text becomes '?': names and words of others may be in it, which neither a terminal nor a log may take for
 * more than that. */
void make_one_line(char *text);

#endif
