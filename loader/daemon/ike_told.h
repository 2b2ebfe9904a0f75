/* SPDX-License-Identifier: BSD-2-Clause */
/* Events that IKE tells, which reads the network: taken for what they may be. */
#ifndef LOADER_DAEMON_IKE_TOLD_H
#define LOADER_DAEMON_IKE_TOLD_H

#include "config/config.h"
#include "lib/json.h"

/*
 * Tells the event of a message {"event", "name", "values", "lost"} if its kind is one that IKE tells. A connection that
 * config, which may be NULL, does not have is not named. Values are cleaned by events_tell().
 */
void ike_told(const cJSON *message, const struct config *config);

#endif
