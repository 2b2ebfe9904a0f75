/* SPDX-License-Identifier: BSD-2-Clause */
#include "ports.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "in/fragments_in.h"
#include "in/inbound.h"
#include "out/outbound.h"

/* ---- one queue ---- */

/* What is taken over is not the order's any more. */
static int take(int *from)
{
	const int fd = from ? *from : -1;

	if (from)
		*from = -1;
	return fd;
}

static int take_tap(struct host *host, struct port_queue *p, const struct worker_order *order, int *tap)
{
	return host_open(host, take(tap), order->udp_segments, &p->lane->reader);
}

/* Its two TAP queues, which are the queue's from now on; or another one's to write to, where there are fewer. */
static int open_host(struct port_queue *p, const struct worker_order *order, uint32_t i, int *taps,
		     const struct port_set *set)
{
	int err;

	if (i >= order->tap_queues)
		/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): worker_order_receive() takes no order without */
		return host_open(&p->host, set->queues[i % order->tap_queues].host.fd, order->udp_segments, NULL);
	err = take_tap(&p->host, p, order, &taps[2 * i]);
	return err ? err : take_tap(&p->express, p, order, &taps[2 * i + 1]);
}

static int open_queue(struct port_queue *p, const struct worker_order *order, uint32_t i, int *socket,
		      const struct packet_file *memory, struct fault *f)
{
	const struct xdp_queue_place at = {
		.nic = p->shared->name,
		.ifindex = p->shared->ifindex,
		.queue = i,
		.memory = packet_file_place(memory, i),
		.copy = order->copy || p->shared->mode == PORT_GENERIC,
	};
	const int fd = take(socket);
	int err;

	if (order->resume)
		return xdp_queue_resume(&p->q, fd, &at, f);
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
	int err = open_queue(p, order, i, &fds[i], &set->memory, f);

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
	packet_file_unmap(&set->memory);
	if (set->queues && set->link >= 0)
		close(set->link);
	free(set->queues);
	memset(set, 0, sizeof(*set));
}

static int make_set(struct ports *ports, const struct worker_order *order, int *fds, struct fault *f)
{
	struct port_set *set = &ports->set[order->port];
	const struct port *shared = &ports->maps->port[order->port];
	int *memory = &fds[order->queues + 2 * order->tap_queues], err;

	set->queues = calloc(order->queues, sizeof(*set->queues));
	if (!set->queues)
		return fault(f, ENOMEM, "%.15s: not enough memory", shared->name);
	set->link = take(order->links ? memory + 1 : NULL);
	err = packet_file_map(&set->memory, take(memory), order->queues, shared->ring, shared->mtu_room, f);
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
	}
	if (err)
		free_set(set);
	return err;
}

/* ---- lanes ---- */

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

/* settled: nothing of them is half done any more, for which no lane waits until another one has come so far. */
static void take_all_from_lanes(struct ports *ports, bool settled)
{
	struct lane_order orders[LANES_MAX];

	for (uint32_t i = 0; i < ports->lane_count; i++) {
		orders[i] = (struct lane_order){.remove = LANE_ALL_NICS, .settle = settled};
		TAILQ_INIT(&orders[i].add);
		lane_give(&ports->lanes[i], &orders[i]);
	}
	for (uint32_t i = 0; i < ports->lane_count; i++)
		lane_await(&ports->lanes[i]);
}

static void detach(struct ports *ports, uint32_t index)
{
	if (!ports->set[index].queues)
		return;
	take_from_lanes(ports, index);
	free_set(&ports->set[index]);
}

/* All NICs, to the worker that takes this one's place. */
static void leave(struct ports *ports)
{
	take_all_from_lanes(ports, true);
	for (uint32_t i = 0; i < PORTS_MAX; i++) {
		struct port_set *set = &ports->set[i];

		for (uint32_t q = 0; q < set->count; q++)
			xdp_queue_leave(&set->queues[q].q);
		free_set(set);
	}
}

void ports_end(struct ports *ports)
{
	take_all_from_lanes(ports, false);
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

/* Returns when each lane has obeyed, between two turns: one that hangs never does. */
static void feel_pulse(struct ports *ports)
{
	for (uint32_t i = 0; i < ports->lane_count; i++) {
		struct lane_order order = {.remove = -1};

		TAILQ_INIT(&order.add);
		lane_tell(&ports->lanes[i], &order);
	}
}

static bool is_zero_copy(const struct port_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (!set->queues[i].q.zero_copy)
			return false;
	return set->count > 0;
}

bool ports_any(const struct ports *ports)
{
	for (uint32_t i = 0; i < PORTS_MAX; i++)
		if (ports->set[i].queues)
			return true;
	return false;
}

void ports_obey(struct ports *ports, const struct worker_order *order, const int *fds, struct worker_answer *answer)
{
	const uint32_t n = order->kind == WORKER_ATTACH ? worker_fds(order) : 0;
	int rest[WORKER_FDS_MAX];
	struct fault f = {""};

	*answer = (struct worker_answer){.kind = order->kind, .port = order->port};
	memcpy(rest, fds, n * sizeof(*fds));
	if (order->kind == WORKER_ATTACH)
		answer->error = -attach(ports, order, rest, &f);
	else if (order->kind == WORKER_LEAVE)
		leave(ports);
	else if (order->kind == WORKER_PULSE)
		feel_pulse(ports);
	else
		detach(ports, order->port);
	for (uint32_t i = 0; i < n; i++)
		if (rest[i] >= 0)
			close(rest[i]);
	answer->zero_copy = is_zero_copy(&ports->set[order->port]);
	memcpy(answer->text, f.text, strnlen(f.text, sizeof(answer->text) - 1));
}
