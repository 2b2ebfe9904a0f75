/* SPDX-License-Identifier: BSD-2-Clause */
#include "busy_poll.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

/* Of Linux 5.11. */
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif

/*
 * Microseconds that a call which waits would poll for. The worker's do not wait and run the driver once, however long
 * this is; but with 0 they would not run it at all.
 */
#define BUSY_POLL_US 20
/*
 * Packets that one call takes from the driver at most. 64 are what the kernel takes at once by itself, and what is a
 * full turn in the worker: fewer, as the 8 by default, are more calls for the same packets; more wait in the RX ring,
 * and age there.
 */
#define BUSY_POLL_BUDGET 64

static const struct {
	int option;
	int value;
} options[] = {
	/* While calls come, interrupts stay off as long as the NIC's settings allow (napi_defer_hard_irqs). */
	{SO_PREFER_BUSY_POLL, 1},
	{SO_BUSY_POLL, BUSY_POLL_US},
	{SO_BUSY_POLL_BUDGET, BUSY_POLL_BUDGET},
};

static int set(int socket, size_t option, int value)
{
	return setsockopt(socket, SOL_SOCKET, options[option].option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Without the first two the third means nothing. */
static void clear(int socket)
{
	set(socket, 0, 0);
	set(socket, 1, 0);
}

int busy_poll_set(const int *sockets, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		for (size_t o = 0; o < sizeof(options) / sizeof(options[0]) && !err; o++)
			err = set(sockets[i], o, options[o].value);
	for (unsigned i = 0; i < n && err; i++)
		clear(sockets[i]);
	return err;
}
