/* SPDX-License-Identifier: BSD-2-Clause */
/* 'connection ...': IKE's answers come when there is an end to tell. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "connection_text.h"
#include "connection_view.h"
#include "control_client.h"
#include "session.h"

/* An IKE SA that is not up after so long has been asked for more than once. */
#define PATIENCE_MS 3000

struct waiting {
	const struct invocation *inv;
	const struct instance *in;
};

static void tell_of(const struct invocation *inv, const cJSON *connection)
{
	const char *name = json_text(connection, "name"), *given = word(inv, "name");
	char text[CONNECTION_LINE];
	const cJSON *ike;

	if (!name || !given || strcmp(name, given) != 0)
		return;
	cJSON_ArrayForEach(ike, cJSON_GetObjectItemCaseSensitive(connection, "ike"))
		if (json_text(ike, "awaits"))
			fprintf(stderr, "%s: %s\n", name, handshake_text(ike, text));
}

/* Whoever sits before it is not to wonder. */
static void tell(void *arg)
{
	const struct waiting *waiting = arg;
	cJSON *status = NULL, *connections;
	const cJSON *c;

	control_status(waiting->in, &status, NULL);
	connections = connections_json(status);
	cJSON_ArrayForEach(c, connections)
		tell_of(waiting->inv, c);
	cJSON_Delete(connections);
	cJSON_Delete(status);
}

int connection_order_command(const struct invocation *inv)
{
	struct instance in;
	struct waiting waiting = {inv, &in};
	const struct control_patience patience = {PATIENCE_MS, tell, &waiting};
	struct fault f;
	int err = session_instance(inv, &in, &f);

	if (!err)
		err = control_order(&in, inv->command->name, inv->words, isatty(STDERR_FILENO) ? &patience : NULL, &f);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}

int connection_rekey_command(const struct invocation *inv)
{
	const char *what = word(inv, "what");

	if (what && strcmp(what, "child") != 0 && strcmp(what, "ike") != 0)
		return cli_usage(inv, "give child or ike behind the name");
	return session_ask(inv, -1);
}

int connection_list_command(const struct invocation *inv)
{
	struct instance in;
	cJSON *status = NULL, *list;
	struct fault f;
	int err = session_instance(inv, &in, &f);

	if (!err)
		err = control_status(&in, &status, &f);
	if (err)
		return cli_fail(inv, f.text);
	list = connections_json(status);
	if (inv->json)
		json_print(list, inv->pretty);
	else if (cJSON_GetArraySize(list))
		connections_list(list, stdout);
	else
		puts("no connections");
	cJSON_Delete(list);
	cJSON_Delete(status);
	return EXIT_SUCCESS;
}
