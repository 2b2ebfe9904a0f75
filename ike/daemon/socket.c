/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "socket.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A burst of a thousand peers fits, with what they send again. As many may be on the way to neighbours that do not
 * answer, which the kernel keeps for seconds, and holds against all that is sent by the socket. */
#define BUFFER (4 << 20)
/* So many a turn, then timers and orders have theirs. */
#define BATCH	      32
#define DATAGRAM_SIZE 65536

static int bind_port(int fd, uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	/* Without DF; and what anybody says in an ICMP error about IKE changes no route's MTU, which is that of all that
	 * goes to the peer. */
	const int on = 1, omit = IP_PMTUDISC_OMIT, room = BUFFER;

	/* Larger buffers are welcome, not necessary. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &omit, sizeof(omit)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	return 0;
}

static int open_port(uint16_t port, struct fault *f)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = fd < 0 ? -errno : bind_port(fd, port);

	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	if (err == -EADDRINUSE)
		return fault(f, EADDRINUSE,
			     "UDP port %u is taken, by another IKE daemon (charon, pluto): stop it first", port);
	return fault(f, -err, "UDP port %u: %s", port, strerror(-err));
}

int sockets_open(struct ike_sockets *s, struct fault *f)
{
	s->fd = open_port(IKE_PORT, f);
	s->nat_fd = s->fd < 0 ? -1 : open_port(IKE_PORT_NAT, f);
	if (s->fd < 0 || s->nat_fd < 0)
		return s->fd < 0 ? s->fd : s->nat_fd;
	s->alive = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	return s->alive < 0 ? fault(f, errno, "AF_XDP socket: %s", strerror(errno)) : 0;
}

static bool cookie_of(int fd, __u64 *cookie)
{
	socklen_t size = sizeof(*cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &size) == 0;
}

int sockets_publish(const struct ike_sockets *s, const struct maps *maps, struct fault *f)
{
	const uint32_t only = 0;
	struct ike_cookies cookies;

	if (!cookie_of(s->fd, &cookies.cookies[0]) || !cookie_of(s->nat_fd, &cookies.cookies[1]))
		return fault(f, errno, "SO_COOKIE: %s", strerror(errno));
	if (bpf_map_update_elem(maps->ike_sockets, &only, &cookies, BPF_ANY) < 0)
		return fault(f, errno, "map ike_sockets: %s", strerror(errno));
	if (bpf_map_update_elem(maps->ike_alive, &only, &s->alive, BPF_ANY) < 0)
		return fault(f, errno, "map ike_alive: %s", strerror(errno));
	return 0;
}

/* ---- receiving ---- */

/* Room for the control messages of a datagram, aligned as their header has to be. */
struct packet_info {
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

struct slot {
	struct sockaddr_in from;
	struct packet_info control;
	struct iovec part;
	uint8_t data[DATAGRAM_SIZE];
};

static bool local_of(struct msghdr *m, uint8_t local[4])
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct in_pktinfo info;

		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		memcpy(local, &info.ipi_addr, 4);
		return true;
	}
	return false;
}

/* On 4500: without four zeros in front it is ESP in UDP, or a keepalive, which are nobody's here. */
static bool strip_marker(const uint8_t **data, size_t *size)
{
	static const uint8_t marker[NON_ESP_MARKER_SIZE];

	if (*size < sizeof(marker) || memcmp(*data, marker, sizeof(marker)) != 0)
		return false;
	*data += sizeof(marker);
	*size -= sizeof(marker);
	return true;
}

static void hand_over(struct slot *slot, struct mmsghdr *m, bool nat, datagram_handler *handler, void *arg)
{
	struct path path = {.local_port = nat ? IKE_PORT_NAT : IKE_PORT, .remote_port = ntohs(slot->from.sin_port)};
	const uint8_t *data = slot->data;
	size_t size = m->msg_len;

	if ((m->msg_hdr.msg_flags & MSG_TRUNC) || !local_of(&m->msg_hdr, path.local) ||
	    (nat && !strip_marker(&data, &size)))
		return;
	memcpy(path.remote, &slot->from.sin_addr, 4);
	handler(arg, &path, data, size);
}

static void prepare(struct slot *slot, struct mmsghdr *m)
{
	slot->part = (struct iovec){.iov_base = slot->data, .iov_len = sizeof(slot->data)};
	*m = (struct mmsghdr){.msg_hdr = {
				      .msg_name = &slot->from,
				      .msg_namelen = sizeof(slot->from),
				      .msg_iov = &slot->part,
				      .msg_iovlen = 1,
				      .msg_control = &slot->control,
				      .msg_controllen = sizeof(slot->control),
			      }};
}

void sockets_receive(const struct ike_sockets *s, int fd, datagram_handler *handler, void *arg)
{
	static struct slot slots[BATCH];
	struct mmsghdr messages[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++)
		prepare(&slots[i], &messages[i]);
	n = recvmmsg(fd, messages, BATCH, 0, NULL);
	for (int i = 0; i < n; i++)
		hand_over(&slots[i], &messages[i], fd == s->nat_fd, handler, arg);
}

/* ---- sending ---- */

/* at: NULL, where there is no room. */
static struct cmsghdr *put_control(struct msghdr *m, struct cmsghdr *at, int type, const void *data, size_t size)
{
	if (!at)
		return NULL;
	at->cmsg_level = IPPROTO_IP;
	at->cmsg_type = type;
	at->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(at), data, size);
	return CMSG_NXTHDR(m, at);
}

int sockets_send(const struct ike_sockets *s, const struct path *path, const void *data, size_t size)
{
	static const uint8_t marker[NON_ESP_MARKER_SIZE];
	const bool nat = path->local_port == IKE_PORT_NAT;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(path->remote_port)};
	struct iovec parts[2] = {{(void *)marker, sizeof(marker)}, {(void *)data, size}};
	struct packet_info control = {{0}};
	struct cmsghdr *next;
	struct in_pktinfo info = {0};
	struct msghdr m = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = nat ? parts : parts + 1,
		.msg_iovlen = nat ? 2 : 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(&to.sin_addr, path->remote, 4);
	memcpy(&info.ipi_spec_dst, path->local, 4);
	next = put_control(&m, CMSG_FIRSTHDR(&m), IP_PKTINFO, &info, sizeof(info));
	put_control(&m, next, IP_TOS, &s->tos, sizeof(s->tos));
	return sendmsg(nat ? s->nat_fd : s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
