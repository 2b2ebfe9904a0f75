/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
#include "terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

/* How long after an Esc the rest of a key may come: longer than a packet is late, shorter than one waits for Esc. */
#define ESCAPE_MS 50
/* A size that nobody has told. */
#define WIDTH_USUAL   80
#define HEIGHT_USUAL  24
#define SIZE_MAX_SANE 1000

static bool is_open;
static bool unicode;

/* ---- open, close ---- */

static void set_colours(void)
{
	static const short colours[] = {[TINT_GOOD] = COLOR_GREEN, [TINT_WARN] = COLOR_YELLOW, [TINT_BAD] = COLOR_RED};

	if (!has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	for (int tint = TINT_GOOD; tint <= TINT_BAD; tint++)
		init_pair((short)tint, colours[tint], -1);
}

static void set_modes(void)
{
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
}

static bool colours_wanted;

int terminal_open(bool colours, struct fault *f)
{
	const char *term = getenv("TERM");
	char *move;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return fault(f, ENOTTY, "%s is no terminal: 'xdp-ipsec status' prints the same once",
			     isatty(STDOUT_FILENO) ? "stdin" : "stdout");
	/* Of numbers the usual form, whatever the language. */
	setlocale(LC_CTYPE, "");
	unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (!term || !newterm(NULL, stdout, stdin))
		return fault(f, EINVAL, "TERM is '%.40s', which is not known here: set it to one that is, as xterm",
			     term ? term : "");
	move = tigetstr("cup");
	is_open = true;
	if (!move || move == (char *)-1) {
		terminal_close();
		return fault(f, EINVAL, "a terminal of TERM '%.40s' has no places to put text at", term);
	}
	colours_wanted = colours;
	if (colours)
		set_colours();
	set_modes();
	atexit(terminal_close);
	return 0;
}

void terminal_close(void)
{
	if (is_open)
		endwin();
	is_open = false;
}

void terminal_suspend(void)
{
	endwin();
	raise(SIGSTOP);
	clearok(curscr, TRUE);
	refresh();
}

/* ---- pages ---- */

struct page terminal_page(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row)
		size = (struct winsize){.ws_col = WIDTH_USUAL, .ws_row = HEIGHT_USUAL};
	if (size.ws_col > SIZE_MAX_SANE)
		size.ws_col = SIZE_MAX_SANE;
	if (size.ws_row > SIZE_MAX_SANE)
		size.ws_row = SIZE_MAX_SANE;
	if (is_term_resized(size.ws_row, size.ws_col))
		resizeterm(size.ws_row, size.ws_col);
	return page_new(size.ws_col, size.ws_row, unicode);
}

static attr_t attributes_of(unsigned style)
{
	const unsigned tint = style & PAGE_TINTS;
	attr_t a = A_NORMAL;

	if (tint == TINT_HEAD || tint == TINT_BAD)
		a |= A_BOLD;
	if (style & PAGE_REVERSE)
		a |= A_REVERSE;
	if (style & PAGE_DIM)
		a |= A_DIM;
	return a;
}

/* Cells of one style, from there on; returns how many. */
static unsigned show_run(const struct page *p, unsigned row, unsigned column)
{
	const struct cell *cells = &p->cells[row * p->width + column];
	const unsigned tint = cells[0].style & PAGE_TINTS;
	wchar_t text[SIZE_MAX_SANE + 1];
	unsigned n = 0, length = 0;

	for (; column + n < p->width && cells[n].style == cells[0].style; n++)
		if (cells[n].ch)
			text[length++] = cells[n].ch;
	text[length] = 0;
	attr_set(attributes_of(cells[0].style), colours_wanted && tint > TINT_HEAD ? (short)tint : 0, NULL);
	mvaddnwstr((int)row, (int)column, text, (int)length);
	return n;
}

void terminal_show(const struct page *p)
{
	erase();
	for (unsigned row = 0; row < p->height; row++)
		for (unsigned column = 0; column < p->width;)
			column += show_run(p, row, column);
	refresh();
}

/* ---- keys ---- */

static unsigned special_key(wint_t key)
{
	switch (key) {
	case KEY_UP:
		return VIEW_KEY_UP;
	case KEY_DOWN:
		return VIEW_KEY_DOWN;
	case KEY_PPAGE:
		return VIEW_KEY_PAGE_UP;
	case KEY_NPAGE:
		return VIEW_KEY_PAGE_DOWN;
	case KEY_HOME:
		return VIEW_KEY_HOME;
	case KEY_END:
		return VIEW_KEY_END;
	case KEY_LEFT:
		return VIEW_KEY_LEFT;
	case KEY_BACKSPACE:
	case KEY_DC:
		return VIEW_KEY_BACKSPACE;
	case KEY_ENTER:
		return VIEW_KEY_ENTER;
	default:
		return VIEW_KEY_OTHER;
	}
}

unsigned terminal_key(void)
{
	wint_t key = 0;
	const int got = get_wch(&key);

	if (got == ERR)
		return VIEW_KEY_NONE;
	if (got == KEY_CODE_YES)
		return special_key(key);
	if (key == '\r')
		return VIEW_KEY_ENTER;
	if (key == 127 || key == '\b')
		return VIEW_KEY_BACKSPACE;
	return key ? key : VIEW_KEY_OTHER;
}
