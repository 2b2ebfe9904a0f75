/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKE as a child (lib/child.h): started when the file has connections, given the keys (to its key holder) and
 * the configuration (to its protocol process), started again when it dies. docs/architecture.md
 * has the messages.
 */
#ifndef LOADER_DAEMON_IKE_PROCESS_H
#define LOADER_DAEMON_IKE_PROCESS_H

#include "config/config.h"
#include "ike_stock.h"
#include "keylog_files.h"
#include "lib/child.h"
#include "lib/json.h"
#include "maps/maps.h"

struct ike_process {
	struct event_base *base;
	const char *instance;
	struct maps *maps; /* of which it is given those that it needs, open; NULL with judging */
	int vault_fd;
	bool judging; /* ike_judge_start */
	const char *config_path;
	struct keylog_files keylog; /* where keys are logged; not its own to close */
	void (*on_done)(void *arg, uint64_t ticket, const char *error);
	/* It is gone: what it was asked for and has not done it will not do. entirely: so is its key holder, and no
	 * key can come any more. */
	void (*on_lost)(void *arg, bool entirely);
	/* It was told of no connections, and does not run: what it, or the one before, has left is nobody's. */
	void (*on_none)(void *arg);
	void (*on_gre)(void *arg); /* an SA of a connection with gre = yes has come or gone */
	void *arg;

	const struct config *config; /* what it is to run; borrowed */
	struct child child;	     /* the protocol process */
	pid_t keyholder;	     /* its child; 0: not running */
	int control;		     /* to the protocol process */
	struct ike_stock stock;
	cJSON *changes; /* what its last configuration has made another than before: [{name, change}]; or NULL */
	struct event *readable;
};

/* Prepares; starts nothing. The fields up to arg are the caller's. 0 or -ENOMEM. */
int ike_init(struct ike_process *ike);

/*
 * Makes it run these connections: started, told anew, or stopped when there are none. config stays the
 * caller's, for as long as IKE runs. 0, or -errno with what is wrong with a file; what ran before goes on then, or is
 * started again.
 */
int ike_run(struct ike_process *ike, const struct config *config, struct fault *f);

/*
 * For 'check': IKE without maps and sockets, which says what it would think of a connection's files, and does nothing.
 * instance and config_path are the caller's. 0 or -errno.
 */
int ike_judge_start(struct ike_process *ike, struct fault *f);
/* 0; 1 with a note in f; -errno with what is wrong: the file, the line, and the remedy. */
int ike_judge(struct ike_process *ike, const struct config *config, const struct connection_config *c, struct fault *f);
void ike_judge_end(struct ike_process *ike);

/* A child has ended (SIGCHLD): if it was IKE, it will be started again. */
void ike_reap(struct ike_process *ike);

/* Sends a message, which is deleted. Without a process, or one that reads within a second, it is lost. 0 or -errno. */
int ike_send(struct ike_process *ike, cJSON *message);

/* The same without waiting: for what packets cause, and will again, so that a flood of them holds nobody up. */
int ike_send_now(struct ike_process *ike, cJSON *message);

/* Asks it for a sign of life, which is counted in child.pulse. Does not wait. */
void ike_ask(struct ike_process *ike);

/* It logs as this process does from now on (log_get_level). */
void ike_log_level(struct ike_process *ike);

/* Its status, in a memfd for the caller to close; -errno if it does not answer within two seconds. */
int ike_status(struct ike_process *ike);

/* Stops it and frees what ike_init made. */
void ike_fini(struct ike_process *ike);

/* Whether a connection is for the two hosts. */
bool ike_covers(const struct ike_process *ike, const uint8_t local[4], const uint8_t remote[4]);

#endif
