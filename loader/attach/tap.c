/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/privileges.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* The kernel takes the two UDP flags (6.2) only together. */
#define OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN)

/* struct virtio_net_hdr without the count of merged buffers. */
#define VNET_HDR_SIZE 10

/*
 * What waits here while the worker is off the CPU: at 300,000 small datagrams a second a scheduler's slice of 3 ms
 * is 900 of them, several in a row are not rare, and what does not fit is lost. Longer only adds delay: 8,192 lost
 * no less.
 */
#define QUEUE_LENGTH 4096

/* Two seconds for a process that is being killed, by steps of 5 ms. */
#define BUSY_TRIES 400

static void name_tap(struct tap *tap, const struct netdev *nic)
{
	if (snprintf(tap->name, sizeof(tap->name), "esp-%s", nic->name) >= (int)sizeof(tap->name))
		snprintf(tap->name, sizeof(tap->name), "esp-%d", nic->ifindex);
}

/* A worker whose supervisor was killed dies with it, but on a loaded machine not at once, and the TAP dies with the
 * worker. */
static int make_device(int fd, struct ifreq *request)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	int err = 0;

	for (int i = 0; i < BUSY_TRIES; i++) {
		err = ioctl(fd, TUNSETIFF, request) < 0 ? -errno : 0;
		if (err != -EBUSY)
			break;
		nanosleep(&pause, NULL);
	}
	return err;
}

int tap_open_driver(struct fault *f)
{
	const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return fault(f, errno, "/dev/net/tun: %s: %s", strerror(errno),
			     privileges_remedy(errno, "'modprobe tun', and where /dev is a container's own "
						      "'mkdir -p /dev/net; mknod /dev/net/tun c 10 200'"));
	return fd;
}

static int open_queue(struct tap *tap, struct fault *f)
{
	/* The first makes the device, and may find none of that name. */
	struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE |
						     (tap->count ? 0 : IFF_TUN_EXCL))};
	const int fd = tap_open_driver(f);
	int err;

	if (fd < 0)
		return fd;
	memcpy(request.ifr_name, tap->name, sizeof(request.ifr_name));
	err = make_device(fd, &request);
	if (!err) {
		tap->fds[tap->count++] = fd;
		return 0;
	}
	close(fd);
	return fault(f, -err, "%s: making the TAP: %s%s", tap->name, strerror(-err),
		     err == -EBUSY ? ": an interface of that name is there, and is not this instance's: 'fuser "
				     "/dev/net/tun' tells whose"
				   : "");
}

static int open_queues(struct tap *tap, unsigned queues, struct fault *f)
{
	int err = 0;

	while (tap->count < queues && !err)
		err = open_queue(tap, f);
	if (!err)
		tap->ifindex = (int)if_nametoindex(tap->name);
	return err;
}

static int set_options(struct tap *tap, int steering, struct fault *f)
{
	int header = VNET_HDR_SIZE, unlimited = INT_MAX;
	const int fd = tap->fds[0];

	if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0)
		return fault(f, errno, "%s: vnet header: %s", tap->name, strerror(errno));
	/* A limit here would make the worker's writes fail under load; not every kernel starts without one. */
	if (ioctl(fd, TUNSETSNDBUF, &unlimited) < 0)
		return fault(f, errno, "%s: send buffer: %s", tap->name, strerror(errno));
	if (ioctl(fd, TUNSETSTEERINGEBPF, &steering) < 0)
		return fault(f, errno, "%s: steering to its queues: %s", tap->name, strerror(errno));
	tap->udp_segments = ioctl(fd, TUNSETOFFLOAD, OFFLOADS | TUN_F_USO4 | TUN_F_USO6) == 0;
	if (!tap->udp_segments && ioctl(fd, TUNSETOFFLOAD, OFFLOADS) < 0)
		return fault(f, errno, "%s: offloads: %s", tap->name, strerror(errno));
	return 0;
}

int tap_create(struct tap *tap, const struct netdev *nic, unsigned pairs, int steering, struct fault *f)
{
	int err;

	*tap = (struct tap){0};
	name_tap(tap, nic);
	err = open_queues(tap, 2 * pairs, f);
	if (!err)
		err = set_options(tap, steering, f);
	if (!err)
		err = netdev_bring_up_tap(tap->ifindex, nic->mac, nic->mtu, QUEUE_LENGTH, f);
	if (err)
		tap_close(tap);
	return err;
}

/* The descriptor tells by itself what it is of. */
int tap_ifindex(int fd)
{
	struct ifreq request = {0};

	return ioctl(fd, TUNGETIFF, &request) == 0 ? (int)if_nametoindex(request.ifr_name) : 0;
}

int tap_resume(struct tap *tap, struct tap *left, const struct netdev *nic, unsigned pairs, int steering,
	       struct fault *f)
{
	struct tap wanted = {0};
	int err;

	name_tap(&wanted, nic);
	wanted.ifindex = (int)if_nametoindex(wanted.name);
	if (left->count != 2 * pairs || !wanted.ifindex || tap_ifindex(left->fds[0]) != wanted.ifindex)
		return fault(f, ESTALE, "%s: is not as it was", wanted.name);
	memcpy(wanted.fds, left->fds, sizeof(wanted.fds));
	wanted.count = left->count;
	err = set_options(&wanted, steering, f);
	if (!err)
		err = netdev_bring_up_tap(wanted.ifindex, nic->mac, nic->mtu, QUEUE_LENGTH, f);
	if (err)
		return err;
	*tap = wanted;
	*left = (struct tap){0};
	return 0;
}

void tap_remove(struct tap *tap)
{
	if (tap->count && tap->ifindex)
		netdev_remove(tap->ifindex);
	tap_close(tap);
}

void tap_close(struct tap *tap)
{
	while (tap->count)
		close(tap->fds[--tap->count]);
	*tap = (struct tap){0};
}
