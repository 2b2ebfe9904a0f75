/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp_send ADDR PORT SIZE RATE SECONDS
 *
 * Sends numbered datagrams of SIZE bytes at RATE per second, as fast as it can
 * when RATE is 0, and prints how many in how long: {"sent": N, "seconds": S}.
 * What cannot be kept up with is not made good: the rate achieved is then lower.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "udp_flow.h"

/* Datagrams per system call: a sender that is awake more often takes the CPU from what is measured. */
#define BATCH 32
/*
 * From burst to burst. A sleep costs a CPU that the hosts of the bed share, on a virtual machine as much as ten
 * datagrams; and at 500,000 a second a burst is 250, an eighth of the shortest queue on the way.
 */
#define PAUSE_NS (500 * 1000)

struct batch {
	struct mmsghdr messages[BATCH];
	struct iovec pieces[BATCH];
	uint8_t payload[BATCH][PAYLOAD_MAX];
};

static int connect_to(const char *addr, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, addr, &to.sin_addr) != 1)
		errx(2, "%s: not an IPv4 address", addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connect to %s:%s", addr, port);
	return fd;
}

static void prepare(struct batch *b, size_t size)
{
	memset(b, 0, sizeof(*b));
	for (int i = 0; i < BATCH; i++) {
		b->pieces[i] = (struct iovec){b->payload[i], size};
		b->messages[i].msg_hdr = (struct msghdr){.msg_iov = &b->pieces[i], .msg_iovlen = 1};
	}
}

/* Sends up to n datagrams, numbered from seq on. How many went. */
static unsigned int send_burst(int fd, struct batch *b, uint64_t seq, uint64_t n)
{
	unsigned int count = n < BATCH ? (unsigned int)n : BATCH;
	int sent;

	for (unsigned int i = 0; i < count; i++, seq++)
		memcpy(b->payload[i], &seq, SEQ_SIZE);
	sent = sendmmsg(fd, b->messages, count, 0);
	if (sent < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED)
		err(1, "sendmmsg");
	return sent < 0 ? 0 : (unsigned int)sent;
}

/* How many should have been sent by now. */
static uint64_t due(double rate, uint64_t elapsed_ns)
{
	return (uint64_t)(rate * (double)elapsed_ns / 1e9);
}

/* n datagrams; fewer when there is no room for them. How many went. */
static uint64_t send_all(int fd, struct batch *b, uint64_t seq, uint64_t n)
{
	uint64_t sent = 0;

	while (sent < n) {
		unsigned int count = send_burst(fd, b, seq + sent, n - sent);

		if (!count)
			break;
		sent += count;
	}
	return sent;
}

static void send_paced(int fd, struct batch *b, double rate, uint64_t limit_ns)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	uint64_t start = now_ns(), elapsed = 0, sent = 0;

	for (; elapsed < limit_ns; elapsed = now_ns() - start) {
		sent += send_all(fd, b, sent, rate > 0 ? due(rate, elapsed) - sent : BATCH);
		if (rate > 0)
			nanosleep(&pause, NULL);
	}
	printf("{\"sent\": %llu, \"seconds\": %.6f}\n", (unsigned long long)sent, (double)elapsed / 1e9);
}

int main(int argc, char **argv)
{
	static struct batch batch;
	size_t size;

	if (argc != 6)
		errx(2, "usage: udp_send ADDR PORT SIZE RATE SECONDS");
	size = strtoul(argv[3], NULL, 10);
	if (size < SEQ_SIZE || size > PAYLOAD_MAX)
		errx(2, "size %s: not %zu ... %d", argv[3], SEQ_SIZE, PAYLOAD_MAX);
	/* The default timer slack would double the pause. */
	prctl(PR_SET_TIMERSLACK, 1);
	prepare(&batch, size);
	send_paced(connect_to(argv[1], argv[2]), &batch, strtod(argv[4], NULL),
		   (uint64_t)(strtod(argv[5], NULL) * 1e9));
	return 0;
}
