/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * middle DEV0 DEV1 SEED
 *
 * A cable that is no good: what comes in by one interface leaves by the other, but for what is lost on the way, comes
 * twice, or later than what was sent after it; by chance, which follows from the seed. It looks at each frame as well:
 * what is in clear, and whether a nonce comes twice (the same destination, SPI and IV) as the hosts sent it.
 *
 * Told on stdin, a line each, and each is answered with a line of JSON, what was counted so far, [of DEV0, of DEV1]:
 *
 *   set lose P double P late P window MS      percent of frames, 0 at first; late: up to so many ms
 *   block none|esp|ike|all [0|1]              what does not get through; [only of that interface]
 *   open 0|1                                  an interface of that name has been made anew
 *   count
 *
 * PACKET_VNET_HDR carries along what a kernel has left to the NIC: sums of what is no ESP.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX  (sizeof(struct virtio_net_hdr) + 65536 + 64)
#define LATE_MAX   4096
#define SPIS	   (1 << 16) /* a power of two */
#define IVS_MAX	   (1 << 24) /* of one SPI that are looked at */
#define SOCKET_MEM (16 << 20)

enum what { ESP, IKE, CLEAR, OTHER };

struct side {
	const char *dev;
	int fd;
	uint64_t frames, esp, ike, clear; /* that have come in */
	uint64_t lost, blocked, doubled, late, refused;
	uint64_t missed;     /* that the socket had no room for */
	uint64_t esp_passed; /* that have left by the other side, each copy of them */
	char first_clear[160];
};

/* A frame on its way. */
struct late {
	uint64_t due_ms;
	int to;
	enum what what;
	size_t size;
	uint8_t *data;
};

/* Which IVs of an SPI were seen: a bit each, by their lower half, as an SA counts from 1. */
struct nonces {
	uint32_t dst, spi;
	uint32_t bits;
	uint8_t *seen;
};

static struct side sides[2];
static struct late late[LATE_MAX];
static unsigned late_count;
static struct nonces table[SPIS];
static uint64_t repeated;
static uint64_t chance;
static unsigned lose, twice, delayed, window_ms = 5;
static unsigned blocked[2]; /* a bit for each `what` */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* xorshift64*: the same each time. */
static unsigned dice(unsigned n)
{
	chance ^= chance >> 12;
	chance ^= chance << 25;
	chance ^= chance >> 27;
	return (unsigned)((chance * 0x2545f4914f6cdd1dULL >> 32) % n);
}

static bool happens(unsigned percent)
{
	return dice(100) < percent;
}

/* ---- what a frame is ---- */

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static struct nonces *find_nonces(uint32_t dst, uint32_t spi)
{
	uint32_t at = (spi * 2654435761u) ^ dst;

	for (unsigned tries = 0; tries < SPIS; tries++, at++) {
		struct nonces *n = &table[at & (SPIS - 1)];

		if (!n->seen)
			*n = (struct nonces){.dst = dst, .spi = spi};
		if (!n->seen || (n->dst == dst && n->spi == spi))
			return n;
	}
	errx(1, "more than %d SPIs", SPIS);
}

static void note_nonce(const uint8_t *ip, size_t header)
{
	struct nonces *n = find_nonces(load32(ip + 16), load32(ip + header));
	const uint32_t iv = load32(ip + header + 12);
	uint32_t bits = n->bits ? n->bits : 4096;

	if (iv >= IVS_MAX)
		return;
	while (bits <= iv)
		bits *= 2;
	if (bits != n->bits) {
		n->seen = realloc(n->seen, bits / 8);
		if (!n->seen)
			err(1, "nonces");
		memset(n->seen + n->bits / 8, 0, (bits - n->bits) / 8);
		n->bits = bits;
	}
	repeated += n->seen[iv / 8] >> (iv % 8) & 1;
	n->seen[iv / 8] |= (uint8_t)(1 << (iv % 8));
}

static enum what what_is(const uint8_t *frame, size_t size)
{
	const uint8_t *ip = frame + ETH_HLEN;
	size_t header;
	bool later;

	if (size < ETH_HLEN + 20 || frame[12] != 0x08 || frame[13] != 0x00)
		return OTHER;
	header = (ip[0] & 15u) * 4;
	later = (ip[6] & 0x1f) || ip[7];
	if (ip[9] == IPPROTO_ESP) {
		if (!later && size >= ETH_HLEN + header + 16)
			note_nonce(ip, header);
		return ESP;
	}
	if (ip[9] == IPPROTO_UDP && !later && size >= ETH_HLEN + header + 4) {
		const uint32_t ports = load32(ip + header);

		if (ports >> 16 == 500 || (ports & 0xffff) == 500)
			return IKE;
	}
	return ip[16] >= 224 ? OTHER : CLEAR; /* to a group, or all: nobody's secret */
}

static void note_clear(struct side *s, const uint8_t *frame, size_t size)
{
	if (s->clear++)
		return;
	for (size_t i = 0; i < size && i < 64; i++)
		sprintf(s->first_clear + 2 * i, "%02x", frame[i]);
}

/* ---- the way ---- */

static void pass(int from, enum what what, const uint8_t *data, size_t size)
{
	if (send(sides[!from].fd, data, size, 0) < 0)
		sides[from].refused++; /* the interface is down, or has no room */
	else
		sides[from].esp_passed += what == ESP;
}

static void pass_later(int from, enum what what, const uint8_t *data, size_t size)
{
	struct late *l = &late[late_count];

	if (late_count == LATE_MAX) {
		sides[from].lost++;
		return;
	}
	*l = (struct late){.due_ms = now_ms() + 1 + dice(window_ms), .to = from, .what = what, .size = size};
	l->data = malloc(size);
	if (!l->data)
		err(1, "a frame");
	memcpy(l->data, data, size);
	late_count++;
	sides[from].late++;
}

/* What is due leaves; how many ms until the next is, or -1. */
static int pass_due(void)
{
	uint64_t now = now_ms(), next = UINT64_MAX;

	for (unsigned i = 0; i < late_count;) {
		struct late *l = &late[i];

		if (l->due_ms > now) {
			next = l->due_ms < next ? l->due_ms : next;
			i++;
			continue;
		}
		pass(l->to, l->what, l->data, l->size);
		free(l->data);
		*l = late[--late_count];
	}
	return next == UINT64_MAX ? -1 : (int)(next - now);
}

static void take(int from, const uint8_t *data, size_t size)
{
	struct side *s = &sides[from];
	const uint8_t *frame = data + sizeof(struct virtio_net_hdr);
	const size_t length = size - sizeof(struct virtio_net_hdr);
	const enum what what = what_is(frame, length);

	s->frames++;
	s->esp += what == ESP;
	s->ike += what == IKE;
	if (what == CLEAR)
		note_clear(s, frame, length);
	if (blocked[from] >> what & 1) {
		s->blocked++;
		return;
	}
	if (happens(lose)) {
		s->lost++;
		return;
	}
	if (happens(twice)) {
		s->doubled++;
		pass_later(from, what, data, size);
	}
	if (happens(delayed))
		pass_later(from, what, data, size);
	else
		pass(from, what, data, size);
}

/* A batch; the interface may be down, or gone for ever. */
static void receive(int from)
{
	static uint8_t data[FRAME_MAX];

	for (int n = 0; n < 256; n++) {
		const ssize_t size = recv(sides[from].fd, data, sizeof(data), MSG_DONTWAIT);

		if (size < (ssize_t)(sizeof(struct virtio_net_hdr) + ETH_HLEN))
			return;
		take(from, data, (size_t)size);
	}
}

/* ---- what it is told ---- */

static void count_missed(struct side *s)
{
	struct tpacket_stats stats = {0};
	socklen_t size = sizeof(stats);

	if (getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		s->missed += stats.tp_drops; /* since it was asked last */
}

static void answer(void)
{
	for (int i = 0; i < 2; i++)
		count_missed(&sides[i]);
	printf("{\"repeated\": %llu, \"waiting\": %u, \"sides\": [", (unsigned long long)repeated, late_count);
	for (int i = 0; i < 2; i++) {
		const struct side *s = &sides[i];
#define NUMBER(name) "\"" #name "\": %llu, "
		printf("%s{" NUMBER(frames) NUMBER(esp) NUMBER(ike) NUMBER(clear) NUMBER(lost) NUMBER(blocked)
			       NUMBER(doubled) NUMBER(late) NUMBER(refused) NUMBER(missed)
				       NUMBER(esp_passed) "\"first_clear\": \"%s\"}",
		       i ? ", " : "", (unsigned long long)s->frames, (unsigned long long)s->esp,
		       (unsigned long long)s->ike, (unsigned long long)s->clear, (unsigned long long)s->lost,
		       (unsigned long long)s->blocked, (unsigned long long)s->doubled, (unsigned long long)s->late,
		       (unsigned long long)s->refused, (unsigned long long)s->missed, (unsigned long long)s->esp_passed,
		       s->first_clear);
	}
	printf("]}\n");
	fflush(stdout);
}

static void obey_set(char *word, char **rest)
{
	static const struct {
		const char *name;
		unsigned *value;
	} numbers[] = {{"lose", &lose}, {"double", &twice}, {"late", &delayed}, {"window", &window_ms}};

	while ((word = strtok_r(NULL, " \n", rest))) {
		const char *value = strtok_r(NULL, " \n", rest);
		bool known = false;

		for (size_t i = 0; value && i < sizeof(numbers) / sizeof(*numbers); i++)
			if (strcmp(word, numbers[i].name) == 0) {
				*numbers[i].value = (unsigned)strtoul(value, NULL, 10);
				known = true;
			}
		if (!known)
			errx(2, "no number: %s", word);
	}
	window_ms += !window_ms;
}

static void obey_block(char **rest)
{
	const char *what = strtok_r(NULL, " \n", rest), *side = strtok_r(NULL, " \n", rest);
	unsigned bits = 0;

	if (what && strcmp(what, "esp") == 0)
		bits = 1 << ESP;
	else if (what && strcmp(what, "ike") == 0)
		bits = 1 << IKE;
	else if (what && strcmp(what, "all") == 0)
		bits = ~0u;
	for (int i = 0; i < 2; i++)
		blocked[i] = !side || atoi(side) == i ? bits : 0;
}

static int open_side(const char *dev)
{
	const int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1, mem = SOCKET_MEM;
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

	addr.sll_ifindex = (int)if_nametoindex(dev);
	if (fd < 0 || !addr.sll_ifindex || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &mem, sizeof(mem)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &mem, sizeof(mem)) ||
	    bind(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		err(1, "%s", dev);
	return fd;
}

static void obey_open(char **rest)
{
	const char *side = strtok_r(NULL, " \n", rest);
	const int i = side && atoi(side) == 1;

	count_missed(&sides[i]);
	close(sides[i].fd);
	sides[i].fd = open_side(sides[i].dev);
}

static void obey(void)
{
	char line[256], *rest, *word;

	if (!fgets(line, sizeof(line), stdin))
		exit(0);
	word = strtok_r(line, " \n", &rest);
	if (word && strcmp(word, "set") == 0)
		obey_set(word, &rest);
	else if (word && strcmp(word, "block") == 0)
		obey_block(&rest);
	else if (word && strcmp(word, "open") == 0)
		obey_open(&rest);
	answer();
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: middle DEV0 DEV1 SEED");
	chance = strtoull(argv[3], NULL, 10) * 2 + 1;
	setvbuf(stdin, NULL, _IONBF, 0);
	for (int i = 0; i < 2; i++)
		sides[i] = (struct side){.dev = argv[1 + i], .fd = open_side(argv[1 + i])};
	answer();
	for (;;) {
		struct pollfd fds[] = {{.fd = sides[0].fd, .events = POLLIN},
				       {.fd = sides[1].fd, .events = POLLIN},
				       {.fd = STDIN_FILENO, .events = POLLIN}};

		if (poll(fds, 3, pass_due()) < 0 && errno != EINTR)
			err(1, "poll");
		for (int i = 0; i < 2; i++)
			if (fds[i].revents)
				receive(i);
		if (fds[2].revents)
			obey();
	}
}
