/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "echo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct message {
	struct icmphdr head;
	uint8_t cookie[ECHO_COOKIE_SIZE];
};
_Static_assert(sizeof(struct message) == 24, "padding would go on the wire");

/* ---- the socket ---- */

static uint32_t word_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The filter: the first half of the cookie, behind an IP header of any length. */
static int set_up(int fd, const uint8_t secret[ECHO_SECRET_SIZE])
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, offsetof(struct message, cookie)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word_at(secret), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, offsetof(struct message, cookie) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word_at(secret + 4), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	const struct icmp_filter but_answers = {~(1U << ICMP_ECHOREPLY)};
	const int on = 1;

	if (setsockopt(fd, SOL_RAW, ICMP_FILTER, &but_answers, sizeof(but_answers)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

int echo_open(const uint8_t secret[ECHO_SECRET_SIZE], struct fault *f)
{
	const int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
	int err = fd < 0 ? -errno : set_up(fd, secret);

	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return fault(f, -err, "monitor: ICMP socket: %s", strerror(-err));
}

/* ---- out ---- */

/* RFC 1071 */
static uint16_t checksum(const struct message *m)
{
	uint16_t words[sizeof(*m) / 2];
	uint32_t sum = 0;

	memcpy(words, m, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

int echo_send(int fd, const struct echo *request, int ifindex)
{
	struct message m = {.head = {.type = ICMP_ECHO}};
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct iovec iov = {&m, sizeof(m)};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control = {0};
	struct msghdr message = {&to, sizeof(to), &iov, 1, &control, sizeof(control), 0};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	struct in_pktinfo from = {.ipi_ifindex = ifindex};

	m.head.un.echo.id = htons(request->id);
	m.head.un.echo.sequence = htons(request->seq);
	memcpy(m.cookie, request->cookie, sizeof(m.cookie));
	m.head.checksum = checksum(&m);
	memcpy(&to.sin_addr, request->remote, 4);
	memcpy(&from.ipi_spec_dst, request->local, 4);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(from));
	memcpy(CMSG_DATA(c), &from, sizeof(from));
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* ---- in ---- */

bool echo_parse(const void *packet, size_t size, struct echo *answer)
{
	const uint8_t *at = packet;
	struct message m;
	struct iphdr ip;
	size_t head;

	if (size < sizeof(ip))
		return false;
	memcpy(&ip, at, sizeof(ip));
	head = (size_t)ip.ihl * 4;
	if (ip.version != 4 || ip.protocol != IPPROTO_ICMP || head < sizeof(ip) || size != head + sizeof(m))
		return false;
	memcpy(&m, at + head, sizeof(m));
	if (m.head.type != ICMP_ECHOREPLY || m.head.code != 0 || checksum(&m) != 0)
		return false;
	memcpy(answer->local, &ip.daddr, 4);
	memcpy(answer->remote, &ip.saddr, 4);
	answer->id = ntohs(m.head.un.echo.id);
	answer->seq = ntohs(m.head.un.echo.sequence);
	memcpy(answer->cookie, m.cookie, sizeof(m.cookie));
	return true;
}

static int64_t nanoseconds(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* Since the kernel had it, by the wall clock: whoever sets that meanwhile sets one round trip. */
static uint64_t waited(struct msghdr *message)
{
	struct timespec then, now;
	int64_t ns = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&then, CMSG_DATA(c), sizeof(then));
		clock_gettime(CLOCK_REALTIME, &now);
		ns = nanoseconds(&now) - nanoseconds(&then);
	}
	return ns > 0 ? (uint64_t)ns : 0;
}

bool echo_receive(int fd, struct echo *answer, uint64_t *waited_ns)
{
	uint8_t packet[128];
	struct iovec iov = {packet, sizeof(packet)};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct timespec))];
	} control;

	for (;;) {
		struct msghdr message = {NULL, 0, &iov, 1, &control, sizeof(control), 0};
		const ssize_t n = recvmsg(fd, &message, 0);

		if (n < 0)
			return false;
		*waited_ns = waited(&message);
		if (!(message.msg_flags & MSG_TRUNC) && echo_parse(packet, (size_t)n, answer))
			return true;
	}
}
