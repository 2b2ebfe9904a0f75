/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_names.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* One half of a child. */
struct half {
	uint32_t spi;
	uint8_t direction;
	uint8_t peer[4]; /* who chose the SPI of an outbound one: others may have chosen the same */
	const char *name;
	int index; /* of the connection in the array */
};

struct connection_names {
	size_t count;
	struct half halves[];
};

static const cJSON *children_of(const cJSON *connection)
{
	return json_item(connection, "children");
}

static uint32_t spi_of(const cJSON *child, const char *name)
{
	return (uint32_t)json_u64(child, name);
}

static const uint8_t *peer_of(const struct sa_state *sa)
{
	return sa->direction == SA_OUTBOUND ? sa->dst : sa->src;
}

static int compare(const void *a, const void *b)
{
	const struct half *x = a, *y = b;

	if (x->spi != y->spi)
		return x->spi < y->spi ? -1 : 1;
	if (x->direction != y->direction)
		return x->direction < y->direction ? -1 : 1;
	return memcmp(x->peer, y->peer, sizeof(x->peer));
}

static void add(struct connection_names *names, const cJSON *connection, int index)
{
	const char *name = json_text(connection, "name"), *peer = json_text(connection, "peer");
	const cJSON *child;
	uint8_t addr[4];

	if (!peer)
		peer = json_text(connection, "remote");
	if (!name || !peer || inet_pton(AF_INET, peer, addr) != 1)
		return;
	cJSON_ArrayForEach(child, children_of(connection)) {
		struct half in = {
			.spi = spi_of(child, "spi_in"), .direction = SA_INBOUND, .name = name, .index = index};
		struct half out = {
			.spi = spi_of(child, "spi_out"), .direction = SA_OUTBOUND, .name = name, .index = index};

		memcpy(in.peer, addr, 4);
		memcpy(out.peer, addr, 4);
		names->halves[names->count++] = in;
		names->halves[names->count++] = out;
	}
}

struct connection_names *connection_names_new(const cJSON *connections)
{
	struct connection_names *names;
	const cJSON *c;
	size_t room = 0;
	int index = 0;

	cJSON_ArrayForEach(c, connections)
		room += 2 * (size_t)cJSON_GetArraySize(children_of(c));
	names = calloc(1, sizeof(*names) + room * sizeof(names->halves[0]));
	if (!names)
		return NULL;
	cJSON_ArrayForEach(c, connections)
		add(names, c, index++);
	qsort(names->halves, names->count, sizeof(names->halves[0]), compare);
	return names;
}

void connection_names_free(struct connection_names *names)
{
	free(names);
}

static const struct half *find(const struct connection_names *names, const struct sa_state *sa)
{
	struct half key = {.spi = sa->spi, .direction = sa->direction};

	if (!names || sa->owner != OWNER_IKE)
		return NULL;
	memcpy(key.peer, peer_of(sa), 4);
	return bsearch(&key, names->halves, names->count, sizeof(key), compare);
}

int connection_index(const struct connection_names *names, const struct sa_state *sa)
{
	const struct half *found = find(names, sa);

	return found ? found->index : -1;
}

const char *connection_name(const struct connection_names *names, const struct sa_state *sa)
{
	const struct half *found = find(names, sa);

	return found ? found->name : NULL;
}
