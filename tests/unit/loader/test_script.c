/* SPDX-License-Identifier: BSD-2-Clause */
/* The administrator's program, run for events: in their order, not for ever, not too many; and only if it is root's. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/script_file.h"
#include "events/event_text.h"
#include "events/script.h"
#include "lib/clock.h"
#include "unit/needs_root.h"

#define SECONDS_MAX 20

static char folder[] = "/tmp/xdp-ipsec-test-XXXXXX";
static char path[100], out[100];
static struct event_base *base;
static struct event *ended;
static struct script script;

static void write_script(const char *text)
{
	FILE *file = fopen(path, "w");

	fprintf(file, "#!/bin/sh\n%s\n", text);
	fclose(file);
	chmod(path, 0700);
}

static void on_child(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	script_reap(&script);
	if (!script.pid && !script.count)
		event_base_loopbreak(base);
}

static int make(void **unused)
{
	(void)unused;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/script", folder);
	snprintf(out, sizeof(out), "%s/out", folder);
	setenv("OUT", "not given to it", 1);
	base = event_base_new();
	ended = evsignal_new(base, SIGCHLD, on_child, NULL);
	event_add(ended, NULL);
	return script_init(&script, base, path);
}

static int clean(void **unused)
{
	(void)unused;
	script_stop(&script);
	event_free(ended);
	event_base_free(base);
	unlink(path);
	unlink(out);
	return rmdir(folder);
}

static void tell_kind(enum event_kind kind, unsigned n, const char *peer)
{
	cJSON *values = cJSON_CreateObject(), *event;

	cJSON_AddNumberToObject(values, "n", n);
	cJSON_AddStringToObject(values, "peer_id", peer);
	event = happening_new(kind, "test", "core", values);
	script_run(&script, event);
	cJSON_Delete(event);
}

static void tell(unsigned n)
{
	tell_kind(KIND_CONNECTION_UP, n, "b");
}

static void run(void)
{
	const struct timeval most = {.tv_sec = SECONDS_MAX};

	event_base_loopexit(base, &most);
	event_base_dispatch(base);
	assert_int_equal(script.pid, 0);
}

static const char *written(void)
{
	static char text[4000];
	FILE *file = fopen(out, "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	if (file)
		fclose(file);
	return text;
}

static void test_in_their_order(void **unused)
{
	char text[200];

	(void)unused;
	snprintf(text, sizeof(text), "echo $1 $XDP_IPSEC_N $XDP_IPSEC_CONNECTION >>%s", out);
	write_script(text);
	for (unsigned n = 0; n < 5; n++)
		tell(n);
	run();
	assert_string_equal(written(), "connection_up 0 core\nconnection_up 1 core\nconnection_up 2 core\n"
				       "connection_up 3 core\nconnection_up 4 core\n");
}

/* What a peer calls itself is a value, whatever it says; nothing of ours is there. */
static void test_what_a_peer_says_is_a_value(void **unused)
{
	char text[300];

	(void)unused;
	snprintf(text, sizeof(text), "printf '%%s' \"$XDP_IPSEC_PEER_ID\" >%s; echo \"$OUT$XDP_IPSEC_PRIORITY\" >>%s",
		 out, out);
	write_script(text);
	tell_kind(KIND_CONNECTION_UP, 0, "$(touch /tmp/x)\nXDP_IPSEC_PRIORITY=0\x1b[2J; `id`");
	run();
	assert_string_equal(written(), "$(touch /tmp/x)?XDP_IPSEC_PRIORITY=0?[2J; `id`\n");
}

/* And so is what it has started. */
static void test_one_that_hangs_is_killed(void **unused)
{
	const uint64_t begun = clock_now();
	char text[200];
	pid_t started;

	(void)unused;
	snprintf(text, sizeof(text), "sleep 60 & echo $! >%s; exec sleep 60", out);
	write_script(text);
	script.patience = (struct timeval){.tv_usec = 500000};
	tell(0);
	run();
	assert_true(clock_now() - begun < 15000000000ULL);
	started = atoi(written());
	/* 0 would be this process's group, which is never gone. */
	assert_true(started > 0);
	while (kill(started, 0) == 0)
		usleep(10000);
	assert_int_equal(errno, ESRCH);
}

static void test_what_waits_is_bounded(void **unused)
{
	char text[200];

	(void)unused;
	snprintf(text, sizeof(text), "echo $XDP_IPSEC_N $XDP_IPSEC_MISSED >>%s", out);
	write_script(text);
	/* The first runs. Of what others can cause only half the queue is filled. */
	for (unsigned n = 0; n < 100; n++)
		tell_kind(KIND_CONNECTION_REFUSED, n, "b");
	assert_int_equal(script.count, SCRIPT_QUEUE_OTHERS);
	assert_int_equal(script.missed, 100 - 1 - SCRIPT_QUEUE_OTHERS);
	for (unsigned n = 0; n < 100; n++)
		tell(n);
	assert_int_equal(script.count, SCRIPT_QUEUE_MAX);
	run();
	assert_non_null(strstr(written(), "0 0\n1 135\n2 0\n"));
	assert_int_equal(script.missed, 0);
}

static void test_one_that_fails_is_tried_again(void **unused)
{
	char text[200];

	(void)unused;
	snprintf(text, sizeof(text), "echo $XDP_IPSEC_N $XDP_IPSEC_MISSED >>%s; exit 3", out);
	write_script(text);
	chmod(path, 0722);
	tell(0);
	assert_int_equal(script.pid, 0);
	chmod(path, 0700);
	tell(1);
	run();
	assert_string_equal(written(), "1 1\n");
}

/* ---- whose it is ---- */

static void refused(const char *name, const char *why)
{
	struct fault f = {""};

	assert_true(script_file_check(name, NULL, &f) < 0);
	if (!strstr(f.text, why))
		fail_msg("%s: not: %s", f.text, why);
}

static void test_only_roots(void **unused)
{
	char real[PATH_MAX], link_to[120];
	struct fault f;

	(void)unused;
	write_script("true");
	assert_int_equal(script_file_check(path, real, &f), 0);
	refused("script", "absolute");
	refused("/nowhere/script", "No such file");
	refused(folder, "is no file");
	refused("/dev/null", "is no file");
	chmod(path, 0600);
	refused(path, "cannot be executed");
	chmod(path, 0720);
	refused(path, "others than root may change it");
	chmod(path, 0700);
	assert_int_equal(chown(path, 12345, 0), 0);
	refused(path, "others than root may change it");
	assert_int_equal(chown(path, 0, 0), 0);
	chmod(folder, 0777);
	refused(path, "exchange what is in it");
	chmod(folder, 01777);
	assert_int_equal(script_file_check(path, real, &f), 0);
	assert_int_equal(chown(folder, 12345, 0), 0);
	refused(path, "exchange what is in it");
	/* Nor by a link to it from a good place. */
	snprintf(link_to, sizeof(link_to), "%s-link", folder);
	assert_int_equal(symlink(path, link_to), 0);
	refused(link_to, "exchange what is in it");
	assert_int_equal(chown(folder, 0, 0), 0);
	chmod(folder, 0700);
	assert_int_equal(script_file_check(link_to, real, &f), 0);
	assert_string_equal(real, path);
	unlink(link_to);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)
	struct CMUnitTest tests[] = {
		TEST(test_in_their_order),
		TEST(test_what_a_peer_says_is_a_value),
		TEST(test_one_that_hangs_is_killed),
		TEST(test_what_waits_is_bounded),
		TEST(test_one_that_fails_is_tried_again),
		TEST(test_only_roots),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
