/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command lines, by the real table of commands, whose functions are replaced by one that only reads the words. What
 * must hold: a command is run with the words that it requires, each known to the table, or the exit status says that it
 * was not.
 *
 *   words, each ended by a NUL
 */
int main_of_the_command(int argc, char **argv);

#define main main_of_the_command
#include "loader/main.c"
#undef main

#include "quiet.h"
#include "words.h"

#define WORDS_MAX    24
#define COMMANDS_MAX 64

static struct command harmless[COMMANDS_MAX];
static bool was_run;

static bool is_known(const struct command *command, const char *name)
{
	for (const struct word *w = command->words; w && w->name; w++)
		if (strcmp(w->name, name) == 0)
			return true;
	return false;
}

static int understood(const struct invocation *inv)
{
	const cJSON *one;

	was_run = true;
	cJSON_ArrayForEach(one, inv->words)
		require(cJSON_IsString(one) && is_known(inv->command, one->string));
	for (const struct word *w = inv->command->words; w && w->name; w++)
		require(!(w->flags & WORD_REQUIRED) || word(inv, w->name));
	read_words(inv->words);
	return 0;
}

static void make_harmless(void)
{
	unsigned i;

	for (i = 0; commands[i].name; i++) {
		require(i < COMMANDS_MAX - 1);
		harmless[i] = commands[i];
		harmless[i].run = understood;
	}
}

static void run(const uint8_t *data, size_t size)
{
	static char name[] = "xdp-ipsec";
	char *text = malloc(size + 1), *argv[WORDS_MAX + 2] = {name};
	int argc = 1, status;

	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t at = 0; at < size && argc <= WORDS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	was_run = false;
	quiet_begin();
	status = cli_run(harmless, argc, argv);
	quiet_end();
	require(status == EXIT_SUCCESS || status == EXIT_FAILURE || status == EXIT_USAGE);
	require(!was_run || status == EXIT_SUCCESS);
	free(text);
}

/* ---- seeds ---- */

static void seed_line(const char *line)
{
	struct seed s = {0};

	seed_bytes(&s, line, strlen(line) + 1);
	for (size_t i = 0; i < s.size; i++)
		if (s.data[i] == ' ')
			s.data[i] = '\0';
	fuzz_seed(s.data, s.size);
}

static const char *const examples[] = {
	"sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1000 key-file - dev eth0 esn off replay-window 64 seq 7 sel tcp/179",
	"sa add src 192.0.2.1 dst 192.0.2.2 spi 256 key-file k sel udp/1-9",
	"sa del spi 4096 dst 192.0.2.2",
	"policy add dst 192.0.2.0/24 src 192.0.2.1 proto tcp sport 1-9 dport 22 prio 3 action protect",
	"policy replace dst 192.0.2.2 proto icmp/echo-request action bypass",
	"policy del dst 192.0.2.0/24",
	"attach eth0 mode generic queues 2",
	"detach all",
	"-j -p --instance x status quick",
	"connection initiate a remote 192.0.2.2",
	"capture -w - both spi 300 drops udp port 53",
	"pki host host1.example,192.0.2.1,ops@example dir days 9",
	"explain 192.0.2.1 192.0.2.2 tcp 22 sport 1 dev eth0",
	"help sa add",
	"help",
	"polcy lst",
	"-V",
	"metrics listen 127.0.0.1:9 peers sas",
};

static void seeds(void)
{
	for (unsigned i = 0; commands[i].name; i++)
		seed_line(commands[i].name);
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		seed_line(examples[i]);
}

FUZZER(.name = "command_line", .open = make_harmless, .run = run, .seeds = seeds)
