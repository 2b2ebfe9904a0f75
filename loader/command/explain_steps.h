/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of 'explain', each with its text and, for scripts, what the text tells. */
#ifndef LOADER_COMMAND_EXPLAIN_STEPS_H
#define LOADER_COMMAND_EXPLAIN_STEPS_H

#include "attach/gates.h"
#include "attach/hook_look.h"
#include "explain/datapath.h"
#include "lib/json.h"
#include "net/route.h"

/* Adds a step to path's, and returns it for what else it tells. */
cJSON *explain_step(cJSON *path, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* An interface's gate. */
struct explain_gate {
	int nic;	  /* ifindex of the attached NIC: the interface, or one below it; else of the interface */
	uint32_t program; /* on it, by its id; 0: the interface is neither attached nor stands on one that is */
	bool closed;
	bool open; /* by 'detach' */
};

void explain_route_step(cJSON *path, const struct route *route);

/* point: HOOK_EGRESS, or HOOK_XDP for what comes in. */
struct explain_gate explain_gate_step(cJSON *path, const struct maps *maps, const char *bpf_dir, int ifindex,
				      enum hook_point point);

/* The policy, and of a connection's the connection's state. names: as connection_policies_names() has them, NULL: not
 * known; status: the daemon's, or NULL. */
struct datapath_rule explain_policy_step(cJSON *path, const struct maps *maps, const struct datapath_packet *p,
					 bool out, const cJSON *names, const cJSON *status);

void explain_sa_step(cJSON *path, const struct maps *maps, const struct sad_out_value *which);
/* remote: of the packet. */
void explain_no_sa_step(cJSON *path, const struct datapath_rule *rule, const uint8_t remote[4], const cJSON *names,
			const cJSON *status);
void explain_worker_step(cJSON *path, const cJSON *status);

/* A copy of the inbound SA with that SPI, or with 0 of the newest that the packet could come by. False: there is none.
 */
bool explain_inbound_sa(const struct maps *maps, const struct datapath_packet *p, uint32_t spi, struct sa_state *best);

/* Whether the packet is what the inbound SA is for. */
bool explain_sa_takes(const struct sa_state *sa, const struct datapath_packet *p);

#endif
