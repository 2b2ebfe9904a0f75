/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: packets as they come, from a socket in the file system, by the daemon's own server, to what reads
 * the words of requests. What must hold: each request has one answer, which is a JSON object, or the connection is
 * closed.
 *
 *   a part for each packet
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/control_server.h"
#include "lib/channel.h"
#include "words.h"

#define PACKETS_MAX 8

static struct instance instance;
static struct event_base *base;
static struct control_server *server;
static unsigned handled;

/* What requests.c hands to the readers, and the ways to answer later, or by more than a reply. */
static int handle(void *arg, const cJSON *request, int fd, cJSON *reply, struct fault *f)
{
	const char *command = json_text(request, "command");

	(void)arg;
	(void)fd;
	handled++;
	read_words(json_item(request, "words"));
	if (!command)
		return fault(f, EPROTO, "no command");
	if (strcmp(command, "attach") == 0)
		control_server_attach(server, dup(STDERR_FILENO));
	if (strcmp(command, "sa add") == 0) {
		control_server_defer(server);
		return -EINPROGRESS;
	}
	cJSON_AddStringToObject(reply, "command", command);
	return 0;
}

static void close_all(void)
{
	control_server_stop(server);
	event_base_free(base);
	rmdir(instance.run_dir);
}

static void open_all(void)
{
	struct fault f;

	snprintf(instance.run_dir, sizeof(instance.run_dir), "/tmp/xdp-ipsec-fuzz-%d", getpid());
	require(mkdir(instance.run_dir, 0700) == 0);
	base = event_base_new();
	require(control_server_start(&server, base, &instance, handle, NULL, &f) == 0);
	atexit(close_all);
}

static int connect_to(void)
{
	struct sockaddr_un address;
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	control_address(&instance, &address);
	require(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* How many there are. */
static unsigned take_answers(int fd)
{
	unsigned count = 0;
	cJSON *reply;
	int attached;

	while (channel_receive(fd, &reply, &attached) == 0) {
		require(json_text(reply, "error") || cJSON_IsTrue(json_item(reply, "ok")));
		cJSON_Delete(reply);
		if (attached >= 0)
			close(attached);
		count++;
	}
	return count;
}

static void run(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	const int fd = connect_to();
	unsigned answers = 0;

	handled = 0;
	for (unsigned i = 0; i < PACKETS_MAX && in.left; i++) {
		size_t n;
		uint8_t *packet = input_part(&in, false, &n);

		if (n && send(fd, packet, n, MSG_NOSIGNAL) < 0)
			require(errno == EPIPE || errno == EMSGSIZE);
		turn();
		answers += take_answers(fd);
		free(packet);
	}
	require(answers <= handled);
	control_server_abandon(server, "over");
	answers += take_answers(fd);
	/* One that was deferred has none if another request came meanwhile: the connection was closed for that. */
	require(answers <= handled && handled - answers <= 1);
	close(fd);
	turn();
}

/* ---- seeds ---- */

static void seed_requests(const char *first, const char *second)
{
	struct seed s = {0};

	seed_part(&s, first, strlen(first));
	seed_part(&s, second, strlen(second));
	fuzz_seed(s.data, s.size);
}

static const char *const requests[] = {
	"{\"command\":\"sa "
	"add\",\"words\":{\"src\":\"192.0.2.1\",\"dst\":\"192.0.2.2\",\"spi\":\"0x1000\",\"esn\":\"off\","
	"\"replay-window\":\"64\",\"seq\":\"9\",\"sel\":\"tcp/179\",\"dev\":\"eth0\"}}",
	"{\"command\":\"sa del\",\"words\":{\"spi\":\"4096\",\"dst\":\"192.0.2.2\"}}",
	"{\"command\":\"policy "
	"add\",\"words\":{\"dst\":\"192.0.2.0/24\",\"src\":\"192.0.2.1\",\"proto\":\"tcp\",\"sport\":"
	"\"1-9\",\"dport\":\"22\",\"prio\":\"3\",\"action\":\"protect\"}}",
	"{\"command\":\"policy add\",\"words\":{\"dst\":\"192.0.2.1\",\"proto\":\"icmp/8\",\"action\":\"discard\"}}",
	"{\"command\":\"attach\",\"words\":{\"dev\":\"eth0\",\"mode\":\"native\",\"queues\":\"all\"}}",
	"{\"command\":\"status\"}",
	"{\"words\":[]}",
	"nothing",
};

static void seeds(void)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		seed_requests(requests[i], requests[(i + 3) % 8]);
}

FUZZER(.name = "requests", .open = open_all, .run = run, .seeds = seeds)
