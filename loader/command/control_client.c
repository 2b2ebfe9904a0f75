/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "control_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(const struct instance *in, struct fault *f)
{
	struct sockaddr_un address;
	char remedy[INSTANCE_REMEDY];
	int err, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	control_address(in, &address);
	if (fd < 0)
		return fault(f, errno, "control socket: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err = errno;
	close(fd);
	if (err == ENOENT || err == ECONNREFUSED)
		return fault(f, ECONNREFUSED, "no daemon for instance '%s': %s", in->name, instance_remedy(in, remedy));
	return fault(f, err, "%s: %s", address.sun_path, strerror(err));
}

/* What is larger than a message comes in a memfd of its own. */
static void take_document(cJSON *reply, int fd)
{
	char *text = channel_unpack(fd);
	cJSON *document = text ? cJSON_Parse(text) : NULL;

	if (document)
		cJSON_AddItemToObject(reply, "document", document);
	free(text);
}

static void wait(int socket, const struct control_patience *patience)
{
	struct pollfd answer = {.fd = socket, .events = POLLIN};

	while (poll(&answer, 1, patience->every_ms) == 0)
		patience->tell(patience->arg);
}

static int send_request(int socket, const char *command, const cJSON *words, int fd)
{
	cJSON *request = json_command(command);
	int err;

	if (words)
		cJSON_AddItemToObject(request, "words", cJSON_Duplicate(words, true));
	err = channel_send(socket, request, fd);
	cJSON_Delete(request);
	return err;
}

/* The supervisor's own line where it has not done it. */
static int error_of(int err, const cJSON *answer, struct fault *f)
{
	if (err)
		return fault(f, -err, "the daemon did not answer: %s: see its log", strerror(-err));
	return json_text(answer, "error") ? fault(f, EREMOTEIO, "%s", json_text(answer, "error")) : 0;
}

/* The connection, on which the request has been sent; or -errno. */
static int begin(const struct instance *in, const char *command, const cJSON *words, int fd, struct fault *f)
{
	int err, socket = connect_to(in, f);

	if (socket < 0)
		return socket;
	err = error_of(send_request(socket, command, words, fd), NULL, f);
	if (!err)
		return socket;
	close(socket);
	return err;
}

int control_begin(const struct instance *in, const char *command, const cJSON *words, struct fault *f)
{
	return begin(in, command, words, -1, f);
}

int control_take(int socket, cJSON **reply, struct fault *f)
{
	cJSON *answer = NULL;
	int with = -1, err = channel_receive(socket, &answer, &with);

	close(socket);
	if (with >= 0) {
		take_document(answer, with);
		close(with);
	}
	err = error_of(err, answer, f);
	if (reply && !err)
		*reply = answer;
	else
		cJSON_Delete(answer);
	return err;
}

static int ask(const struct instance *in, const char *command, const cJSON *words, int fd,
	       const struct control_patience *patience, cJSON **reply, struct fault *f)
{
	const int socket = begin(in, command, words, fd, f);

	if (socket < 0)
		return socket;
	if (patience)
		wait(socket, patience);
	return control_take(socket, reply, f);
}

int control_ask(const struct instance *in, const char *command, const cJSON *words, int fd, cJSON **reply,
		struct fault *f)
{
	return ask(in, command, words, fd, NULL, reply, f);
}

/* An older daemon has the monitors in its status. */
void control_add_monitors(cJSON *status, cJSON *monitors)
{
	cJSON *document = cJSON_DetachItemFromObjectCaseSensitive(monitors, "document");

	if (document)
		cJSON_AddItemToObject(status, "monitors", document);
	cJSON_Delete(monitors);
}

int control_status(const struct instance *in, cJSON **status, struct fault *f)
{
	cJSON *monitors = NULL;
	int err = control_ask(in, "status", NULL, -1, status, f);

	if (err)
		return err;
	control_ask(in, "monitors", NULL, -1, &monitors, NULL);
	control_add_monitors(*status, monitors);
	return 0;
}

int control_order(const struct instance *in, const char *command, const cJSON *words,
		  const struct control_patience *patience, struct fault *f)
{
	return ask(in, command, words, -1, patience, NULL, f);
}

int control_hold(const struct instance *in, const char *command, const cJSON *words, int *with, struct fault *f)
{
	cJSON *answer = NULL;
	int err, socket = begin(in, command, words, -1, f);

	*with = -1;
	if (socket < 0)
		return socket;
	err = error_of(channel_receive(socket, &answer, with), answer, f);
	if (!err && *with < 0)
		err = fault(f, EPROTO, "the daemon's answer lacks what was asked for: it is of another version");
	cJSON_Delete(answer);
	if (!err)
		return socket;
	if (*with >= 0)
		close(*with);
	close(socket);
	return err;
}

int control_stream(const struct instance *in, const char *command, struct fault *f)
{
	cJSON *answer = NULL;
	int err, with = -1, socket = begin(in, command, NULL, -1, f);

	if (socket < 0)
		return socket;
	err = error_of(channel_receive(socket, &answer, &with), answer, f);
	cJSON_Delete(answer);
	if (with >= 0)
		close(with);
	if (!err)
		return socket;
	close(socket);
	return err;
}
