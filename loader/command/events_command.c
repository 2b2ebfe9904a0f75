/* SPDX-License-Identifier: BSD-2-Clause */
/* 'events': what the daemon tells, a line each, until the daemon or whoever reads ends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "control_client.h"
#include "events/event_text.h"
#include "session.h"

static void print(const struct invocation *inv, const cJSON *event)
{
	char line[EVENT_LINE_MAX];

	if (inv->json)
		json_print(event, inv->pretty);
	else
		puts(event_line(event, true, line));
}

/* A line is out before the next is waited for: it goes to a pipe as often as to a terminal. */
static int hear(const struct invocation *inv, int socket, struct fault *f)
{
	for (;;) {
		cJSON *event;
		int with, err = channel_receive(socket, &event, &with);

		if (err == -EINTR)
			continue;
		if (err)
			return fault(f, -err,
				     err == -ECONNRESET ? "the daemon has ended" : "the daemon talks nonsense");
		if (with >= 0)
			close(with);
		print(inv, event);
		cJSON_Delete(event);
		if (fflush(stdout))
			return fault(f, errno, "stdout: %s", strerror(errno));
	}
}

int events_command(const struct invocation *inv)
{
	struct instance in;
	struct fault f;
	int err = session_instance(inv, &in, &f), socket;

	if (err)
		return cli_fail(inv, f.text);
	socket = control_stream(&in, inv->command->name, &f);
	if (socket < 0)
		return cli_fail(inv, f.text);
	hear(inv, socket, &f);
	close(socket);
	return cli_fail(inv, f.text);
}
