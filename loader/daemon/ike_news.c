/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_news.h"

#include <string.h>

#include "lib/key_index.h"
#include "maps/slots.h"
#include "net/local_addrs.h"

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
	cJSON_AddNumberToObject(message, "lane", e->lane);
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

/* ---- addresses ---- */

static int tell_address(const struct ike_news *n, const uint8_t addr[4], bool present)
{
	cJSON *message = json_command("address");
	char text[ADDR_TEXT];

	cJSON_AddStringToObject(message, "addr", addr_text(addr, text));
	cJSON_AddBoolToObject(message, "present", present);
	return ike_send_now(n->ike, message);
}

static bool is_address(const void *connections, size_t place, const void *addr)
{
	return memcmp(((const struct connection_config *)connections)[place].local, addr, 4) == 0;
}

/* Each address once, and all by one look at what is there. False: IKE does not take more. */
static bool tell_addresses(struct ike_news *n)
{
	const struct config *config = n->ike->config;
	const unsigned count = config ? config->connection_count : 0;
	struct local_addrs here = {0};
	struct key_index told = {0};

	if (local_addrs_read(&here) < 0)
		return false;
	for (; n->connection < count; n->connection++) {
		const uint8_t *local = config->connections[n->connection].local;
		const uint64_t hash = key_hash(local, 4, 0);

		if (key_index_find(&told, hash, is_address, config->connections, local) != KEY_INDEX_NONE)
			continue;
		if (tell_address(n, local, local_addrs_find(&here, local) != ADDR_REMOTE))
			break;
		/* Without memory for that it is told again. */
		key_index_add(&told, hash, n->connection);
	}
	key_index_clear(&told);
	local_addrs_free(&here);
	return n->connection >= count;
}

/* ---- limits, which the datapath tells of once ---- */

static int tell_limit(const struct ike_news *n, uint32_t slot, uint32_t generation, bool hard)
{
	cJSON *message = json_command("limit");

	cJSON_AddNumberToObject(message, "slot", slot);
	cJSON_AddNumberToObject(message, "generation", generation);
	cJSON_AddBoolToObject(message, "hard", hard);
	return ike_send_now(n->ike, message);
}

static bool is_of_ike(const struct ike_news *n, uint32_t slot)
{
	return slot < n->maps->slots && n->maps->sa[slot].owner == OWNER_IKE;
}

/* All that have passed one: IKE knows what it has heard already, and does nothing then. False: it does not take more.
 */
static bool tell_limits(struct ike_news *n)
{
	for (; n->slot < n->maps->slots; n->slot++) {
		const uint32_t generation = slot_generation(n->maps->sa, n->slot);
		const uint32_t raised = n->maps->sa[n->slot].raised;

		if (!raised || !is_of_ike(n, n->slot) || !slot_in_use(generation))
			continue;
		if (tell_limit(n, n->slot, generation, raised & ~(uint32_t)SA_RAISED_SOFT))
			return false;
	}
	return true;
}

static void tell_later(struct ike_news *n);

/* What a new one has to know it finds by itself. */
static void tell_again(evutil_socket_t fd, short what, void *arg)
{
	struct ike_news *n = arg;
	const bool is_there = n->ike->child.pid;

	(void)fd;
	(void)what;
	n->behind = false;
	n->addresses = n->addresses && is_there && !tell_addresses(n);
	n->limits = n->limits && is_there && !tell_limits(n);
	if (n->addresses || n->limits)
		tell_later(n);
}

static void tell_later(struct ike_news *n)
{
	static const struct timeval soon = {.tv_usec = 100000};

	if (!n->behind)
		n->behind = event_base_once(n->base, -1, EV_TIMEOUT, tell_again, n, &soon) == 0;
}

/* One that is behind in reading is not waited for. */
static bool on_limit(struct ike_news *n, const struct event *e, bool hard)
{
	if (!is_of_ike(n, e->slot))
		return false;
	if (tell_limit(n, e->slot, e->generation, hard) == 0)
		return true;
	n->slot = 0;
	n->limits = n->ike->child.pid;
	if (n->limits)
		tell_later(n);
	return false;
}

bool ike_news_event(void *arg, const struct event *e)
{
	struct ike_news *n = arg;

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

/* One that takes nothing now is about to be killed for that, or has DPD. */
void ike_news_dead(const struct ike_news *n, const char *connection)
{
	cJSON *message = json_command("dead");

	cJSON_AddStringToObject(message, "name", connection);
	ike_send_now(n->ike, message);
}

/* While it has not taken all of them it is told by one more look at what is there. */
void ike_news_address(struct ike_news *n, const uint8_t addr[4], bool present)
{
	if (!n->ike->child.pid || (!n->addresses && tell_address(n, addr, present) == 0))
		return;
	n->connection = 0;
	n->addresses = true;
	tell_later(n);
}

void ike_news_addresses_lost(struct ike_news *n)
{
	n->connection = 0;
	n->addresses = n->ike->child.pid && !tell_addresses(n);
	if (n->addresses)
		tell_later(n);
}
