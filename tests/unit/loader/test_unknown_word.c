/* SPDX-License-Identifier: BSD-2-Clause */
/* A word that a command does not have: one line says what was meant, or which there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "command/unknown_word.h"

static const struct word run_words[] = {
	{"-c", "FILE", "", 0},
	{"detach-on-exit", NULL, "", WORD_ALONE},
	{0},
};
static const struct word attach_words[] = {
	{"dev", "DEV", "", WORD_REQUIRED | WORD_POSITIONAL},
	{"mode", "auto|native", "", 0},
	{0},
};
static const struct word sa_words[] = {
	{"src", "IP", "", WORD_REQUIRED},
	{"key-file", "FILE|-", "", WORD_REQUIRED},
	{"esn", "on|off", "", 0},
	{0},
};

static const struct command run = {"run", "", run_words, NULL}, attach = {"attach", "", attach_words, NULL},
			    sa_add = {"sa add", "", sa_words, NULL}, policy_add = {"policy add", "", sa_words, NULL},
			    reload = {"reload", "", NULL, NULL}, capture = {"capture", "", run_words, NULL};

static const struct {
	const struct command *command;
	const char *typed;
	const char *said;
} words[] = {
	{&run, "x.conf", ": did you mean '-c x.conf'?"},
	{&run, "/etc/x", ": did you mean '-c /etc/x'?"},
	{&run, "--config", ": a file is '-c FILE'"},
	{&run, "detach-on-exti", ": did you mean 'detach-on-exit'?"},
	{&run, "now", ": it has -c FILE, detach-on-exit"},
	{&attach, "native", ": did you mean 'mode native'?"},
	{&attach, "nativ", ": it has mode auto|native"},
	{&reload, "now", ": it takes none"},
	{&reload, "--jsno", ": did you mean '--json'?"},
	{&capture, "-i", ": it is of all NICs of the instance"},
	{&capture, "-n", "tcpdump -n -r -"},
	{&sa_add, "192.0.2.1", ": it has src IP, key-file FILE|-, esn on|off"},
	{&sa_add, "a.key", ": did you mean 'key-file a.key'?"},
	{&sa_add, "key", "'key-file FILE'"},
	{&sa_add, "from", ": here it is 'src IP'"},
	{&sa_add, "Esn", ": did you mean 'esn'?"},
	{&policy_add, "dir", ": a policy acts both ways"},
	{&policy_add, "drop", ": here it is 'action discard'"},
};

static void it_is_told_what_was_meant(void **state)
{
	char text[UNKNOWN_WORD];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		unknown_word(words[i].command, words[i].typed, text);
		if (!strstr(text, " is none of its words") || !strstr(text, words[i].said))
			fail_msg("%s %s: %s", words[i].command->name, words[i].typed, text);
	}
}

static void the_line_has_an_end(void **state)
{
	char typed[2 * UNKNOWN_WORD], text[UNKNOWN_WORD];

	(void)state;
	memset(typed, '.', sizeof(typed));
	typed[sizeof(typed) - 1] = '\0';
	unknown_word(&sa_add, typed, text);
	assert_true(strlen(text) < 160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_what_was_meant),
		cmocka_unit_test(the_line_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
