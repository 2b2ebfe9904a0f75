/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What packets pass through, as one supervisor leaves it to the next: in an upgrade it hands it over (succession.h),
 * and a service manager that keeps descriptors has it all the while (service.h), for a supervisor that is killed.
 *
 *   tap/NIC/0...     the TAP's queues, in their order         xsk/NIC/0...   AF_XDP sockets, of queue 0 and on
 *   taplink/NIC/0    the program on the TAP                   packets/NIC/0  the file with their packet memory
 *   worker/PID       orders to the worker, which goes on meanwhile
 */
#ifndef LOADER_DAEMON_LEFT_H
#define LOADER_DAEMON_LEFT_H

#include <sys/types.h>

#include "attach/nics.h"
#include "worker_sockets.h"

/* Told of each descriptor and its name. */
typedef void left_fn(void *arg, const char *name, int fd);

/* tap_link: -1: none. */
void left_tap(const char *nic, const struct tap *tap, int tap_link, left_fn *tell, void *arg);
void left_sockets(const char *nic, const struct worker_sockets *sockets, left_fn *tell, void *arg);
void left_orders(pid_t worker, int orders, left_fn *tell, void *arg);

/* As a left_fn: the manager keeps it; the manager keeps it no more. */
void left_keep(void *unused, const char *name, int fd);
void left_drop(void *unused, const char *name, int fd);

/* Has the manager keep all of a NIC. */
void left_keep_nic(const char *nic, const struct tap *tap, int tap_link, const struct worker_sockets *sockets);

/* In the next: TAPs of whatever NICs. */
void left_take_taps(struct nics_left *left);

/* Has the manager let go of those TAPs that nobody has gone on with. */
void left_drop_taps(const struct nics_left *left);

/* Has it let go of orders to workers of before. */
void left_drop_orders(void);

/* Sockets of that NIC; count 0: none that are whole. */
void left_take_sockets(const char *nic, struct worker_sockets *sockets);

/* Orders to a worker that lives, and its pid; -1: there is none. What was left of one that does not is given up. */
int left_take_orders(pid_t *worker);

/* Ends that worker, if it is the one with the other end of these orders, once its pid is held. */
void left_end(pid_t worker, int orders);

#endif
