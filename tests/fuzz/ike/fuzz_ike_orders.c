/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor's messages to IKE, its configuration among them, by the daemon's own control_handle() on a real
 * engine. What must hold: as many messages are read as came, and what is said in return is a JSON object each.
 *
 *   part: a document that goes along with 'configure'; then a part for each message
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/judge.h"
#include "daemon/daemon.h"
#include "fuzz.h"
#include "lib/channel.h"
#include "lib/one_fd.h"
#include "pki.h"
#include "world.h"

#define MESSAGES_MAX 16

static struct event_base *base;
static struct event *nothing;
static char *pem_of_ca;

static void on_nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void open_all(void)
{
	base = event_base_new();
	nothing = evtimer_new(base, on_nothing, NULL);
	require(base && nothing);
}

/* Bytes as they come, with the document. */
static void put(int socket, const uint8_t *data, size_t size, int fd)
{
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
	union one_fd control;

	one_fd_add(&packet, &control, fd);
	require(sendmsg(socket, &packet, MSG_NOSIGNAL) == (ssize_t)size);
}

static void read_replies(int socket)
{
	cJSON *reply;
	int fd;

	while (channel_receive(socket, &reply, &fd) == 0) {
		require(cJSON_IsString(cJSON_GetObjectItem(reply, "reply")));
		cJSON_Delete(reply);
		if (fd >= 0)
			close(fd);
	}
}

static int document(const char *text)
{
	const int fd = memfd_create("document", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd;
}

static void handle(struct ike_daemon *d, struct world *w, struct input *in, const char *text, int ends[2])
{
	for (unsigned i = 0; i < MESSAGES_MAX && in->left; i++) {
		size_t size;
		uint8_t *message = input_part(in, false, &size);
		const int fd = document(text);

		if (size) {
			put(ends[1], message, size, fd);
			require(control_handle(d));
			read_replies(ends[1]);
		}
		close(fd);
		free(message);
		world_run(w, 50);
	}
}

/* 'check' asks another process, which only reads. */
static void judge_it(const char *text)
{
	static const char ask[] = "{\"command\": \"configure\"}";
	const int fd = document(text);
	int ends[2];

	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0);
	put(ends[1], (const uint8_t *)ask, sizeof(ask) - 1, fd);
	shutdown(ends[1], SHUT_WR);
	judge_run(ends[0]);
	read_replies(ends[1]);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

static void run(const uint8_t *data, size_t size)
{
	static struct world w;
	struct input in = input_of(data, size);
	struct ike_daemon d = {.base = base, .on_500 = nothing, .on_4500 = nothing, .log_level = LOG_LEVEL_INFO};
	size_t text_size;
	char *text = (char *)input_part(&in, true, &text_size);
	int ends[2];

	world_init(&w);
	d.engine = w.hosts[0].engine;
	d.files = file_store_new();
	require(d.files && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0);
	d.control = ends[0];
	handle(&d, &w, &in, text, ends);
	close(ends[1]);
	require(!control_handle(&d));
	close(ends[0]);
	judge_it(text);
	world_free(&w);
	file_store_free(d.files);
	free(text);
}

/* ---- seeds ---- */

static const char psk[] =
	"{\"connections\":[{\"name\":\"c0\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\",\"remote_bits\":32,"
	"\"auth\":\"psk\",\"psk\":1,\"remote_id\":\"*.example\",\"local_id\":\"host.example\",\"protect\":[{\"proto\":"
	"6,"
	"\"local_port_min\":0,\"local_port_max\":65535,\"remote_port_min\":179,\"remote_port_max\":179}],"
	"\"start\":\"initiate\",\"esn\":true,\"gre\":true,\"per_queue\":true,\"replay_window\":1024,\"rekey_ms\":9000,"
	"\"lifetime_ms\":9900,\"ike_rekey_ms\":7000,\"reauth_ms\":11000,\"dpd_ms\":800,\"rekey_bytes\":9,"
	"\"rekey_packets\":10,\"ppk\":3,\"ppk_id\":\"p\",\"ppk_required\":true}],\"kept\":[],\"dropped\":[4],"
	"\"cookie_threshold\":3,\"dscp\":48}";

static const char *const messages[] = {
	"{\"command\":\"configure\"}",
	"{\"command\":\"acquire\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\",\"proto\":6,\"remote_port\":179}",
	"{\"command\":\"acquire\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\",\"proto\":6,\"lane\":2}",
	"{\"command\":\"limit\",\"slot\":1,\"generation\":1,\"hard\":true}",
	"{\"command\":\"unknown_spi\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\",\"spi\":4660}",
	"{\"command\":\"address\",\"addr\":\"192.0.2.1\",\"present\":false}",
	"{\"command\":\"address\",\"addr\":\"192.0.2.1\",\"present\":true}",
	"{\"command\":\"initiate\",\"name\":\"c0\",\"ticket\":7}",
	"{\"command\":\"terminate\",\"name\":\"c0\",\"remote\":\"192.0.2.2\",\"ticket\":8}",
	"{\"command\":\"rekey\",\"name\":\"c0\",\"what\":\"ike\",\"ticket\":9}",
	"{\"command\":\"dead\",\"name\":\"c0\"}",
	"{\"command\":\"status\",\"ticket\":3}",
	"{\"command\":\"ping\"}",
	"{\"command\":\"log_level\",\"level\":2}",
	"not JSON",
	"[]",
};
#define COUNT (sizeof(messages) / sizeof(messages[0]))

static void seed_configured(const char *text)
{
	struct seed s = {0};

	seed_part(&s, text, strlen(text));
	for (size_t i = 0; i < COUNT; i++)
		seed_part(&s, messages[i], strlen(messages[i]));
	fuzz_seed(s.data, s.size);
}

static void seed_by_certificate(void)
{
	cJSON *o = cJSON_Parse(psk), *c = cJSON_GetArrayItem(cJSON_GetObjectItem(o, "connections"), 0);
	cJSON *files = cJSON_AddArrayToObject(o, "files");
	char *text;

	cJSON_ReplaceItemInObject(c, "auth", cJSON_CreateString("cert"));
	cJSON_DeleteItemFromObject(c, "local_id");
	cJSON_AddNumberToObject(c, "private", 2);
	for (int i = 5; i < 7; i++) {
		cJSON *file = cJSON_CreateObject();

		cJSON_AddNumberToObject(c, i == 5 ? "cert" : "ca", i);
		cJSON_AddNumberToObject(file, "id", i);
		cJSON_AddStringToObject(file, "pem", pem_of_ca);
		cJSON_AddItemToArray(files, file);
	}
	text = cJSON_PrintUnformatted(o);
	seed_configured(text);
	cJSON_free(text);
	cJSON_Delete(o);
}

static void seeds(void)
{
	struct pki pki;

	pki_init(&pki, 1800000000);
	pem_of_ca = pki_pem(pki.ca, NULL);
	seed_configured(psk);
	seed_configured("{\"connections\":[],\"kept\":[\"c0\"]}");
	seed_by_certificate();
	free(pem_of_ca);
	pki_free(&pki);
}

FUZZER(.name = "ike_orders", .open = open_all, .run = run, .seeds = seeds)
