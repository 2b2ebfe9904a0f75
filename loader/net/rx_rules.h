/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A NIC's receive rules ("ntuple") that put ESP of one SPI on one queue. They share a table with everybody's: a rule
 * has a location there, chosen by the driver, or where it leaves that to us, the last that is free.
 */
#ifndef LOADER_NET_RX_RULES_H
#define LOADER_NET_RX_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "ethtool.h"

/* The most locations of a table that are looked at: no driver has as many rules. */
#define RX_RULES_TABLE_MAX 65536

/* The table as it was when it was read. */
struct rx_rules {
	uint32_t size;	     /* locations */
	bool driver_chooses; /* where a rule goes */
	uint32_t count;	     /* of rules */
	uint32_t *locations; /* theirs; malloc'd */
	uint8_t *taken;	     /* a bit for each location, also of rules that were added since; malloc'd */
	uint32_t free_below; /* no location from here on is free */
};

/* Reads the table; rx_rules_free() ends it. 0, or -errno: the driver has none. */
int rx_rules_read(const char *name, struct rx_rules *rules);

/* Safe on a zeroed struct. */
void rx_rules_free(struct rx_rules *rules);

/* Adds a rule for the SPI, in a table that was just read; *location gets its place. 0, -ENOSPC where all places are
 * taken, or what the driver says. */
int rx_rules_add(const char *name, struct rx_rules *rules, uint32_t spi, uint32_t queue, uint32_t *location);

/* Whether the rule at that location is one as rx_rules_add() makes, and its SPI. */
bool rx_rules_get(const char *name, uint32_t location, uint32_t *spi);

/* 0 or -errno. */
int rx_rules_delete(const char *name, uint32_t location);

#endif
