/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command may ask of a running supervisor: one function a request. */
#ifndef LOADER_DAEMON_REQUESTS_H
#define LOADER_DAEMON_REQUESTS_H

#include "capture_session.h"
#include "control_server.h"
#include "guard.h"
#include "ike_process.h"
#include "liveness/liveness.h"
#include "reload.h"
#include "succession.h"

/* Whom they are about. */
struct requests {
	struct guard *guard;
	struct ike_process *ike;
	const struct liveness *liveness;
	struct capture_session *capture;
	struct reload *reload;
	const struct succession *succession;
	char begun[24];		       /* when this program has begun: another one, another number */
	void (*on_upgrade)(void *arg); /* it is to become the program that is installed */
	void *arg;
	struct control_server *control; /* that they come by */
};

/* A control_handler; arg is the struct requests. */
int requests_handle(void *arg, const cJSON *request, int fd, cJSON *reply, struct fault *f);

#endif
