/* SPDX-License-Identifier: BSD-2-Clause */
#include "complete.h"

#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection_text.h"
#include "connection_view.h"
#include "control_client.h"
#include "instance/instance.h"
#include "options.h"

#define RUN_ROOT "/run/xdp-ipsec"

/* What is there so far. */
struct typed {
	const struct command *table;
	int count;
	char **words;
	const char *last; /* the word that is to be completed */
	const char *instance;
};

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static void offer(const struct typed *t, const char *text, size_t size, const char *what)
{
	const size_t typed = strlen(t->last);

	if (typed <= size && strncmp(text, t->last, typed) == 0)
		printf("%.*s\t%s\n", (int)size, text, what ? what : "");
}

static void offer_word(const struct typed *t, const char *text, const char *what)
{
	offer(t, text, strlen(text), what);
}

/* ---- values ---- */

static void offer_interfaces(const struct typed *t)
{
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *i = all; i && i->if_index; i++)
		if (!is(i->if_name, "lo"))
			offer_word(t, i->if_name, "interface");
	if (all)
		if_freenameindex(all);
}

static void offer_instances(const struct typed *t)
{
	DIR *d = opendir(RUN_ROOT);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			offer_word(t, e->d_name, "instance");
	if (d)
		closedir(d);
}

/* Of a daemon that runs; else there are none to order anything of. */
static void offer_connections(const struct typed *t)
{
	cJSON *status = NULL, *connections;
	struct instance in;
	const cJSON *c;
	struct fault f;

	if (instance_init(&in, t->instance, &f) || control_ask(&in, "status", NULL, -1, &status, &f))
		return;
	connections = connections_json(status);
	cJSON_ArrayForEach(c, connections)
		if (json_text(c, "name"))
			offer_word(t, json_text(c, "name"), "connection");
	cJSON_Delete(connections);
	cJSON_Delete(status);
}

static bool stands_for_file(const char *text, size_t size)
{
	static const char *const words[] = {"FILE", "DIR", "PATH", "CERT"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == size && strncmp(text, words[i], size) == 0)
			return true;
	return false;
}

/* One of what stands between two bars: in capitals it stands for something, else for itself. */
static void offer_alternative(const struct typed *t, const struct command *c, const struct word *w, const char *text,
			      size_t size)
{
	if (size == 3 && strncmp(text, "DEV", 3) == 0)
		offer_interfaces(t);
	else if (stands_for_file(text, size))
		printf(":files\n");
	else if (size == 4 && strncmp(text, "NAME", 4) == 0 && c && strncmp(c->name, "connection", 10) == 0)
		offer_connections(t);
	else if (text[0] < 'A' || text[0] > 'Z')
		offer(t, text, size, w->help);
}

static void offer_values(const struct typed *t, const struct command *c, const struct word *w)
{
	for (const char *at = w->value; at && *at;) {
		const size_t n = strcspn(at, "|");

		if (!memchr(at, '/', n) && !memchr(at, '[', n))
			offer_alternative(t, c, w, at, n);
		at += n + (at[n] == '|');
	}
}

/* ---- words ---- */

static const struct word *find(const struct word *words, const char *name)
{
	for (const struct word *w = words; w && w->name; w++)
		if (!(w->flags & WORD_POSITIONAL) && is(name, w->name))
			return w;
	return NULL;
}

/* Whether the word that was given last wants a value: that is offered then. */
static bool offer_value_of(const struct typed *t, const struct command *c, const struct word *w)
{
	if (!w || !w->value)
		return false;
	if (is(w->name, "--instance"))
		offer_instances(t);
	else
		offer_values(t, c, w);
	return true;
}

static bool was_given(const char *const *given, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (is(given[i], name))
			return true;
	return false;
}

#define GIVEN_MAX 64

/* Behind the command's name. from: the first of its words. */
static void offer_words(const struct typed *t, const struct command *c, int from)
{
	const char *given[GIVEN_MAX];
	unsigned count = 0, positional = 0, seen = 0;

	for (int i = from; i + 1 < t->count && count < GIVEN_MAX; i++) {
		const struct word *w = find(c->words, t->words[i]);

		w = w ? w : find(words_of_all, t->words[i]);
		if (w)
			given[count++] = w->name;
		else
			positional++;
		if (w && w->value && ++i + 1 == t->count) {
			offer_value_of(t, c, w);
			return;
		}
	}
	for (const struct word *w = c->words; w && w->name; w++) {
		if (!(w->flags & WORD_POSITIONAL) && !was_given(given, count, w->name))
			offer_word(t, w->name, w->help);
		else if (w->flags & WORD_POSITIONAL && seen++ == positional)
			offer_values(t, c, w);
	}
}

/* ---- commands ---- */

/* Commands whose name goes on behind `group` (""; "sa "): the next word of each once. */
static void offer_commands(const struct typed *t, const char *group)
{
	const size_t skip = strlen(group);
	const char *before = "";
	size_t length = 0;

	for (const struct command *c = t->table; c->name; c++) {
		const char *name = c->name + skip;
		size_t n;

		if (strncmp(c->name, group, skip) != 0)
			continue;
		n = strcspn(name, " ");
		if (n != length || strncmp(name, before, n) != 0)
			offer(t, name, n, name[n] ? "" : c->summary);
		before = name;
		length = n;
	}
}

static const struct command *find_command(const struct command *table, const char *name)
{
	for (const struct command *c = table; c->name; c++)
		if (is(c->name, name))
			return c;
	return NULL;
}

/* at: where the command's name begins. help: only names, as 'help' wants one. */
static void offer_from(const struct typed *t, int at, bool help)
{
	const struct command *c;
	char name[64];

	if (at + 1 == t->count) {
		offer_commands(t, "");
		if (!help)
			offer_word(t, "help", "of all commands, or of one");
		return;
	}
	if (!help && is(t->words[at], "help")) {
		offer_from(t, at + 1, true);
		return;
	}
	c = find_command(t->table, t->words[at]);
	if (!c && at + 2 == t->count) {
		snprintf(name, sizeof(name), "%s ", t->words[at]);
		offer_commands(t, name);
		return;
	}
	if (!c) {
		snprintf(name, sizeof(name), "%s %s", t->words[at], t->words[at + 1]);
		c = find_command(t->table, name);
		at++;
	}
	if (c && !help)
		offer_words(t, c, at + 1);
}

static void complete(const struct command *table, int count, char **words)
{
	const char *instance = getenv("XDP_IPSEC_INSTANCE");
	struct typed t = {.table = table, .count = count, .words = words};
	const struct word *w;
	int at = 0;

	t.last = words[count - 1];
	t.instance = instance && *instance ? instance : "default";
	for (int i = 0; i + 2 < count; i++)
		if (is(words[i], "--instance"))
			t.instance = words[i + 1];
	for (; at + 1 < count && (w = find(words_of_all, words[at])); at++)
		if (w->value && ++at + 1 == count) {
			offer_value_of(&t, NULL, w);
			return;
		}
	if (t.last[0] == '-')
		for (w = words_of_all; w->name; w++)
			offer_word(&t, w->name, w->help);
	offer_from(&t, at, false);
}

/* 'help' does not tell of it. */
bool complete_asked(const struct command *table, int argc, char **argv)
{
	if (argc < 4 || !is(argv[1], "help") || !is(argv[2], "complete"))
		return false;
	complete(table, argc - 3, argv + 3);
	return true;
}
