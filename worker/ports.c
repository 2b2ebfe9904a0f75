/* SPDX-License-Identifier: BSD-2-Clause */
#include "ports.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fragments_in.h"
#include "inbound.h"
#include "outbound.h"

/* ---- one queue ---- */

static int take_tap(struct host *host, struct port_queue *p, const struct worker_order *order, int *tap)
{
	int fd = *tap;

	*tap = -1;
	return host_open(host, fd, order->udp_segments, &p->lane->reader);
}

/* Its two TAP queues, which are the queue's from now on; or another one's to write to, where there are fewer. */
static int open_host(struct port_queue *p, const struct worker_order *order, uint32_t i, int *taps,
		     const struct port_set *set)
{
	int err;

	if (i >= order->tap_queues)
		return host_open(&p->host, set->queues[i % order->tap_queues].host.fd, order->udp_segments, NULL);
	err = take_tap(&p->host, p, order, &taps[2 * i]);
	return err ? err : take_tap(&p->express, p, order, &taps[2 * i + 1]);
}

static int open_queue(struct port_queue *p, const struct worker_order *order, uint32_t i, int *socket, struct fault *f)
{
	const struct xdp_queue_place at = {
		.nic = p->shared->name,
		.ifindex = p->shared->ifindex,
		.queue = i,
		.ring = p->shared->ring,
		.mtu = p->shared->mtu_room,
		.copy = order->copy || p->shared->mode == PORT_GENERIC,
	};
	int fd = *socket, err;

	*socket = -1;
	err = xdp_queue_open(&p->q, fd, &at, f);
	if (err || !p->q.zero_copy || !order->running || xdp_queue_moves(&p->q, p->shared->mac))
		return err;
	return fault(f, EOPNOTSUPP, "%.15s: queue %u: the driver has zero-copy and moves no frame", at.nic, i);
}

/* Its descriptors become -1 as they are taken over. */
static int make_queue(struct port_queue *p, const struct worker_order *order, uint32_t i, int *fds,
		      struct port_set *set, struct fault *f)
{
	struct fragments_in **fragments = &set->fragments[p->lane->index];
	int err = open_queue(p, order, i, &fds[i], f);

	if (!err && open_host(p, order, i, fds + order->queues, set))
		err = fault(f, ENOMEM, "%.15s: not enough memory", p->shared->name);
	if (!err) {
		err = inbound_init(p, *fragments, f);
		*fragments = p->fragments;
	}
	return err || !p->host.reads ? err : outbound_init(p, f);
}

static void free_queue(struct port_queue *p)
{
	inbound_free(p);
	outbound_free(p);
	host_close(&p->host);
	host_close(&p->express);
	xdp_queue_close(&p->q);
}

/* ---- a NIC ---- */

static void free_set(struct port_set *set)
{
	for (uint32_t lane = 0; lane < LANES_MAX; lane++)
		fragments_in_free(set->fragments[lane]);
	for (uint32_t i = 0; i < set->count; i++)
		free_queue(&set->queues[i]);
	free(set->queues);
	memset(set, 0, sizeof(*set));
}

static int make_set(struct ports *ports, const struct worker_order *order, int *fds, struct fault *f)
{
	struct port_set *set = &ports->set[order->port];
	struct port *shared = &ports->maps->port[order->port];
	bool zero_copy = true;
	int err = 0;

	set->queues = calloc(order->queues, sizeof(*set->queues));
	if (!set->queues)
		return fault(f, ENOMEM, "%.15s: not enough memory", shared->name);
	for (uint32_t i = 0; i < order->queues && !err; i++) {
		struct port_queue *p = &set->queues[i];

		*p = (struct port_queue){
			.lane = &ports->lanes[lane_of_queue(order->port, i, ports->lane_count)],
			.index = order->port,
			.shared = shared,
			.busy_poll = shared->busy_poll,
			.q = {.fd = -1},
		};
		set->count++;
		err = make_queue(p, order, i, fds, set, f);
		zero_copy = zero_copy && p->q.zero_copy;
	}
	shared->zero_copy = zero_copy;
	if (err)
		free_set(set);
	return err;
}

static void give_to_lanes(struct ports *ports, struct port_set *set)
{
	for (uint32_t i = 0; i < ports->lane_count && i < set->count; i++) {
		struct lane_order order = {.remove = -1};

		TAILQ_INIT(&order.add);
		for (uint32_t q = i; q < set->count; q += ports->lane_count)
			TAILQ_INSERT_TAIL(&order.add, &set->queues[q], of_lane);
		lane_tell(set->queues[i].lane, &order);
	}
}

static void take_from_lanes(struct ports *ports, uint32_t index)
{
	const struct port_set *set = &ports->set[index];

	for (uint32_t i = 0; i < ports->lane_count && i < set->count; i++) {
		struct lane_order order = {.remove = (int)index};

		TAILQ_INIT(&order.add);
		lane_tell(set->queues[i].lane, &order);
	}
}

static void detach(struct ports *ports, uint32_t index)
{
	if (!ports->set[index].queues)
		return;
	take_from_lanes(ports, index);
	free_set(&ports->set[index]);
}

static bool can_be_served(const struct port *p)
{
	return p->mtu_room <= PORT_MTU_MAX && p->ring >= RING_SIZE_MIN && p->ring <= RING_SIZE &&
	       !(p->ring & (p->ring - 1));
}

static int attach(struct ports *ports, const struct worker_order *order, int *fds, struct fault *f)
{
	int err;

	detach(ports, order->port);
	if (!can_be_served(&ports->maps->port[order->port]))
		return fault(f, EINVAL, "its entry in the map ports is not one that can be served");
	err = make_set(ports, order, fds, f);
	if (!err)
		give_to_lanes(ports, &ports->set[order->port]);
	return err;
}

void ports_obey(struct ports *ports, const struct worker_order *order, const int *fds, struct worker_answer *answer)
{
	const uint32_t n = order->kind == WORKER_ATTACH ? order->queues + 2 * order->tap_queues : 0;
	int rest[WORKER_FDS_MAX];
	struct fault f = {""};

	*answer = (struct worker_answer){.kind = order->kind, .port = order->port};
	memcpy(rest, fds, n * sizeof(*fds));
	if (order->kind == WORKER_ATTACH)
		answer->error = -attach(ports, order, rest, &f);
	else
		detach(ports, order->port);
	for (uint32_t i = 0; i < n; i++)
		if (rest[i] >= 0)
			close(rest[i]);
	memcpy(answer->text, f.text, strnlen(f.text, sizeof(answer->text) - 1));
}
