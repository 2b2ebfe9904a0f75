/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath_events.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

/* Read at a time: local programs can cause them faster than they are read, and the other parts of the loop have their
 * turn, too. */
#define EVENTS_MAX 256

/* ---- one line each ---- */

struct names {
	char src[ADDR_TEXT + 6];
	char dst[ADDR_TEXT + 6];
	char proto[16];
	char dev[IF_NAMESIZE];
};

static void end_text(char *buf, size_t size, const uint8_t addr[4], uint16_t port)
{
	char text[ADDR_TEXT];

	addr_text(addr, text);
	if (port)
		snprintf(buf, size, "%s:%u", text, port);
	else
		snprintf(buf, size, "%s", text);
}

static void name_all(const struct event *e, struct names *n)
{
	end_text(n->src, sizeof(n->src), e->src, e->sport);
	end_text(n->dst, sizeof(n->dst), e->dst, e->dport);
	proto_text((uint8_t)e->proto, n->proto, sizeof(n->proto));
	if (!if_indextoname(e->ifindex, n->dev))
		snprintf(n->dev, sizeof(n->dev), "?");
}

static void log_event(const struct event *e)
{
	struct names n;

	name_all(e, &n);
	switch (e->type) {
	case EVENT_ACQUIRE:
		log_line("%s: no SA for %s %s -> %s, which a policy protects: dropped", n.dev, n.proto, n.src, n.dst);
		break;
	case EVENT_UNKNOWN_SPI:
		log_line("%s: ESP from %s to %s with unknown SPI 0x%x", n.dev, n.src, n.dst, e->spi);
		break;
	case EVENT_SOFT_LIMIT:
		log_line("SA 0x%x %s -> %s: soft limit reached: replace it", e->spi, n.src, n.dst);
		break;
	case EVENT_HARD_LIMIT:
		log_line("SA 0x%x %s -> %s: hard limit reached: it carries nothing more", e->spi, n.src, n.dst);
		break;
	case EVENT_SEQ_OVERFLOW:
		log_line("SA 0x%x %s -> %s: no sequence number left: replace it", e->spi, n.src, n.dst);
		break;
	}
}

/* ---- the ring ---- */

static int on_event(void *arg, void *data, size_t size)
{
	struct datapath_events *events = arg;
	struct event e;

	if (size < sizeof(e))
		return 0;
	memcpy(&e, data, sizeof(e));
	if (!events->on_event(events->arg, &e) && log_limit_allows(&events->limit, "events"))
		log_event(&e);
	/* libbpf stops at an error, behind this event; what is left makes the ring readable again. */
	return --events->budget ? 0 : -EAGAIN;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct datapath_events *events = arg;

	(void)fd;
	(void)what;
	events->budget = EVENTS_MAX;
	ring_buffer__consume(events->ring);
}

int datapath_events_start(struct datapath_events *events, struct event_base *base, const struct maps *maps,
			  struct fault *f)
{
	events->ring = ring_buffer__new(maps->events, on_event, events, NULL);
	if (!events->ring)
		return fault(f, errno, "map events: %s", strerror(errno));
	events->readable =
		event_new(base, ring_buffer__epoll_fd(events->ring), EV_READ | EV_PERSIST, on_readable, events);
	if (!events->readable || event_add(events->readable, NULL) < 0) {
		datapath_events_stop(events);
		return fault(f, ENOMEM, "map events: %s", strerror(ENOMEM));
	}
	return 0;
}

void datapath_events_stop(struct datapath_events *events)
{
	if (events->readable)
		event_free(events->readable);
	if (events->ring)
		ring_buffer__free(events->ring);
	events->readable = NULL;
	events->ring = NULL;
}
