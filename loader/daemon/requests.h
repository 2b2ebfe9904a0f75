/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command may ask of the supervisor: one function a request. */
#ifndef LOADER_REQUESTS_H
#define LOADER_REQUESTS_H

#include "control_server.h"

/* A control_handler; arg is the struct supervisor. */
int requests_handle(void *arg, const cJSON *request, int fd, cJSON *reply, struct fault *f);

#endif
