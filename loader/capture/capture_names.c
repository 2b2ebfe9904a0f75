/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture_names.h"

#include <stdlib.h>
#include <string.h>

#include "policy/parse.h"

/* An SPI of a connection's; 0: the connection itself. */
struct capture_name {
	char name[CAPTURE_NAME_MAX];
	uint32_t spi;
	struct prefix local;
	struct prefix remote;
};

static uint32_t spi_of(const cJSON *child, const char *which)
{
	const double number = json_number(child, which);

	return number >= 1 && number <= UINT32_MAX ? (uint32_t)number : 0;
}

static unsigned count_all(const cJSON *connections)
{
	unsigned count = 0;
	const cJSON *c;

	cJSON_ArrayForEach(c, connections)
		count += 1 + 2 * (unsigned)cJSON_GetArraySize(json_item(c, "children"));
	return count;
}

static void add(struct capture_names *n, const struct capture_name *of, uint32_t spi)
{
	n->names[n->count] = *of;
	n->names[n->count++].spi = spi;
}

static void take_connection(struct capture_names *n, const cJSON *c)
{
	const char *name = json_text(c, "name"), *local = json_text(c, "local"), *peer = json_text(c, "peer");
	struct capture_name of = {.spi = 0};
	const cJSON *child;

	if (!peer)
		peer = json_text(c, "remote");
	if (!name || !local || !peer || !parse_prefix(local, &of.local) || !parse_prefix(peer, &of.remote))
		return;
	snprintf(of.name, sizeof(of.name), "%s", name);
	add(n, &of, 0);
	cJSON_ArrayForEach(child, json_item(c, "children")) {
		add(n, &of, spi_of(child, "spi_in"));
		add(n, &of, spi_of(child, "spi_out"));
	}
}

void capture_names_take(struct capture_names *n, const cJSON *document)
{
	const cJSON *connections = json_item(document, "connections"), *c;

	capture_names_free(n);
	n->names = calloc(count_all(connections) + 1, sizeof(*n->names));
	if (!n->names)
		return;
	cJSON_ArrayForEach(c, connections)
		take_connection(n, c);
}

static bool is_between(const struct capture_name *of, const struct captured_headers *h)
{
	return (prefix_covers(&of->local, h->src) && prefix_covers(&of->remote, h->dst)) ||
	       (prefix_covers(&of->local, h->dst) && prefix_covers(&of->remote, h->src));
}

static const char *find(const struct capture_names *n, uint32_t spi, const struct captured_headers *h)
{
	for (unsigned i = 0; i < n->count; i++)
		if (n->names[i].spi == spi && is_between(&n->names[i], h))
			return n->names[i].name;
	return NULL;
}

const char *capture_name_by_spi(const struct capture_names *n, uint32_t spi, const struct captured_headers *h)
{
	return spi ? find(n, spi, h) : NULL;
}

const char *capture_name_by_addresses(const struct capture_names *n, const struct captured_headers *h)
{
	return find(n, 0, h);
}

void capture_names_free(struct capture_names *n)
{
	free(n->names);
	*n = (struct capture_names){0};
}
