/* SPDX-License-Identifier: BSD-2-Clause */
/* [interface NAME] of the file, and what 'attach' says of a NIC. */
#ifndef LOADER_CONFIG_INTERFACE_CONFIG_H
#define LOADER_CONFIG_INTERFACE_CONFIG_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which XDP mode is asked for: PORT_NATIVE, PORT_GENERIC, or whichever works, native first. */
#define MODE_AUTO 0

/* How a tc program is attached. */
enum hook_kind {
	HOOK_AUTO = 0, /* tcx, or clsact where the kernel has none */
	HOOK_TCX,
	HOOK_CLSACT,
};

/* By what the NIC is to choose the queue that ESP arrives on. */
enum steering_wish {
	STEER_AUTO = 0, /* by SPI, where that takes nothing but a setting for ESP alone */
	STEER_RSS,
	STEER_NTUPLE,
	STEER_OFF, /* as it is */
};

struct interface_config {
	char name[IF_NAMESIZE];
	unsigned mode;	 /* MODE_AUTO, PORT_NATIVE, PORT_GENERIC */
	uint32_t queues; /* 0: all */
	enum hook_kind hook;
	bool threaded_napi;
	bool busy_poll;
	enum steering_wish steering;
	size_t packet_memory;  /* the most that its queues take together, bytes */
	uint16_t path_mtu_min; /* of what routers say, the least that is believed; 0: nothing is */
	uint16_t mss_clamp;    /* 0: none; MSS_CLAMP_FIT: to what fits */
};

/* Unless the file says otherwise: queues with the largest rings, 28 of them, or 14 of a large MTU. */
#define PACKET_MEMORY_DEFAULT ((size_t)256 << 20)

/* An interface with nothing said about it. */
void interface_config_init(struct interface_config *ic, const char *name);

/* Whether the two say the same of one interface. */
bool interface_config_same(const struct interface_config *a, const struct interface_config *b);

/* The words of "mode", "queues" that the file and 'attach' share. */
bool parse_mode(const char *text, unsigned *mode);
bool parse_queues(const char *text, uint32_t *queues);

#endif
