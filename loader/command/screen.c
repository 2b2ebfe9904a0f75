/* SPDX-License-Identifier: BSD-2-Clause */
#include "screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Where the terminal does not say. */
#define WIDTH_USUAL 80
/* Of narrower ones nothing is left beside the labels. */
#define WIDTH_MIN 40

static struct screen now;
static bool known;

static unsigned at_least(unsigned width)
{
	return width < WIDTH_MIN ? WIDTH_MIN : width;
}

static unsigned look_width(bool terminal)
{
	const char *columns = getenv("COLUMNS");
	const int given = columns ? atoi(columns) : 0;
	struct winsize size;

	if (given > 0)
		return at_least((unsigned)given);
	if (!terminal)
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? at_least(size.ws_col) : WIDTH_USUAL;
}

/* https://no-color.org: set and not empty. */
static bool look_colours(bool terminal)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return terminal && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

void screen_set(struct screen as)
{
	now = as;
	known = true;
}

const struct screen *screen(void)
{
	const bool terminal = !known && isatty(STDOUT_FILENO);

	if (!known)
		screen_set((struct screen){look_width(terminal), look_colours(terminal)});
	return &now;
}

const char *tint_begin(enum tint tint)
{
	static const char *const codes[] = {"", "\033[1m", "\033[32m", "\033[33m", "\033[1;31m"};

	return screen()->colours ? codes[tint] : "";
}

const char *tint_end(enum tint tint)
{
	return screen()->colours && tint != TINT_NONE ? "\033[0m" : "";
}
