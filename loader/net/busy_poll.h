/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_XDP sockets whose NIC's driver is run by the calls of the thread that owns them, not by interrupts (Linux 5.11,
 * Documentation/networking/napi.rst). Turning it on takes CAP_NET_ADMIN.
 */
#ifndef LOADER_NET_BUSY_POLL_H
#define LOADER_NET_BUSY_POLL_H

/* Turns it on for n sockets. 0 or -errno, and then it is on for none of them. */
int busy_poll_set(const int *sockets, unsigned n);

#endif
