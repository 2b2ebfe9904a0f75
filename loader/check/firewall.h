/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the firewall lets by what a connection needs: IKE, and what comes out of ESP or is to go into it. */
#ifndef LOADER_CHECK_FIREWALL_H
#define LOADER_CHECK_FIREWALL_H

#include "config/config.h"
#include "report.h"

struct firewall {
	cJSON *ruleset; /* NULL: none, or it cannot be read */
	uint32_t mark;	/* of packets that came out of ESP */
};

/* Reads the rules, and says if that cannot be done. firewall_free() in any case. */
void firewall_open(struct firewall *fw, struct report *r, uint32_t mark);
void firewall_free(struct firewall *fw);

/* Of a connection whose packets leave by dev. */
void firewall_check(const struct firewall *fw, struct report *r, const struct connection_config *c, const char *dev);

#endif
