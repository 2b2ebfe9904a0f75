/* SPDX-License-Identifier: BSD-2-Clause */
#include "connections_known.h"

#include <stdlib.h>

#include "lib/bytes.h"
#include "maps/slots.h"

/* Hosts that IKE's SAs of one direction are between, this one first; sorted. */
struct pairs {
	uint64_t *at;
	size_t count;
};

struct pairs_each_way {
	struct pairs in, out;
};

static uint64_t pair_of(uint32_t local, uint32_t remote)
{
	return (uint64_t)local << 32 | remote;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sort(struct pairs *p)
{
	if (p->count)
		qsort(p->at, p->count, sizeof(*p->at), compare);
}

/* Without memory there are none. One walk, however many connections there are. */
static struct pairs_each_way find_pairs(const struct maps *maps)
{
	struct pairs_each_way p = {.in = {.at = calloc(maps->slots, sizeof(uint64_t))},
				   .out = {.at = calloc(maps->slots, sizeof(uint64_t))}};

	for (uint32_t slot = 0; p.in.at && p.out.at && slot < maps->slots; slot++) {
		const struct sa_state *sa = &maps->sa[slot];
		const uint32_t src = load_be32(sa->src), dst = load_be32(sa->dst);

		if (!slot_in_use(slot_generation(maps->sa, slot)) || sa->owner != OWNER_IKE)
			continue;
		if (sa->direction == SA_OUTBOUND)
			p.out.at[p.out.count++] = pair_of(src, dst);
		else if (sa->replay_window)
			p.in.at[p.in.count++] = pair_of(dst, src);
	}
	sort(&p.in);
	sort(&p.out);
	return p;
}

/* Whether there is one with a host of the connection's. */
static bool has_pair(const struct pairs *p, const struct connection_config *c)
{
	const uint32_t first = load_be32(c->remote.addr), local = load_be32(c->local);
	const uint32_t last = first | (uint32_t)(0xffffffffULL >> c->remote.len);
	size_t from = 0, to = p->count;

	while (from < to) {
		const size_t middle = from + (to - from) / 2;

		if (p->at[middle] < pair_of(local, first))
			from = middle + 1;
		else
			to = middle;
	}
	return from < p->count && p->at[from] <= pair_of(local, last);
}

/* IKE's death ends no SA: with one each way, packets go on. */
static bool has_sas(const struct connection_config *c, const struct pairs_each_way *p)
{
	return has_pair(&p->in, c) && has_pair(&p->out, c);
}

static cJSON *known(const struct connection_config *c, const struct pairs_each_way *pairs, const char *note)
{
	char local[ADDR_TEXT], remote[PREFIX_TEXT];
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", c->name);
	cJSON_AddStringToObject(json, "local", addr_text(c->local, local));
	cJSON_AddStringToObject(json, "remote",
				c->remote.len == 32 ? addr_text(c->remote.addr, remote)
						    : prefix_text(&c->remote, remote));
	cJSON_AddStringToObject(json, "auth", c->cert ? "cert" : "psk");
	cJSON_AddStringToObject(json, "start", connection_start_name(c->start));
	cJSON_AddNullToObject(json, "valid_until");
	cJSON_AddStringToObject(json, "state", has_sas(c, pairs) ? "up" : "down");
	cJSON_AddNullToObject(json, "state_s");
	cJSON_AddNullToObject(json, "last_up_s");
	cJSON_AddArrayToObject(json, "failures");
	cJSON_AddArrayToObject(json, "ike");
	cJSON_AddArrayToObject(json, "children");
	cJSON_AddStringToObject(json, "note", note);
	return json;
}

cJSON *connections_known(const struct config *config, const struct maps *maps, const char *note)
{
	cJSON *document = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(document, "connections");
	struct pairs_each_way pairs = find_pairs(maps);

	for (unsigned i = 0; i < config->connection_count; i++)
		cJSON_AddItemToArray(list, known(&config->connections[i], &pairs, note));
	free(pairs.in.at);
	free(pairs.out.at);
	cJSON_AddNumberToObject(document, "half_open", 0);
	cJSON_AddNullToObject(document, "stranger");
	return document;
}
