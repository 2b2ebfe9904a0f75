/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "port.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

static int open_queue(struct port_state *p, uint32_t index, struct fault *f)
{
	struct xdp_queue *q = &p->queues[index];
	uint32_t at = p->index * QUEUES_MAX + index;
	int err = xdp_queue_open(q, &p->umem, p->shared->name, index, p->shared->mode == PORT_GENERIC, f);

	if (err)
		return err;
	if (bpf_map_update_elem(p->worker->maps.xsks, &at, &q->fd, BPF_ANY) < 0)
		return fault(f, errno, "%s: entering queue %u in xsks: %s", p->shared->name, index, strerror(errno));
	return 0;
}

int port_open(struct port_state *p, struct worker *w, uint32_t index, int tap_fd, struct fault *f)
{
	int err;

	memset(p, 0, sizeof(*p));
	p->worker = w;
	p->index = index;
	p->shared = &w->maps.port[index];
	p->queue_count = p->shared->queues;
	if (p->queue_count == 0 || p->queue_count > QUEUES_MAX || p->shared->mtu_room > PORT_MTU_MAX)
		return fault(f, EINVAL, "%.15s: %u queues and MTU %u: at most %u and %u can be served", p->shared->name,
			     p->queue_count, p->shared->mtu_room, QUEUES_MAX, PORT_MTU_MAX);
	p->tx_count = p->shared->tx_queues;
	if (p->tx_count == 0 || p->tx_count > p->queue_count)
		p->tx_count = p->queue_count;
	p->queues = calloc(p->queue_count, sizeof(*p->queues));
	if (!p->queues || host_open(&p->host, tap_fd) < 0)
		return fault(f, ENOMEM, "%.15s: not enough memory", p->shared->name);
	err = umem_create(&p->umem, p->queue_count, p->shared->mtu_room, f);
	p->shared->zero_copy = 1;
	for (uint32_t i = 0; i < p->queue_count && !err; i++) {
		err = open_queue(p, i, f);
		p->shared->zero_copy = p->shared->zero_copy && p->queues[i].zero_copy;
	}
	return err;
}

void port_drop_fragments(void *user, uint32_t slot, uint32_t generation, enum reason why, uint32_t fragments)
{
	struct port_state *p = user;
	struct esp_sa *sa = sa_cache_get(&p->worker->sas, slot, generation);

	drop(p->worker, sa ? sa->state : NULL, why, fragments);
}
