/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flood DEV FILE RATE SECONDS
 *
 * Puts the frames of FILE on the cable at DEV, one after the other and again from the first, RATE of them a second, as
 * fast as it can when RATE is 0, past any qdisc and tc program; ends by SIGTERM, too. A line of FILE is a frame in hex
 * and the fields of it that are another each time, drawn by chance: OFFSET:BITS, the low BITS of as many bytes as these
 * take. All frames are IPv4 without tags, and their header's checksum is made right. Prints how many it has offered in
 * how long:
 * {"offered": N, "seconds": S}. How many of them the device had no room for, its own counters tell.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "udp_flow.h"

#define FRAME_MAX  1514
#define FRAMES_MAX 1024
#define FIELDS_MAX 4
/* Frames in one system call. With fewer that is what limits; with more a paced flood is a row of bursts. */
#define BATCH 32
/* From burst to burst of a paced one: at 500,000 a second these are of 25 frames. */
#define PAUSE_NS (50 * 1000)
#define IP_AT	 ETH_HLEN
#define IP_CHECK (IP_AT + 10)
#define IP_END	 (IP_AT + 20)
/* Of a line: two characters for each byte of the frame, and its fields. */
#define LINE_MAX_LEN (2 * FRAME_MAX + 64)

struct field {
	unsigned int offset;
	unsigned int bits;
};

struct frame {
	size_t len;
	unsigned int field_count;
	struct field fields[FIELDS_MAX];
	uint8_t data[FRAME_MAX];
};

static struct frame frames[FRAMES_MAX];
static unsigned int frame_count;
static volatile sig_atomic_t stopping;

static void on_signal(int signum)
{
	(void)signum;
	stopping = 1;
}

/* ---- the file ---- */

static void parse_fields(struct frame *f, const char *text, const char *path)
{
	struct field at;
	int used;

	for (; sscanf(text, "%u:%u%n", &at.offset, &at.bits, &used) == 2; text += used) {
		if (f->field_count == FIELDS_MAX || !at.bits || at.bits > 64 || at.offset + (at.bits + 7) / 8 > f->len)
			errx(2, "%s: field %u:%u cannot be", path, at.offset, at.bits);
		f->fields[f->field_count++] = at;
	}
}

static void parse_line(struct frame *f, const char *line, const char *path)
{
	unsigned int byte;

	for (; f->len < FRAME_MAX && sscanf(line, "%2x", &byte) == 1; line += 2) {
		f->data[f->len++] = (uint8_t)byte;
		if (line[2] == ' ' || line[2] == '\n' || !line[2])
			break;
	}
	if (f->len < IP_END)
		errx(2, "%s: not an IPv4 frame: %.40s", path, line);
	parse_fields(f, line + 2, path);
}

static void read_frames(const char *path)
{
	static char line[LINE_MAX_LEN];
	FILE *file = fopen(path, "r");

	if (!file)
		err(1, "%s", path);
	while (frame_count < FRAMES_MAX && fgets(line, sizeof(line), file))
		parse_line(&frames[frame_count++], line, path);
	fclose(file);
	if (!frame_count)
		errx(2, "%s: no frame in it", path);
}

/* ---- a frame ---- */

/* xorshift64*: what is drawn has to differ, no more. */
static uint64_t draw(void)
{
	static uint64_t state;

	if (!state)
		state = now_ns() | 1;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

static void vary(uint8_t *data, const struct field *f)
{
	const unsigned int bytes = (f->bits + 7) / 8, top = f->bits % 8 ? f->bits % 8 : 8;
	const uint8_t mask = (uint8_t)(0xff >> (8 - top));
	uint64_t value = draw();
	uint8_t *at = data + f->offset;

	at[0] = (uint8_t)((at[0] & ~mask) | ((value >> 56) & mask));
	for (unsigned int i = 1; i < bytes; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void set_checksum(uint8_t *data)
{
	uint32_t sum = 0;

	data[IP_CHECK] = data[IP_CHECK + 1] = 0;
	for (unsigned int i = IP_AT; i < IP_END; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	data[IP_CHECK] = (uint8_t)(sum >> 8);
	data[IP_CHECK + 1] = (uint8_t)sum;
}

static void make(uint8_t *out, const struct frame *f)
{
	memcpy(out, f->data, f->len);
	if (!f->field_count)
		return;
	for (unsigned int i = 0; i < f->field_count; i++)
		vary(out, &f->fields[i]);
	set_checksum(out);
}

/* ---- sending ---- */

static int open_device(const char *dev)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(dev)};
	/* Protocol 0: it receives nothing. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (!at.sll_ifindex || fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
		err(1, "%s", dev);
	return fd;
}

/* One that the device has no room for is passed over, and has been offered like the others. */
static void send_batch(int fd, struct mmsghdr *messages, unsigned int n)
{
	for (unsigned int done = 0; done < n;) {
		const int sent = sendmmsg(fd, messages + done, n - done, 0);

		if (sent < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			err(1, "sendmmsg");
		done += sent > 0 ? (unsigned int)sent : 1;
	}
}

static void send_next(int fd, unsigned int n)
{
	static uint8_t data[BATCH][FRAME_MAX];
	static unsigned int next;
	struct iovec pieces[BATCH];
	struct mmsghdr messages[BATCH];

	for (unsigned int i = 0; i < n; i++, next = (next + 1) % frame_count) {
		make(data[i], &frames[next]);
		pieces[i] = (struct iovec){data[i], frames[next].len};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &pieces[i], .msg_iovlen = 1}};
	}
	send_batch(fd, messages, n);
}

/* How many of those that should have been offered by now, in one batch. */
static unsigned int due(double rate, uint64_t elapsed_ns, uint64_t offered)
{
	const double missing = rate * (double)elapsed_ns / 1e9 - (double)offered;

	if (rate <= 0 || missing > BATCH)
		return BATCH;
	return missing > 0 ? (unsigned int)missing : 0;
}

static void flood(int fd, double rate, uint64_t limit_ns)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	const uint64_t start = now_ns();
	uint64_t elapsed = 0, offered = 0;

	for (; elapsed < limit_ns && !stopping; elapsed = now_ns() - start) {
		const unsigned int n = due(rate, elapsed, offered);

		send_next(fd, n);
		offered += n;
		if (n < BATCH)
			nanosleep(&pause, NULL);
	}
	printf("{\"offered\": %llu, \"seconds\": %.6f}\n", (unsigned long long)offered, (double)elapsed / 1e9);
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};

	if (argc != 5)
		errx(2, "usage: flood DEV FILE RATE SECONDS");
	sigaction(SIGTERM, &action, NULL);
	/* The default timer slack would double the pause. */
	prctl(PR_SET_TIMERSLACK, 1);
	read_frames(argv[2]);
	flood(open_device(argv[1]), strtod(argv[3], NULL), (uint64_t)(strtod(argv[4], NULL) * 1e9));
	return 0;
}
