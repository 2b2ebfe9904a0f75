/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An upgrade under traffic: the supervisor becomes the program that is installed now, in the same process, and hands
 * over to it what packets pass through. The worker goes on meanwhile, and leaves its NICs to the next worker when that
 * is ready (worker_before.h), so that none is lost.
 *
 *   supervisor ── exec ──────────────────────────► supervisor, of the new program
 *   worker ───────────────── LEAVE ─► ends         next worker ── RESUME ─►
 *   TAPs, sockets, packet memory, key vault, lock: as they are
 *
 * Descriptors go the way on which a service manager's come (service.h).
 */
#ifndef LOADER_DAEMON_SUCCESSION_H
#define LOADER_DAEMON_SUCCESSION_H

#include "attach/nics.h"
#include "maps/vault.h"
#include "service.h"
#include "worker_process.h"

struct succession {
	bool wanted;
	char program[512]; /* where this program is, or was before it was replaced */
	struct service_fd *fds;
	unsigned count, room;
};

/* Remembers where this program is. First of all. */
void succession_init(struct succession *s);

/* Whether the program that is installed now runs, and the file is one that can be read. 0 or -errno. */
int succession_check(const struct succession *s, const char *config_path, struct fault *f);

/* What packets pass through goes on without this program. All of it stays the caller's. */
void succession_leave(struct succession *s, const struct instance *in, const struct vault *vault,
		      const struct nics *nics, struct worker *worker);

/* In the next: the instance's lock; -1: this is none. */
int succession_take_lock(void);

/* Becomes that program. Returns on an error alone. */
int succession_exec(struct succession *s, struct fault *f);

#endif
