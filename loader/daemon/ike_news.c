/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_news.h"

#include "net/local_addr.h"

static void add_ends(cJSON *message, const uint8_t local[4], const uint8_t remote[4])
{
	char text[ADDR_TEXT];

	cJSON_AddStringToObject(message, "local", addr_text(local, text));
	cJSON_AddStringToObject(message, "remote", addr_text(remote, text));
}

/* Outbound: the source is this host. */
static bool on_acquire(const struct ike_news *n, const struct event *e)
{
	cJSON *message;

	if (!ike_covers(n->ike, e->src, e->dst))
		return false;
	message = json_command("acquire");
	add_ends(message, e->src, e->dst);
	cJSON_AddNumberToObject(message, "proto", e->proto);
	cJSON_AddNumberToObject(message, "local_port", e->sport);
	cJSON_AddNumberToObject(message, "remote_port", e->dport);
	return ike_send_now(n->ike, message) == 0;
}

static bool on_unknown_spi(const struct ike_news *n, const struct event *e)
{
	cJSON *message;

	if (!ike_covers(n->ike, e->dst, e->src))
		return false;
	message = json_command("unknown_spi");
	add_ends(message, e->dst, e->src);
	cJSON_AddNumberToObject(message, "spi", e->spi);
	ike_send_now(n->ike, message);
	return false;
}

static bool on_limit(const struct ike_news *n, const struct event *e, bool hard)
{
	cJSON *message;

	if (e->slot >= SLOTS_MAX || n->maps->sa[e->slot].owner != OWNER_IKE)
		return false;
	message = json_command("limit");
	cJSON_AddNumberToObject(message, "slot", e->slot);
	cJSON_AddNumberToObject(message, "generation", e->generation);
	cJSON_AddBoolToObject(message, "hard", hard);
	return ike_send(n->ike, message) == 0;
}

bool ike_news_event(void *arg, const struct event *e)
{
	const struct ike_news *n = arg;

	switch (e->type) {
	case EVENT_ACQUIRE:
		return on_acquire(n, e);
	case EVENT_UNKNOWN_SPI:
		return on_unknown_spi(n, e);
	case EVENT_SOFT_LIMIT:
		return on_limit(n, e, false);
	case EVENT_HARD_LIMIT:
	case EVENT_SEQ_OVERFLOW:
		return on_limit(n, e, true);
	}
	return false;
}

void ike_news_dead(const struct ike_news *n, const char *connection)
{
	cJSON *message = json_command("dead");

	cJSON_AddStringToObject(message, "name", connection);
	ike_send(n->ike, message);
}

void ike_news_address(const struct ike_news *n, const uint8_t addr[4], bool present)
{
	char text[ADDR_TEXT];
	cJSON *message;

	if (!n->ike->child.pid)
		return;
	message = json_command("address");
	cJSON_AddStringToObject(message, "addr", addr_text(addr, text));
	cJSON_AddBoolToObject(message, "present", present);
	ike_send(n->ike, message);
}

void ike_news_addresses_lost(const struct ike_news *n)
{
	const struct config *config = n->ike->config;
	enum locality where;

	for (unsigned i = 0; config && i < config->connection_count; i++) {
		const uint8_t *local = config->connections[i].local;

		if (local_addr_find(local, &where) == 0)
			ike_news_address(n, local, where != ADDR_REMOTE);
	}
}
