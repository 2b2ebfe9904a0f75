/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor's end of the channel to IKE, which reads the network, and so may be somebody else's by now: whatever
 * it says, events and its own status among it, up to what is shown of that to people, to machines and to Prometheus.
 * What must hold: what is told on is a JSON object a line, and nothing in it moves a terminal.
 *
 *   part: a document; then a part for each message, to which the document is attached
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command/connection_text.h"
#include "command/connection_view.h"
#include "daemon/ike_process.h"
#include "events/event_text.h"
#include "events/events.h"
#include "fuzz.h"
#include "lib/channel.h"
#include "lib/log.h"
#include "lib/one_fd.h"
#include "metrics/metrics.h"
#include "quiet.h"

#define MESSAGES_MAX 8

static struct event_base *base;
static int heard;

static void open_all(void)
{
	struct feed_reader *reader;
	struct fault f;
	int ends[2];

	base = event_base_new();
	require(events_start(base, "fuzz", "") == 0);
	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0);
	heard = ends[0];
	require(events_join(ends[1], &reader, &f) == 0);
}

/* ---- what others are told ---- */

static void check_line(const char *line)
{
	for (; *line; line++)
		require(!iscntrl((unsigned char)*line));
}

static void hear(void)
{
	char line[EVENT_LINE_MAX];
	cJSON *event;
	int fd;

	while (channel_receive(heard, &event, &fd) == 0) {
		require(fd < 0);
		event_line(event, true, line);
		check_line(line);
		cJSON_Delete(event);
	}
}

/* ---- what its status is shown as ---- */

static void show(const cJSON *status)
{
	static FILE *nowhere;
	const struct metrics_terms terms = {.version = "1", .instance = "fuzz", .peers = true};
	cJSON *connections = connections_json(status), *totals = totals_json(status), *stranger = stranger_json(status);
	size_t size;
	char *text;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	connections_list(connections, nowhere);
	connections_print(connections, nowhere);
	connections_unwell(connections);
	cJSON_Delete(connections);
	cJSON_Delete(totals);
	cJSON_Delete(stranger);
	text = metrics_text(status, &terms, &size);
	require(text && strlen(text) == size);
	free(text);
}

static void show_document(int fd)
{
	char *text = channel_unpack(fd);
	cJSON *status = text ? cJSON_Parse(text) : NULL;

	if (cJSON_IsObject(status))
		show(status);
	cJSON_Delete(status);
	free(text);
	close(fd);
}

/* ---- what it says ---- */

static void on_done(void *arg, uint64_t ticket, const char *error)
{
	(void)arg;
	require(ticket < 1ULL << 53 && (!error || strlen(error) < CHANNEL_MESSAGE_MAX));
}

static void on_gre(void *arg)
{
	(void)arg;
}

static void put_all(struct input *in, int socket, int document)
{
	for (unsigned i = 0; i < MESSAGES_MAX && in->left; i++) {
		size_t size;
		uint8_t *message = input_part(in, false, &size);
		struct iovec part = {.iov_base = message, .iov_len = size};
		struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
		union one_fd control;

		one_fd_add(&packet, &control, document);
		require(!size || sendmsg(socket, &packet, MSG_NOSIGNAL) == (ssize_t)size);
		free(message);
	}
}

static void run(const uint8_t *data, size_t size)
{
	static struct connection_config connection = {.name = "core"};
	static const struct config config = {.connections = &connection, .connection_count = 1};
	struct ike_process ike = {.on_done = on_done, .on_gre = on_gre, .config = &config};
	struct input in = input_of(data, size);
	size_t n;
	uint8_t *document = input_part(&in, false, &n);
	const int fd = memfd_create("document", MFD_CLOEXEC);
	int ends[2], status;

	require(fd >= 0 && write(fd, document, n) == (ssize_t)n);
	require(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
	ike.control = ends[0];
	put_all(&in, ends[1], fd);
	shutdown(ends[1], SHUT_WR);
	quiet_begin();
	while ((status = ike_status(&ike)) >= 0 || status == -EPROTO || status == -EBADMSG)
		if (status >= 0)
			show_document(status);
	quiet_end();
	hear();
	close(ends[0]);
	close(ends[1]);
	close(fd);
	free(document);
}

/* ---- seeds ---- */

static const char status[] = "{\"connections\":[{\"name\":\"core\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\","
			     "\"state\":\"up\",\"state_s\":9,"
			     "\"peer_id\":\"b.example\",\"ike\":[{\"spi_i\":\"01\",\"spi_r\":\"02\",\"state\":\"up\","
			     "\"initiator\":true,\"age_s\":5,"
			     "\"tries\":2,\"rekey_in_s\":70}],\"children\":[{\"spi_in\":4660,\"spi_out\":4661,"
			     "\"selector\":\"all\",\"age_s\":4,"
			     "\"packets_in\":1,\"packets_out\":2,\"bytes_in\":3,\"bytes_out\":4,\"drops\":{\"replay\":"
			     "2}}],\"totals\":{\"packets_in\":"
			     "5,\"drops\":{\"auth_failed\":1}},\"last_failure\":{\"notify\":\"AUTHENTICATION_FAILED\","
			     "\"from\":\"192.0.2.2\","
			     "\"tries\":3,\"ago_s\":12,\"error\":\"the PSKs "
			     "differ\"}}],\"half_open\":1,\"stranger\":{\"from\":\"192.0.2.9\","
			     "\"ago_s\":3,\"tries\":2}}";

static const char *const messages[] = {
	"{\"reply\":\"done\",\"ticket\":1,\"error\":\"it has failed\"}",
	"{\"reply\":\"gre\"}",
	"{\"reply\":\"event\",\"event\":\"connection_up\",\"name\":\"core\",\"lost\":3,\"values\":{\"n\":1.5}}",
	"{\"reply\":\"event\",\"event\":\"auth_failed\",\"name\":\"x\",\"values\":{\"peer\":\"\\u001b[2J\"}}",
	"{\"reply\":\"pong\"}",
	"{\"reply\":\"status\",\"ok\":true}",
	"{\"reply\":\"configure\"}",
};

static void seeds(void)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct seed s = {0};

		seed_part(&s, status, strlen(status));
		seed_part(&s, messages[i], strlen(messages[i]));
		seed_part(&s, messages[5], strlen(messages[5]));
		fuzz_seed(s.data, s.size);
	}
}

FUZZER(.name = "ike_told", .open = open_all, .run = run, .seeds = seeds)
