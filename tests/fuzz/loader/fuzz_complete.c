/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a shell asks, by the real table of commands, and what a daemon says of its connections. What must hold: an
 * answer is lines, each a candidate that begins with what is typed, a tab and what it is, or ":files"; and who types
 * half of a candidate is offered it still.
 *
 *   part: the status, in JSON; then words, each ended by a NUL
 */
#include <errno.h>

int main_of_completion(int argc, char **argv);

#define main main_of_completion
#include "loader/main.c"
#undef main

/* Nothing is mounted, nobody is asked. */
#define instance_init  played_instance_init
#define control_ask    played_control_ask
#define complete_asked played_complete_asked
bool played_complete_asked(const struct command *table, int argc, char **argv);
#include "command/complete.c"

#include "fuzz.h"

#define WORDS_MAX 24
#define TEXT_MAX  400
#define LINES_MAX 200

static const char *status_text;

/* The file's names have no control character. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text == '\\' || (unsigned char)*text < ' ')
			return false;
	return true;
}

int played_instance_init(struct instance *in, const char *name, struct fault *f)
{
	*in = (struct instance){.lock_fd = -1};
	return instance_check(name, f);
}

int played_control_ask(const struct instance *in, const char *command, const cJSON *words, int fd, cJSON **reply,
		       struct fault *f)
{
	(void)in;
	(void)words;
	(void)fd;
	(void)f;
	require(strcmp(command, "status") == 0);
	*reply = is_plain(status_text) ? cJSON_Parse(status_text) : NULL;
	return *reply ? 0 : -EIO;
}

/* ---- asking ---- */

/* What it answers; the caller's to free. */
static char *ask(int count, char **words)
{
	static char name[] = "xdp-ipsec", help[] = "help", complete_word[] = "complete";
	char *argv[WORDS_MAX + 4] = {name, help, complete_word}, *text = NULL;
	FILE *before = stdout;
	size_t size;

	memcpy(argv + 3, words, (size_t)count * sizeof(*words));
	stdout = open_memstream(&text, &size);
	require(stdout && played_complete_asked(commands, count + 3, argv));
	fclose(stdout);
	stdout = before;
	return text;
}

static bool has_line(const char *answer, const char *candidate)
{
	const size_t n = strlen(candidate);

	for (const char *line = answer; line && *line; line = strchr(line, '\n') + 1)
		if (strncmp(line, candidate, n) == 0 && line[n] == '\t')
			return true;
	return false;
}

/* The first of them, by what is typed of it then. */
static void ask_again(int count, char **words, const char *candidate)
{
	char *last = words[count - 1], half[TEXT_MAX], *answer;

	snprintf(half, sizeof(half), "%.*s", (int)((strlen(last) + strlen(candidate) + 1) / 2), candidate);
	words[count - 1] = half;
	answer = ask(count, words);
	words[count - 1] = last;
	require(has_line(answer, candidate));
	free(answer);
}

static void look_at(const char *answer, int count, char **words)
{
	const char *last = words[count - 1], *line = answer, *end;
	char first[TEXT_MAX] = "";

	for (; *line; line = end + 1) {
		const char *tab = strchr(line, '\t');

		end = strchr(line, '\n');
		require(end);
		if (strncmp(line, ":files\n", 7) == 0)
			continue;
		require(tab && tab < end && strncmp(line, last, strlen(last)) == 0);
		if (!first[0] && (size_t)(tab - line) < sizeof(first))
			snprintf(first, sizeof(first), "%.*s", (int)(tab - line), line);
	}
	/* A dash in front is asked for what it may be the beginning of. */
	if (first[0] && strlen(first) < TEXT_MAX - 1 && (last[0] || first[0] != '-'))
		ask_again(count, words, first);
}

static void run(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	char *words[WORDS_MAX], *status, *text, *answer;
	size_t length;
	int count = 0;

	status = (char *)input_part(&in, true, &length);
	text = (char *)malloc(in.left + 1);
	require(text);
	memcpy(text, in.at, in.left);
	text[in.left] = '\0';
	for (size_t at = 0; at < in.left && count < WORDS_MAX; at += strlen(text + at) + 1)
		if (strlen(text + at) < TEXT_MAX && !strchr(text + at, '\n') && !strchr(text + at, '\t'))
			words[count++] = text + at;
	status_text = status;
	if (count) {
		answer = ask(count, words);
		look_at(answer, count, words);
		free(answer);
	}
	free(text);
	free(status);
}

/* ---- seeds ---- */

static void seed_line(const char *status, const char *line)
{
	struct seed s = {0};
	size_t begin;

	seed_part(&s, status, strlen(status));
	begin = s.size;
	seed_bytes(&s, line, strlen(line) + 1);
	for (size_t i = begin; i < s.size; i++)
		if (s.data[i] == ' ')
			s.data[i] = '\0';
	fuzz_seed(s.data, s.size);
}

static void seeds(void)
{
	static const char *const lines[] = {
		"connection initiate ",
		"--instance ",
		"--instance x connection rekey c",
		"-",
		"help s",
		"attach ",
		"sa add spi 7 ",
		"sa add src",
		"pki host h dir ",
		"policy add proto t",
		"status ",
		"capture -w ",
		"help sa ",
	};
	static const char status[] =
		"{\"document\":{\"connections\":[{\"name\":\"core\"},{\"name\":\"c2\",\"state\":\"up\"}]}}";

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		seed_line(status, lines[i]);
	for (unsigned i = 0; commands[i].name; i++)
		seed_line("", commands[i].name);
}

FUZZER(.name = "complete", .run = run, .seeds = seeds)
