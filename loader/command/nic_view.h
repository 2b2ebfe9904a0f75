/* SPDX-License-Identifier: BSD-2-Clause */
/* NICs and gates as people and machines see them: from the maps, so also of a host whose supervisor is dead. */
#ifndef LOADER_COMMAND_NIC_VIEW_H
#define LOADER_COMMAND_NIC_VIEW_H

#include <stdbool.h>

#include "lib/json.h"
#include "maps/maps.h"
#include "screen.h"

/* An entry of ports. The worker may write there, and need not end a name. */
struct port port_seen(const struct maps *maps, unsigned index);

/* The array of NICs: the caller's. running: whether a supervisor is, without which they are blocked. */
cJSON *nics_json(const struct maps *maps, bool running);

/* By what a NIC chooses a queue for ESP, as nics_json() has it: the caller's. */
cJSON *steering_json(enum port_steering steering);

/* A table of them. */
void nics_print(const struct maps *maps, bool running);

/* The names of interfaces whose gate 'detach' has opened: the caller's; a line of each; whether there are any. */
cJSON *open_gates_json(const struct maps *maps);
void open_gates_tell(const struct maps *maps, text_line *line, void *arg);
bool open_gates_any(const struct maps *maps);

#endif
