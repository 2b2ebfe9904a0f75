/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 'monitor': once a second the daemon is asked, what it answers and what the maps have is put on the board, and the
 * board is drawn. Between, keys, the window's size and signals are waited for; all signals come by a descriptor, so
 * that none comes in the middle of anything.
 */
#define _GNU_SOURCE
#include "monitor_command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "overview.h"
#include "source.h"
#include "terminal.h"
#include "text_pages.h"

#define TURN_NS 1000000000ULL
/* So long an answer may take before it is said that there is none. */
#define SILENCE_S 2

struct monitor {
	struct source *source;
	struct board board;
	struct view view;
	int signals;
	uint64_t next_ns; /* when the next turn is due */
	bool measured;	  /* in this turn */
	bool over;
};

/* ---- drawing ---- */

static void add_headline(void *arg, enum tint tint, const char *text)
{
	struct headlines *head = arg;
	struct headline *line = &head->lines[head->count];

	if (head->count == HEADLINES_MAX)
		return;
	head->count++;
	line->tint = tint;
	snprintf(line->text, sizeof(line->text), "%s", text);
}

static void add_silence(struct headlines *head, unsigned seconds)
{
	char text[120];

	snprintf(text, sizeof(text), "the daemon has not answered for %u s: connections are as they were then",
		 seconds);
	if (seconds >= SILENCE_S)
		add_headline(head, TINT_BAD, text);
}

static void draw_overview(struct monitor *m, struct page *p)
{
	const struct host_look *look = source_look(m->source);
	const cJSON *cpus = json_item(json_item(look->daemon, "lanes"), "cpus");
	struct headlines head = {.count = 0};

	add_silence(&head, source_silence(m->source));
	if (look->in)
		host_lines(look, add_headline, &head);
	overview_draw(p, &m->board, &m->view, &head, (unsigned)cJSON_GetArraySize(cpus), time(NULL));
}

static void draw_details(struct monitor *m, struct page *p)
{
	const struct row *r = board_find(&m->board, m->view.selected);
	char *text;

	text = r ? source_details(m->source, r) : NULL;
	details_draw(p, &m->view, r, text ? text : "");
	free(text);
}

static void draw(struct monitor *m)
{
	struct page p = terminal_page();

	screen_set((struct screen){.width = p.width});
	if (m->view.mode == VIEW_HELP)
		help_draw(&p, &m->view);
	else if (m->view.mode == VIEW_DETAILS)
		draw_details(m, &p);
	else
		draw_overview(m, &p);
	terminal_show(&p);
	page_free(&p);
}

/* ---- turns ---- */

/* Once in a turn, with the answer if that comes in time. */
static void measure(struct monitor *m)
{
	source_measure(m->source, &m->board);
	m->measured = true;
}

static void begin_turn(struct monitor *m)
{
	if (!m->measured)
		measure(m);
	m->next_ns = maps_now() + TURN_NS;
	m->measured = false;
	source_ask(m->source, &m->board);
	if (source_socket(m->source) < 0)
		measure(m);
}

static void on_answer(struct monitor *m)
{
	source_answer(m->source, &m->board);
	if (!m->measured)
		measure(m);
}

static void on_signal(struct monitor *m)
{
	struct signalfd_siginfo info;

	while (read(m->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			terminal_suspend();
		else if (info.ssi_signo != SIGWINCH && info.ssi_signo != SIGCONT)
			m->over = true;
	}
}

static void on_keys(struct monitor *m)
{
	unsigned key;

	while (!m->over && (key = terminal_key()) != VIEW_KEY_NONE)
		m->over = !view_key(&m->view, &m->board, key);
}

/* Waits for something, and does it. A terminal that is gone is the end. */
static void wait_and_do(struct monitor *m)
{
	enum { SIGNALS, KEYS, ANSWER, EVENTS };
	struct pollfd fds[] = {
		[SIGNALS] = {m->signals, POLLIN, 0},
		[KEYS] = {STDIN_FILENO, POLLIN, 0},
		[ANSWER] = {source_socket(m->source), POLLIN, 0},
		[EVENTS] = {source_stream(m->source), POLLIN, 0},
	};

	if (poll(fds, 4, clock_ms_until(m->next_ns)) < 0)
		return;
	if (fds[SIGNALS].revents)
		on_signal(m);
	if (fds[KEYS].revents & POLLIN)
		on_keys(m);
	if (fds[KEYS].revents & (POLLHUP | POLLERR | POLLNVAL))
		m->over = true;
	if (fds[EVENTS].revents)
		source_hear(m->source, &m->board);
	if (fds[ANSWER].revents)
		on_answer(m);
	if (!clock_ms_until(m->next_ns))
		begin_turn(m);
}

static int take_signals(struct monitor *m)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	m->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return m->signals < 0 ? -errno : 0;
}

static void run(struct monitor *m)
{
	begin_turn(m);
	while (!m->over) {
		wait_and_do(m);
		draw(m);
	}
	terminal_close();
}

int monitor_command(const struct invocation *inv)
{
	struct monitor m = {.signals = -1, .measured = true};
	const bool colours = screen()->colours;
	struct fault f;
	int err;

	if (inv->json)
		return cli_usage(
			inv,
			"it is a screen for people: 'xdp-ipsec -j status' and 'xdp-ipsec -j events' are for programs");
	err = source_open(&m.source, inv, &f);
	if (err)
		return cli_fail(inv, f.text);
	err = take_signals(&m);
	if (err)
		fault(&f, -err, "signals: %s", strerror(-err));
	if (!err)
		err = terminal_open(colours, &f);
	if (!err)
		run(&m);
	board_free(&m.board);
	source_close(m.source);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
