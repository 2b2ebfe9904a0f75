/* SPDX-License-Identifier: BSD-2-Clause */
/* What systemd (Type=notify) wants to hear; without it these do nothing. */
#ifndef LOADER_DAEMON_SERVICE_H
#define LOADER_DAEMON_SERVICE_H

/* Sends a state, as "READY=1", to NOTIFY_SOCKET (sd_notify(3)). */
void service_notify(const char *state);

#endif
