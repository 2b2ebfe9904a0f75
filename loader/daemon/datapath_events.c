/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath_events.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "events/events.h"
#include "lib/spi_format.h"
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
		log_warning("%s: ESP from %s to %s with unknown SPI " SPI_FORMAT, n.dev, n.src, n.dst, e->spi);
		break;
	case EVENT_SOFT_LIMIT:
		log_line("SA " SPI_FORMAT " %s -> %s: soft limit reached: replace it", e->spi, n.src, n.dst);
		break;
	case EVENT_HARD_LIMIT:
		log_warning("SA " SPI_FORMAT " %s -> %s: hard limit reached: it carries nothing more", e->spi, n.src,
			    n.dst);
		break;
	case EVENT_SEQ_OVERFLOW:
		log_warning("SA " SPI_FORMAT " %s -> %s: no sequence number left: replace it", e->spi, n.src, n.dst);
		break;
	}
}

/* ---- as events ---- */

/* Where several are between the two, nobody here knows which of them it is. */
static const char *connection_between(const struct config *config, const uint8_t a[4], const uint8_t b[4])
{
	const char *found = NULL;

	for (unsigned i = 0; config && i < config->connection_count; i++) {
		const struct connection_config *c = &config->connections[i];

		if ((memcmp(c->local, a, 4) || !prefix_covers(&c->remote, b)) &&
		    (memcmp(c->local, b, 4) || !prefix_covers(&c->remote, a)))
			continue;
		if (found)
			return NULL;
		found = c->name;
	}
	return found;
}

static enum event_kind kind_of(const struct event *e)
{
	switch (e->type) {
	case EVENT_ACQUIRE:
		return KIND_ACQUIRE;
	case EVENT_UNKNOWN_SPI:
		return KIND_UNKNOWN_SPI;
	case EVENT_SOFT_LIMIT:
		return KIND_SA_SOFT_LIMIT;
	case EVENT_HARD_LIMIT:
		return KIND_SA_HARD_LIMIT;
	case EVENT_SEQ_OVERFLOW:
		return KIND_SA_SEQUENCE_SPENT;
	}
	return KINDS;
}

static void add_packet(cJSON *values, const struct event *e, const struct names *n)
{
	cJSON_AddStringToObject(values, "interface", n->dev);
	cJSON_AddStringToObject(values, "proto", n->proto);
	if (e->proto == IPPROTO_ICMP) {
		cJSON_AddNumberToObject(values, "icmp_type", e->dport >> 8);
	} else if (e->dport) {
		cJSON_AddNumberToObject(values, "sport", e->sport);
		cJSON_AddNumberToObject(values, "dport", e->dport);
	}
}

static void tell_event(const struct datapath_events *events, const struct event *e)
{
	const enum event_kind kind = kind_of(e);
	char src[ADDR_TEXT], dst[ADDR_TEXT], spi[12];
	cJSON *values;
	struct names n;

	if (kind == KINDS || !events_are_heard())
		return;
	name_all(e, &n);
	values = cJSON_CreateObject();
	if (kind != KIND_ACQUIRE) {
		snprintf(spi, sizeof(spi), SPI_FORMAT, e->spi);
		cJSON_AddStringToObject(values, "spi", spi);
	}
	cJSON_AddStringToObject(values, "src", addr_text(e->src, src));
	cJSON_AddStringToObject(values, "dst", addr_text(e->dst, dst));
	if (kind == KIND_ACQUIRE)
		add_packet(values, e, &n);
	events_tell(kind, connection_between(events->config, e->src, e->dst), values);
}

/* ---- the ring ---- */

/* The packet has gone out, and what the lane wants is IKE's alone to know. */
static bool is_of_lane(const struct event *e)
{
	return e->type == EVENT_ACQUIRE && e->lane;
}

static int on_event(void *arg, void *data, size_t size)
{
	struct datapath_events *events = arg;
	struct event e;

	if (size < sizeof(e))
		return 0;
	memcpy(&e, data, sizeof(e));
	if (is_of_lane(&e)) {
		events->on_event(events->arg, &e);
	} else {
		tell_event(events, &e);
		if (!events->on_event(events->arg, &e) && log_limit_allows(&events->limit, "events"))
			log_event(&e);
	}
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
