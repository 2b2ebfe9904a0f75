/* SPDX-License-Identifier: BSD-2-Clause */
/* 'upgrade': the daemon becomes the program that is installed now, and this waits until the new one does its work. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "control_client.h"
#include "lib/clock.h"
#include "session.h"
#include "version.h"

/* A start takes a second or two; of thousands of connections, more. */
#define PATIENCE_NS 60000000000ULL
#define PAUSE_NS    50000000

/* Which program answers, as a number of its own; "": none does. */
static void ask_begun(const struct instance *in, char begun[24], bool *ready)
{
	cJSON *reply = NULL;
	const char *text = NULL;
	struct fault f;

	if (control_ask(in, "status", NULL, -1, &reply, &f) == 0)
		text = json_text(reply, "begun");
	snprintf(begun, 24, "%s", text ? text : "");
	*ready = text && json_text(json_item(reply, "worker"), "aead");
	cJSON_Delete(reply);
}

/* False: the next program does not answer, or its worker does not do what the last one's did. */
static bool await_next(const struct instance *in, const char *before, bool was_ready)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	const uint64_t end = clock_now() + PATIENCE_NS;
	char begun[24];
	bool ready;

	do {
		nanosleep(&pause, NULL);
		ask_begun(in, begun, &ready);
		if (begun[0] && strcmp(begun, before) != 0 && (ready || !was_ready))
			return true;
	} while (clock_now() < end && instance_running(in));
	return false;
}

int upgrade_command(const struct invocation *inv)
{
	char begun[24] = "";
	struct instance in;
	bool was_ready = false;
	struct fault f;
	int err = session_instance(inv, &in, &f);

	if (!err)
		ask_begun(&in, begun, &was_ready);
	if (!err)
		err = control_ask(&in, inv->command->name, NULL, -1, NULL, &f);
	if (!err && !await_next(&in, begun, was_ready))
		err = fault(&f, ETIMEDOUT,
			    "the program that is installed does not go on with the work: the log says why");
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
