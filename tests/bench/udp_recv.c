/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp_recv ADDR
 *
 * Prints the port it listens on, counts different numbered datagrams until
 * SIGTERM and then a silence, and prints how many came in how long, first to
 * last: {"received": N, "duplicates": D, "seconds": S}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "udp_flow.h"

#define BATCH 64
/* A receiver kept from its CPU for some milliseconds must not be what loses. */
#define RECEIVE_BUFFER (8 << 20)
/* After SIGTERM: so long without a datagram means that none is on its way. */
#define SILENCE_US (50 * 1000)
#define SEQ_MAX	   (1ULL << 28)

static volatile sig_atomic_t stopping;

struct tally {
	uint64_t received;
	uint64_t duplicates;
	uint64_t first_ns;
	uint64_t last_ns;
	uint8_t *seen; /* a bit for each number below SEQ_MAX */
};

static void on_signal(int signum)
{
	(void)signum;
	stopping = 1;
}

static int listen_at(const char *addr)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct timeval silence = {.tv_usec = SILENCE_US};
	socklen_t len = sizeof(at);
	int buffer = RECEIVE_BUFFER, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, addr, &at.sin_addr) != 1)
		errx(2, "%s: not an IPv4 address", addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || getsockname(fd, (struct sockaddr *)&at, &len))
		err(1, "listen at %s", addr);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)))
		err(1, "socket options");
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

static void tally_one(struct tally *t, const uint8_t *payload, unsigned int len)
{
	uint64_t seq;
	uint8_t bit;

	if (len < SEQ_SIZE)
		return;
	__builtin_memcpy(&seq, payload, SEQ_SIZE);
	if (seq >= SEQ_MAX)
		return;
	bit = (uint8_t)(1 << (seq % 8));
	if (t->seen[seq / 8] & bit)
		t->duplicates++;
	else
		t->received++;
	t->seen[seq / 8] |= bit;
}

static void receive(int fd, struct tally *t)
{
	static uint8_t payload[BATCH][PAYLOAD_MAX];
	struct iovec pieces[BATCH];
	struct mmsghdr messages[BATCH] = {0};

	for (int i = 0; i < BATCH; i++) {
		pieces[i] = (struct iovec){payload[i], PAYLOAD_MAX};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
	}
	for (;;) {
		int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);

		if (n < 0 && errno == EAGAIN && stopping)
			return;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			err(1, "recvmmsg");
		if (n <= 0)
			continue;
		t->last_ns = now_ns();
		if (!t->first_ns)
			t->first_ns = t->last_ns;
		for (int i = 0; i < n; i++)
			tally_one(t, payload[i], messages[i].msg_len);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct tally tally = {.seen = calloc(SEQ_MAX / 8, 1)};

	if (argc != 2)
		errx(2, "usage: udp_recv ADDR");
	if (!tally.seen)
		errx(1, "out of memory");
	sigaction(SIGTERM, &action, NULL);
	receive(listen_at(argv[1]), &tally);
	printf("{\"received\": %llu, \"duplicates\": %llu, \"seconds\": %.6f}\n", (unsigned long long)tally.received,
	       (unsigned long long)tally.duplicates, (double)(tally.last_ns - tally.first_ns) / 1e9);
	return 0;
}
