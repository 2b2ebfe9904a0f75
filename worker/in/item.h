/* SPDX-License-Identifier: BSD-2-Clause */
/* A packet on its way through the passes of inbound.c: what is known of it so far. */
#ifndef WORKER_IN_ITEM_H
#define WORKER_IN_ITEM_H

#include <stddef.h>
#include <stdint.h>

#include "esp/esp_packet.h"
#include "packet/packet.h"

struct item {
	uint64_t addr;
	uint8_t *frame;
	size_t l2;
	struct ip_view ip;
	uint32_t slot;
	uint32_t generation;
	struct esp_sa *sa;
	uint64_t seq;
	struct esp_opened opened;
};

static inline uint8_t *esp_of(const struct item *item)
{
	return item->ip.ip + item->ip.header;
}

static inline size_t esp_len(const struct item *item)
{
	return item->ip.total - item->ip.header;
}

#endif
