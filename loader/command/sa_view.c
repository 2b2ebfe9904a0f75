/* SPDX-License-Identifier: BSD-2-Clause */
#include "sa_view.h"

#include <bpf/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/spi_format.h"
#include "maps/selector.h"
#include "maps/slots.h"
#include "lines.h"
#include "policy/parse.h"
#include "table.h"
#include "units.h"

#define SECOND_NS 1000000000ULL
/* Room for each of the texts of a line. */
#define CELL_TEXT SELECTOR_TEXT

/* ---- reading ---- */

/* What one line tells; the state is a copy, taken while the slot was in use. */
struct view {
	struct sa_state sa;
	uint32_t slot;
	bool carries; /* outbound: this one is what its policies use; inbound: always */
};

struct views {
	struct view *at;
	size_t count;
};

static bool is_bound(const struct maps *maps, const struct view *v)
{
	struct sad_out_key keys[2];
	struct sad_out_value bound;

	if (v->sa.direction == SA_INBOUND)
		return true;
	sa_bindings(&v->sa, keys);
	return bpf_map_lookup_elem(maps->sad_out, &keys[0], &bound) == 0 && bound.slot == v->slot &&
	       bound.generation == v->sa.generation;
}

static bool read_view(const struct maps *maps, uint32_t slot, struct view *v)
{
	if (!slot_read(maps, slot, &v->sa))
		return false;
	v->slot = slot;
	v->carries = is_bound(maps, v);
	return true;
}

static int by_age(const void *a, const void *b)
{
	const struct view *x = a, *y = b;

	return (x->sa.created_ns > y->sa.created_ns) - (x->sa.created_ns < y->sa.created_ns);
}

static struct views read_views(const struct maps *maps, uint32_t spi)
{
	struct views views = {0};
	size_t room = 0;

	for (uint32_t slot = 0; slot < maps->slots; slot++) {
		struct view v;

		if (!read_view(maps, slot, &v) || (spi && v.sa.spi != spi))
			continue;
		if (views.count == room) {
			struct view *more = realloc(views.at, (room = room * 2 + 16) * sizeof(*more));

			if (!more)
				break;
			views.at = more;
		}
		views.at[views.count++] = v;
	}
	if (views.count)
		qsort(views.at, views.count, sizeof(*views.at), by_age);
	return views;
}

/* ---- pieces ---- */

static const char *direction_text(const struct sa_state *sa)
{
	return sa->direction == SA_OUTBOUND ? "out" : "in";
}

/* As 'sa add' takes it where it is either end's, else with this host's sport. */
static const char *sel_text(const struct sa_state *sa, char buf[SELECTOR_TEXT])
{
	char proto[8];

	if (selector_equal(&sa->sel, &SELECTOR_ALL))
		return "any";
	if (!(sa->flags & SA_EITHER_END))
		return selector_text(&sa->sel, buf);
	proto_text((uint8_t)sa->sel.proto, proto, sizeof(proto));
	if (sa->sel.remote_port_min == sa->sel.remote_port_max)
		snprintf(buf, SELECTOR_TEXT, "%s/%u", proto, sa->sel.remote_port_min);
	else
		snprintf(buf, SELECTOR_TEXT, "%s/%u-%u", proto, sa->sel.remote_port_min, sa->sel.remote_port_max);
	return buf;
}

static uint64_t drops_of(const struct sa_state *sa)
{
	uint64_t sum = 0;

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (reason_is_drop(reason))
			sum += counts_get(&sa->drops, reason);
	return sum;
}

/* What a router said that the SA's path takes, if that still counts; else 0. */
static uint32_t path_mtu_of(const struct sa_state *sa)
{
	return sa->path_mtu.until_s > maps_now() / SECOND_NS ? sa->path_mtu.mtu : 0;
}

/* ---- JSON ---- */

static cJSON *drops_json(const struct sa_state *sa)
{
	cJSON *drops = cJSON_CreateObject();

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (reason_is_drop(reason) && counts_get(&sa->drops, reason))
			json_add_u64(drops, reason_name(reason), counts_get(&sa->drops, reason));
	return drops;
}

static void add_dev(cJSON *json, const struct sa_state *sa)
{
	char dev[IF_NAMESIZE];

	if (sa->ifindex && if_indextoname(sa->ifindex, dev))
		cJSON_AddStringToObject(json, "dev", dev);
}

static void add_rate(cJSON *json, const struct rate *rate)
{
	cJSON *o = rate ? cJSON_AddObjectToObject(json, "rate") : NULL;

	if (!rate) {
		cJSON_AddNullToObject(json, "rate");
		return;
	}
	cJSON_AddNumberToObject(o, "packets_s", rate->packets);
	cJSON_AddNumberToObject(o, "bits_s", rate->bits);
}

static cJSON *view_json(const struct view *v, const struct connection_names *names, const struct rates *rates)
{
	const struct sa_state *sa = &v->sa;
	cJSON *json = cJSON_CreateObject();
	char text[CELL_TEXT];

	cJSON_AddNumberToObject(json, "spi", sa->spi);
	cJSON_AddStringToObject(json, "src", addr_text(sa->src, text));
	cJSON_AddStringToObject(json, "dst", addr_text(sa->dst, text));
	cJSON_AddStringToObject(json, "direction", direction_text(sa));
	cJSON_AddStringToObject(json, "mode", "transport");
	cJSON_AddBoolToObject(json, "esn", sa->flags & SA_ESN);
	cJSON_AddNumberToObject(json, "replay_window", sa->replay_window);
	json_add_u64(json, "seq", sa->seq);
	json_add_u64(json, "bytes", sa->bytes);
	json_add_u64(json, "packets", sa->packets);
	json_add_u64(json, "age_s", clock_seconds_since(sa->created_ns));
	if (sa->last_used_ns)
		json_add_u64(json, "idle_s", clock_seconds_since(sa->last_used_ns));
	if (path_mtu_of(sa))
		cJSON_AddNumberToObject(json, "path_mtu", path_mtu_of(sa));
	cJSON_AddStringToObject(json, "selector", sel_text(sa, text));
	if (sa->lane)
		cJSON_AddNumberToObject(json, "lane", sa->lane - 1);
	add_dev(json, sa);
	cJSON_AddBoolToObject(json, "current", v->carries);
	cJSON_AddStringToObject(json, "owner", sa->owner == OWNER_MANUAL ? "manual" : "ike");
	if (connection_name(names, sa))
		cJSON_AddStringToObject(json, "connection", connection_name(names, sa));
	else
		cJSON_AddNullToObject(json, "connection");
	cJSON_AddNumberToObject(json, "slot", v->slot);
	add_rate(json, rates ? &rates->sa[v->slot] : NULL);
	cJSON_AddItemToObject(json, "drops", drops_json(sa));
	return json;
}

cJSON *sa_view_json(const struct maps *maps, uint32_t spi, const struct connection_names *names,
		    const struct rates *rates)
{
	struct views views = read_views(maps, spi);
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; i < views.count; i++)
		cJSON_AddItemToArray(array, view_json(&views.at[i], names, rates));
	free(views.at);
	return array;
}

/* ---- text of many ---- */

static void leave_out(struct views *views, const struct connection_names *names)
{
	size_t kept = 0;

	for (size_t i = 0; i < views->count; i++)
		if (!connection_name(names, &views->at[i].sa))
			views->at[kept++] = views->at[i];
	views->count = kept;
}

/* Who has made it; "-": a connection, and without a daemon nobody knows which. */
static const char *maker_of(const struct sa_state *sa, const struct connection_names *names)
{
	const char *name = connection_name(names, sa);

	return name ? name : sa->owner == OWNER_MANUAL ? "by hand" : "-";
}

/* makers: whether to say that, too. */
struct listing {
	struct views views;
	const struct connection_names *names;
	bool makers;
};

static void print_row(struct table *t, const struct listing *l, const struct view *v)
{
	const struct sa_state *sa = &v->sa;
	char text[CELL_TEXT];

	table_cell(t, SPI_FORMAT, sa->spi);
	if (v->carries && sa->lane)
		table_cell(t, "out, lane %u", sa->lane - 1U);
	else
		table_cell(t, "%s", v->carries ? direction_text(sa) : "out, superseded");
	table_cell(t, "%s", addr_text(sa->src, text));
	table_cell(t, "%s", addr_text(sa->dst, text));
	table_cell(t, "%s", sel_text(sa, text));
	table_cell(t, "%s", sa->flags & SA_ESN ? "on" : "off");
	table_cell(t, "%llu", (unsigned long long)sa->seq);
	table_cell(t, "%llu", (unsigned long long)sa->packets);
	table_cell(t, "%s", si_text((double)sa->bytes, "B", text));
	table_cell(t, "%llu", (unsigned long long)drops_of(sa));
	table_cell(t, "%s", age_text(clock_seconds_since(sa->created_ns), text));
	if (l->makers)
		table_cell(t, "%s", maker_of(sa, l->names));
}

#define COLUMNS "SPI|DIRECTION|SRC|DST|SELECTOR|ESN|>SEQ|>PACKETS|>BYTES|>DROPS|>AGE"

static struct table *rows_of(const struct listing *l)
{
	struct table *t = table_new(l->makers ? COLUMNS "|CONNECTION" : COLUMNS);

	for (size_t i = 0; i < l->views.count; i++)
		print_row(t, l, &l->views.at[i]);
	return t;
}

/* What all of them have, where there is no room for a table. */
static void print_paragraph(const struct listing *l, const struct view *v, FILE *out)
{
	char src[ADDR_TEXT], dst[ADDR_TEXT], sel[CELL_TEXT], age[UNITS_TEXT], bytes[UNITS_TEXT], packets[UNITS_TEXT];
	const struct sa_state *sa = &v->sa;

	lines_text(out, TINT_HEAD, 2, "SA " SPI_FORMAT " %sbound%s, %s -> %s", sa->spi, direction_text(sa),
		   v->carries ? "" : ", superseded", addr_text(sa->src, src), addr_text(sa->dst, dst));
	if (l->makers)
		lines_item(out, TINT_NONE, "connection", "%s", maker_of(sa, l->names));
	lines_item(out, TINT_NONE, "selector", "%s; ESN %s; made %s ago", sel_text(sa, sel),
		   sa->flags & SA_ESN ? "on" : "off", age_text(clock_seconds_since(sa->created_ns), age));
	lines_item(out, TINT_NONE, "carried", "%s, %s, sequence number %llu",
		   count_text(sa->packets, "packet", "packets", packets), si_text((double)sa->bytes, "B", bytes),
		   (unsigned long long)sa->seq);
	if (drops_of(sa))
		lines_item(out, TINT_WARN, "dropped", "%llu: 'xdp-ipsec sa show spi " SPI_FORMAT "' says why",
			   (unsigned long long)drops_of(sa), sa->spi);
}

static void print_listing(const struct listing *l, FILE *out)
{
	struct table *t = rows_of(l);

	if (table_fits(t)) {
		table_print(t, out);
		return;
	}
	table_free(t);
	for (size_t i = 0; i < l->views.count; i++)
		print_paragraph(l, &l->views.at[i], out);
}

void sa_view_print(const struct maps *maps, const struct connection_names *names, FILE *out)
{
	struct listing l = {read_views(maps, 0), names, true};

	print_listing(&l, out);
	free(l.views.at);
}

unsigned sa_view_print_own(const struct maps *maps, const struct connection_names *names, FILE *out)
{
	struct listing l = {read_views(maps, 0), names, false};

	leave_out(&l.views, names);
	print_listing(&l, out);
	free(l.views.at);
	return (unsigned)l.views.count;
}

/* ---- text of one ---- */

static void print_drops(const struct sa_state *sa, FILE *out)
{
	for (enum reason reason = 0; reason < REASON_COUNT; reason++)
		if (reason_is_drop(reason) && counts_get(&sa->drops, reason))
			lines_item(out, TINT_WARN, "dropped", "%llu %s: %s: %s",
				   (unsigned long long)counts_get(&sa->drops, reason), reason_name(reason),
				   reason_text(reason), reason_hint(reason));
}

static void print_use(const struct view *v, FILE *out)
{
	char packets[UNITS_TEXT], bytes[UNITS_TEXT], age[UNITS_TEXT], idle[UNITS_TEXT];
	const struct sa_state *sa = &v->sa;

	lines_item(out, TINT_NONE, "sequence", "%llu", (unsigned long long)sa->seq);
	lines_item(out, TINT_NONE, "carried", "%s, %s", count_text(sa->packets, "packet", "packets", packets),
		   si_text((double)sa->bytes, "B", bytes));
	lines_item(out, TINT_NONE, "made", "%s ago, %s%s", age_text(clock_seconds_since(sa->created_ns), age),
		   sa->last_used_ns ? "last used " : "not used yet",
		   sa->last_used_ns
			   ? strcat(strcpy(packets, age_text(clock_seconds_since(sa->last_used_ns), idle)), " ago")
			   : "");
	lines_item(out, TINT_NONE, "slot", "%u, generation %u", v->slot, sa->generation);
}

static void print_details(const struct view *v, const struct connection_names *names, FILE *out)
{
	char src[ADDR_TEXT], dst[ADDR_TEXT], text[CELL_TEXT], dev[IF_NAMESIZE];
	const struct sa_state *sa = &v->sa;

	lines_text(out, TINT_HEAD, 2, "SA " SPI_FORMAT " (%u)", sa->spi, sa->spi);
	lines_item(out, TINT_NONE, "addresses", "%s -> %s", addr_text(sa->src, src), addr_text(sa->dst, dst));
	lines_item(out, TINT_NONE, "direction", "%sbound%s", direction_text(sa),
		   v->carries ? "" : ", superseded by a newer SA");
	lines_item(out, TINT_NONE, "connection", "%s", maker_of(sa, names));
	lines_item(out, TINT_NONE, "selector", "%s", sel_text(sa, text));
	if (sa->lane)
		lines_item(out, TINT_NONE, "lane", "%u", sa->lane - 1U);
	if (sa->ifindex)
		lines_item(out, TINT_NONE, "device", "%s", if_indextoname(sa->ifindex, dev) ? dev : "gone");
	lines_item(out, TINT_NONE, "ESN", "%s", sa->flags & SA_ESN ? "on" : "off");
	if (sa->direction == SA_INBOUND)
		lines_item(out, TINT_NONE, "window", "%u packets", sa->replay_window);
	if (path_mtu_of(sa))
		lines_item(out, TINT_NONE, "path MTU", "%u, by a router, for another %s", sa->path_mtu.mtu,
			   age_text(sa->path_mtu.until_s - maps_now() / SECOND_NS, text));
	print_use(v, out);
	print_drops(sa, out);
}

unsigned sa_view_print_details(const struct maps *maps, uint32_t spi, const struct connection_names *names, FILE *out)
{
	struct views views = read_views(maps, spi);

	for (size_t i = 0; i < views.count; i++)
		print_details(&views.at[i], names, out);
	free(views.at);
	return (unsigned)views.count;
}
