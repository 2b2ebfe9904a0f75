/* SPDX-License-Identifier: BSD-2-Clause */
/* The terminal, by ncurses, which nobody else here knows. */
#ifndef LOADER_MONITOR_TERMINAL_H
#define LOADER_MONITOR_TERMINAL_H

#include "lib/fault.h"
#include "page.h"
#include "view.h"

/* Takes the terminal, until terminal_close() gives it back as it was; so does the end of the program by exit(). 0, or
 * -errno: -ENOTTY if stdin or stdout is none, -EINVAL if it is one on which nothing can be put in its place. */
int terminal_open(bool colours, struct fault *f);
void terminal_close(void);

/* Gives it back for as long as the program is stopped (SIGTSTP). */
void terminal_suspend(void);

/* An empty page of its size as it is now. */
struct page terminal_page(void);

void terminal_show(const struct page *p);

/* The next key that was pressed, without waiting; VIEW_KEY_NONE: none was. */
unsigned terminal_key(void);

#endif
