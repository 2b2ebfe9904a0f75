/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "flow.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SENT   0x4b494c4cU /* by the flow */
#define FORGED 0x464f5247U
#define QUEUE  (8 << 20)

struct datagram {
	uint32_t magic;
	uint32_t reserved;
	uint64_t number;
};
_Static_assert(sizeof(struct datagram) == FLOW_SIZE_MIN, "the smallest has nothing else");

static void enter(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		err(2, "%s", path);
	close(fd);
}

static int make_socket(struct in_addr own, struct in_addr other)
{
	const struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(FLOW_PORT), .sin_addr = own};
	const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(FLOW_PORT), .sin_addr = other};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), queue = QUEUE;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0)
		err(2, "socket for datagrams");
	return fd;
}

void flow_init(struct flow *f, struct report *report, const char *const namespaces[2], const struct in_addr addrs[2])
{
	f->report = report;
	for (unsigned n = 0; n < 2; n++) {
		enter(namespaces[n]);
		f->sockets[n] = make_socket(addrs[n], addrs[!n]);
		f->heard[n] = mmap(NULL, FLOW_NUMBERS_MAX / 8, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (f->heard[n] == MAP_FAILED)
			err(2, "memory for numbers");
	}
}

void flow_send(struct flow *f, unsigned host, uint64_t random)
{
	const int size = FLOW_SIZE_MIN + (int)(random % (FLOW_SIZE_MAX - FLOW_SIZE_MIN + 1));
	const unsigned count = 1 + (unsigned)(random >> 32) % FLOW_AT_ONCE_MAX;
	uint8_t payload[FLOW_AT_ONCE_MAX * FLOW_SIZE_MAX];

	memset(payload, 0, sizeof(payload));
	for (unsigned i = 0; i < count; i++) {
		const struct datagram d = {.magic = SENT, .number = f->report->sent[host] + 1 + i};

		memcpy(payload + i * (unsigned)size, &d, sizeof(d));
	}
	f->report->sent[host] += count;
	if (f->report->sent[host] >= FLOW_NUMBERS_MAX)
		errx(2, "no numbers are left");
	/* What a closed gate says of it is nothing to the flow: what matters is what arrives. */
	if (setsockopt(f->sockets[host], IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)) == 0)
		send(f->sockets[host], payload, count * (unsigned)size, 0);
}

static void count(struct flow *f, unsigned host, const struct datagram *d)
{
	struct report *r = f->report;
	uint64_t *word = &f->heard[host][d->number / 64];
	const uint64_t bit = 1ULL << d->number % 64;

	if (*word & bit) {
		r->twice[host]++;
		warnx("host %c has got number %llu twice", "ab"[host], (unsigned long long)d -> number);
		return;
	}
	*word |= bit;
	r->arrived[host]++;
	if (d->number > r->last[host])
		r->last[host] = d->number;
}

static void hear(struct flow *f, unsigned host)
{
	struct datagram d;
	ssize_t n;

	while ((n = recv(f->sockets[host], &d, sizeof(d), 0)) >= 0 || errno != EAGAIN) {
		if (n != sizeof(d))
			continue;
		if (d.magic == FORGED) {
			f->report->forged_arrived[host]++;
			warnx("host %c has got a forged datagram", "ab"[host]);
		} else if (d.magic == SENT && d.number < FLOW_NUMBERS_MAX) {
			count(f, host, &d);
		}
	}
}

void flow_hear(struct flow *f)
{
	hear(f, 0);
	hear(f, 1);
}

void flow_forge(uint8_t *payload, uint64_t number)
{
	const struct datagram d = {.magic = FORGED, .number = number};

	memcpy(payload, &d, sizeof(d));
}
