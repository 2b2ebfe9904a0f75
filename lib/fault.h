/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line for people beside an error number: what is wrong, with what, and what to do about it. A function that can fail
 * in a way which a person has to mend takes a struct fault and returns 0 or -errno; the line is there after an error
 * alone.
 */
#ifndef LIB_FAULT_H
#define LIB_FAULT_H

struct fault {
	char text[512];
};

/* Formats the line into f, which may be NULL, and returns -err, so that a caller can return fault(...). err: above 0.
 */
int fault(struct fault *f, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Makes each control character '?', in place, and each byte of what is no UTF-8 (RFC 3629), as when a text was cut
 * within a character. Names and words of others may be in the text, and neither a terminal nor a log may take them for
 * a command or for a line of its own, nor JSON become what nobody can read. */
void make_one_line(char *text);

#endif
