/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp_send ADDR PORT SIZE RATE SECONDS [FLOWS]
 *
 * Sends numbered datagrams of SIZE bytes at RATE per second, as fast as it can
 * when RATE is 0, each from the next of FLOWS ports, and prints how many in how
 * long: {"sent": N, "seconds": S}.
 * What cannot be kept up with is not made good: the rate achieved is then lower.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "udp_flow.h"

/* Datagrams per system call, whatever flows they are of: a sender that is awake more often takes the CPU from what is
 * measured. */
#define BATCH	  32
#define FLOWS_MAX 16384
/*
 * From burst to burst. A sleep costs a CPU that the hosts of the bed share, on a virtual machine as much as ten
 * datagrams; and at 500,000 a second a burst is 250, an eighth of the shortest queue on the way.
 */
#define PAUSE_NS (500 * 1000)

struct sender {
	struct io_uring ring;
	unsigned int flows;
	size_t size;
	uint64_t seq; /* of the next datagram, which goes by flow seq % flows */
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

/* A socket for each flow; the ring knows them by their index. */
static void open_flows(struct sender *s, const char *addr, const char *port)
{
	const struct rlimit room = {FLOWS_MAX + 64, FLOWS_MAX + 64};
	static int fds[FLOWS_MAX];
	int ret;

	if (setrlimit(RLIMIT_NOFILE, &room))
		err(1, "setrlimit");
	for (unsigned int i = 0; i < s->flows; i++)
		fds[i] = connect_to(addr, port);
	ret = io_uring_queue_init(BATCH, &s->ring, 0);
	if (!ret)
		ret = io_uring_register_files(&s->ring, fds, s->flows);
	if (ret)
		errx(1, "io_uring: %s", strerror(-ret));
}

static unsigned int reap(struct sender *s, unsigned int count)
{
	struct io_uring_cqe *done[BATCH];
	unsigned int sent = 0, n = io_uring_peek_batch_cqe(&s->ring, done, count);

	for (unsigned int i = 0; i < n; i++) {
		const int res = done[i]->res;

		if (res < 0 && res != -ENOBUFS && res != -EAGAIN && res != -ECONNREFUSED)
			errx(1, "send: %s", strerror(-res));
		sent += res >= 0;
	}
	io_uring_cq_advance(&s->ring, n);
	return sent;
}

/* Sends up to n datagrams, one to each of the next flows, by one system call. How many went. */
static unsigned int send_burst(struct sender *s, uint64_t n)
{
	unsigned int count = n < BATCH ? (unsigned int)n : BATCH;
	int ret;

	for (unsigned int i = 0; i < count; i++, s->seq++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&s->ring);

		memcpy(s->payload[i], &s->seq, SEQ_SIZE);
		io_uring_prep_send(sqe, (int)(s->seq % s->flows), s->payload[i], s->size, 0);
		sqe->flags |= IOSQE_FIXED_FILE;
	}
	do
		ret = io_uring_submit_and_wait(&s->ring, count);
	while (ret == -EINTR);
	if (ret < 0)
		errx(1, "io_uring: %s", strerror(-ret));
	return reap(s, count);
}

/* How many should have been sent by now. */
static uint64_t due(double rate, uint64_t elapsed_ns)
{
	return (uint64_t)(rate * (double)elapsed_ns / 1e9);
}

/* n datagrams; fewer when there is no room for them. How many went. */
static uint64_t send_all(struct sender *s, uint64_t n)
{
	uint64_t sent = 0;

	while (sent < n) {
		unsigned int count = send_burst(s, n - sent);

		if (!count)
			break;
		sent += count;
	}
	return sent;
}

static void send_paced(struct sender *s, double rate, uint64_t limit_ns)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	uint64_t start = now_ns(), elapsed = 0, sent = 0;

	for (; elapsed < limit_ns; elapsed = now_ns() - start) {
		sent += send_all(s, rate > 0 ? due(rate, elapsed) - sent : BATCH);
		if (rate > 0)
			nanosleep(&pause, NULL);
	}
	printf("{\"sent\": %llu, \"seconds\": %.6f}\n", (unsigned long long)sent, (double)elapsed / 1e9);
}

int main(int argc, char **argv)
{
	static struct sender sender;

	if (argc != 6 && argc != 7)
		errx(2, "usage: udp_send ADDR PORT SIZE RATE SECONDS [FLOWS]");
	sender.size = strtoul(argv[3], NULL, 10);
	if (sender.size < SEQ_SIZE || sender.size > PAYLOAD_MAX)
		errx(2, "size %s: not %zu ... %d", argv[3], SEQ_SIZE, PAYLOAD_MAX);
	sender.flows = argc == 7 ? (unsigned int)strtoul(argv[6], NULL, 10) : 1;
	if (sender.flows < 1 || sender.flows > FLOWS_MAX)
		errx(2, "flows %s: not 1 ... %d", argv[6], FLOWS_MAX);
	/* The default timer slack would double the pause. */
	prctl(PR_SET_TIMERSLACK, 1);
	open_flows(&sender, argv[1], argv[2]);
	send_paced(&sender, strtod(argv[4], NULL), (uint64_t)(strtod(argv[5], NULL) * 1e9));
	return 0;
}
