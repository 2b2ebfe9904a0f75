/* SPDX-License-Identifier: BSD-2-Clause */
#include "sa_view.h"

#include <bpf/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maps/selector.h"
#include "maps/slots.h"
#include "policy/parse.h"
#include "table.h"

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

/* The worker and the supervisor go on while we read: a slot that changed hands meanwhile is no SA. */
static bool read_slot(const struct maps *maps, uint32_t slot, struct view *v)
{
	const uint32_t generation = slot_generation(maps->sa, slot);

	if (!slot_in_use(generation))
		return false;
	v->sa = maps->sa[slot];
	v->slot = slot;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	/* Claimed but not filled yet: no SPI. Reserved: no window. */
	if (slot_generation(maps->sa, slot) != generation || v->sa.spi == 0)
		return false;
	if (v->sa.direction == SA_INBOUND && v->sa.replay_window == 0)
		return false;
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

	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
		struct view v;

		if (!read_slot(maps, slot, &v) || (spi && v.sa.spi != spi))
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

static uint64_t seconds_since(uint64_t then_ns)
{
	const uint64_t now = maps_now();

	return now > then_ns ? (now - then_ns) / SECOND_NS : 0;
}

static uint64_t drops_of(const struct sa_state *sa)
{
	uint64_t sum = 0;

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (reason_is_drop(reason))
			sum += counts_get(&sa->drops, reason);
	return sum;
}

const char *bytes_text(uint64_t bytes, char *buf)
{
	static const char units[] = "\0KMGTPE";
	double n = (double)bytes;
	unsigned unit = 0;

	for (; n >= 999.5; unit++)
		n /= 1000;
	if (!unit)
		snprintf(buf, BYTES_TEXT, "%u", (unsigned)bytes);
	else
		snprintf(buf, BYTES_TEXT, "%.*f%c", n < 9.95 ? 2 : n < 99.5 ? 1 : 0, n, units[unit]);
	return buf;
}

const char *age_text(uint64_t seconds, char *buf)
{
	const unsigned long long s = seconds;

	if (s < 60)
		snprintf(buf, AGE_TEXT, "%llus", s);
	else if (s < 3600)
		snprintf(buf, AGE_TEXT, "%llum", s / 60);
	else if (s < 86400)
		snprintf(buf, AGE_TEXT, "%lluh%llum", s / 3600, s / 60 % 60);
	else
		snprintf(buf, AGE_TEXT, "%llud%lluh", s / 86400, s / 3600 % 24);
	return buf;
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

static cJSON *view_json(const struct view *v)
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
	json_add_u64(json, "age_s", seconds_since(sa->created_ns));
	if (sa->last_used_ns)
		json_add_u64(json, "idle_s", seconds_since(sa->last_used_ns));
	if (path_mtu_of(sa))
		cJSON_AddNumberToObject(json, "path_mtu", path_mtu_of(sa));
	cJSON_AddStringToObject(json, "selector", sel_text(sa, text));
	add_dev(json, sa);
	cJSON_AddBoolToObject(json, "current", v->carries);
	cJSON_AddStringToObject(json, "owner", sa->owner == OWNER_MANUAL ? "manual" : "ike");
	cJSON_AddNumberToObject(json, "slot", v->slot);
	cJSON_AddItemToObject(json, "drops", drops_json(sa));
	return json;
}

cJSON *sa_view_json(const struct maps *maps, uint32_t spi)
{
	struct views views = read_views(maps, spi);
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; i < views.count; i++)
		cJSON_AddItemToArray(array, view_json(&views.at[i]));
	free(views.at);
	return array;
}

/* ---- text ---- */

static void print_row(struct table *t, const struct view *v)
{
	const struct sa_state *sa = &v->sa;
	char text[CELL_TEXT];

	table_cell(t, "0x%x", sa->spi);
	table_cell(t, "%s", v->carries ? direction_text(sa) : "out, superseded");
	table_cell(t, "%s", addr_text(sa->src, text));
	table_cell(t, "%s", addr_text(sa->dst, text));
	table_cell(t, "%s", sel_text(sa, text));
	table_cell(t, "%s", sa->flags & SA_ESN ? "on" : "off");
	table_cell(t, "%llu", (unsigned long long)sa->seq);
	table_cell(t, "%llu", (unsigned long long)sa->packets);
	table_cell(t, "%s", bytes_text(sa->bytes, text));
	table_cell(t, "%llu", (unsigned long long)drops_of(sa));
	table_cell(t, "%s", age_text(seconds_since(sa->created_ns), text));
}

unsigned sa_view_print(const struct maps *maps)
{
	struct views views = read_views(maps, 0);
	struct table *t = table_new("SPI|DIRECTION|SRC|DST|SELECTOR|ESN|>SEQ|>PACKETS|>BYTES|>DROPS|>AGE");

	for (size_t i = 0; i < views.count; i++)
		print_row(t, &views.at[i]);
	table_print(t, stdout);
	free(views.at);
	return (unsigned)views.count;
}

static void print_drops(const struct sa_state *sa)
{
	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (reason_is_drop(reason) && counts_get(&sa->drops, reason))
			printf("  dropped        %llu %s: %s\n", (unsigned long long)counts_get(&sa->drops, reason),
			       reason_name(reason), reason_text(reason));
}

static void print_details(const struct view *v)
{
	const struct sa_state *sa = &v->sa;
	char src[ADDR_TEXT], dst[ADDR_TEXT], text[CELL_TEXT], dev[IF_NAMESIZE];

	printf("SA 0x%x (%u)\n", sa->spi, sa->spi);
	printf("  addresses      %s -> %s\n", addr_text(sa->src, src), addr_text(sa->dst, dst));
	printf("  direction      %sbound%s\n", direction_text(sa), v->carries ? "" : ", superseded by a newer SA");
	printf("  selector       %s\n", sel_text(sa, text));
	if (sa->ifindex)
		printf("  device         %s\n", if_indextoname(sa->ifindex, dev) ? dev : "gone");
	printf("  ESN            %s\n", sa->flags & SA_ESN ? "on" : "off");
	if (sa->direction == SA_INBOUND)
		printf("  replay window  %u\n", sa->replay_window);
	if (path_mtu_of(sa))
		printf("  path MTU       %u, by a router, for another %llus\n", sa->path_mtu.mtu,
		       (unsigned long long)(sa->path_mtu.until_s - maps_now() / SECOND_NS));
	printf("  sequence       %llu\n", (unsigned long long)sa->seq);
	printf("  carried        %llu packets, %llu bytes\n", (unsigned long long)sa->packets,
	       (unsigned long long)sa->bytes);
	printf("  age            %s", age_text(seconds_since(sa->created_ns), text));
	if (sa->last_used_ns)
		printf(", last used %s ago", age_text(seconds_since(sa->last_used_ns), text));
	printf("\n  slot           %u, generation %u\n", v->slot, sa->generation);
	print_drops(sa);
}

unsigned sa_view_print_details(const struct maps *maps, uint32_t spi)
{
	struct views views = read_views(maps, spi);

	for (size_t i = 0; i < views.count; i++)
		print_details(&views.at[i]);
	free(views.at);
	return (unsigned)views.count;
}
