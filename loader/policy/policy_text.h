/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies as people write them: in the words of 'policy add'. */
#ifndef LOADER_POLICY_POLICY_TEXT_H
#define LOADER_POLICY_POLICY_TEXT_H

#include "maps/selector.h"
#include "spd.h"

/* "dst 255.255.255.255/32 src 255.255.255.255 proto udplite sport 10000-20000 dport 30000-40000 prio 4294967295 action
 * protect", NUL included. */
#define POLICY_TEXT 160
#define PORTS_TEXT  12

/* The whole policy, and what tells it from others (without prio and action), into buf (POLICY_TEXT), which is returned.
 */
const char *policy_text(const struct policy *p, char *buf);
const char *policy_selector_text(const struct policy *p, char *buf);

/* Of its words one by one; "any" where there is nothing to say. buf: ADDR_TEXT, SELECTOR_TEXT, PORTS_TEXT. */
const char *rule_local_text(const struct spd_rule *rule, char *buf);
const char *rule_proto_text(const struct spd_rule *rule, char *buf);
const char *rule_ports_text(const struct spd_rule *rule, bool local, char *buf);

#endif
