/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the worker receives and sends by on a NIC: an AF_XDP socket for each queue, and the file with their packet
 * memory. It takes privileges to make them, so that is done here; and they are kept here, so that another worker can go
 * on with them.
 */
#ifndef LOADER_DAEMON_WORKER_SOCKETS_H
#define LOADER_DAEMON_WORKER_SOCKETS_H

#include "lib/fault.h"
#include "maps/maps.h"

struct worker_sockets {
	unsigned count; /* 0: there are none */
	int fds[QUEUES_MAX];
	int memory; /* while count is not 0 */
};

/* Makes them for so many queues of that NIC, whose rings and MTU its entry in ports tells. 0 or -errno. */
int worker_sockets_make(struct worker_sockets *s, unsigned count, struct port *port, struct fault *f);

/* From now on what XDP redirects arrives. index: the NIC's in ports. 0 or -errno. */
int worker_sockets_enter(const struct worker_sockets *s, const struct maps *maps, unsigned index);

/* Safe twice. */
void worker_sockets_close(struct worker_sockets *s);

#endif
