/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker_sockets.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/huge_file.h"
#include "lib/log.h"
#include "lib/privileges.h"
#include "maps/packet_memory.h"
#include "net/busy_poll.h"

/* Copy mode charges frames to the socket; the default buffer ends at some 90 of them. */
#define SEND_BUFFER (4 << 20)

static int make_socket(void)
{
	const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), buffer = SEND_BUFFER;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	return fd;
}

/* A NIC whose sockets cannot have it goes on without. */
static void set_busy_poll(const struct worker_sockets *s, struct port *port)
{
	const int err = port->busy_poll ? busy_poll_set(s->fds, s->count) : 0;

	if (!err)
		return;
	port->busy_poll = 0;
	log_warning("%.15s: busy-poll: %s: %s; going on without", port->name, strerror(-err),
		    privileges_remedy(-err, "it takes Linux 5.11 with CONFIG_NET_RX_BUSY_POLL"));
}

static int no_memory(size_t size, int err, struct fault *f)
{
	return fault(f, err, "%zu MiB of packet memory: %s%s", size >> 20, strerror(err),
		     err == ENOMEM ? ": raise the limit of its control group ('MemoryMax=' of the service), or lower "
				     "'packet-memory' or 'queues'"
				   : "");
}

int worker_sockets_make(struct worker_sockets *s, unsigned count, struct port *port, struct fault *f)
{
	const size_t size = packet_file_size(count, port->ring, port->mtu_room);

	*s = (struct worker_sockets){.memory = huge_file_make(size)};
	if (s->memory < 0)
		return no_memory(size, -s->memory, f);
	while (s->count < count) {
		const int fd = make_socket();

		if (fd < 0) {
			close(s->memory);
			while (s->count)
				close(s->fds[--s->count]);
			return fault(f, -fd, "AF_XDP: %s: %s", strerror(-fd),
				     privileges_remedy(-fd, "the kernel needs CONFIG_XDP_SOCKETS"));
		}
		s->fds[s->count++] = fd;
	}
	set_busy_poll(s, port);
	return 0;
}

int worker_sockets_enter(const struct worker_sockets *s, const struct maps *maps, unsigned index)
{
	for (unsigned q = 0; q < s->count; q++) {
		const uint32_t key = index * QUEUES_MAX + q;

		if (bpf_map_update_elem(maps->xsks, &key, &s->fds[q], BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

void worker_sockets_close(struct worker_sockets *s)
{
	if (s->count)
		close(s->memory);
	while (s->count)
		close(s->fds[--s->count]);
}
