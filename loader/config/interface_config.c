/* SPDX-License-Identifier: BSD-2-Clause */
#include "interface_config.h"

#include <stdio.h>
#include <string.h>

#include "maps/layout.h"
#include "policy/parse.h"

void interface_config_init(struct interface_config *ic, const char *name)
{
	*ic = (struct interface_config){.mode = MODE_AUTO,
					.hook = HOOK_AUTO,
					.packet_memory = PACKET_MEMORY_DEFAULT,
					.path_mtu_min = PATH_MTU_MIN};
	snprintf(ic->name, sizeof(ic->name), "%s", name);
}

bool interface_config_same(const struct interface_config *a, const struct interface_config *b)
{
	return strcmp(a->name, b->name) == 0 && a->mode == b->mode && a->queues == b->queues && a->hook == b->hook &&
	       a->threaded_napi == b->threaded_napi && a->busy_poll == b->busy_poll &&
	       a->path_mtu_min == b->path_mtu_min && a->packet_memory == b->packet_memory &&
	       a->steering == b->steering && a->mss_clamp == b->mss_clamp;
}

bool parse_mode(const char *text, unsigned *mode)
{
	static const struct {
		const char *name;
		unsigned mode;
	} modes[] = {{"auto", MODE_AUTO}, {"native", PORT_NATIVE}, {"generic", PORT_GENERIC}};

	for (size_t i = 0; i < 3; i++) {
		if (strcmp(text, modes[i].name) == 0) {
			*mode = modes[i].mode;
			return true;
		}
	}
	return false;
}

bool parse_queues(const char *text, uint32_t *queues)
{
	uint64_t number = 0;

	if (strcmp(text, "all") != 0 && !parse_number(text, 1, QUEUES_MAX, &number))
		return false;
	*queues = (uint32_t)number;
	return true;
}
