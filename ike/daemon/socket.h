/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP 500 and 4500 on all addresses of this host: datagrams with the addresses they were really sent to and from. */
#ifndef IKE_DAEMON_SOCKET_H
#define IKE_DAEMON_SOCKET_H

#include "engine/engine.h"
#include "maps/maps.h"

struct ike_sockets {
	int fd;	    /* port 500 */
	int nat_fd; /* port 4500, where each datagram begins with the non-ESP marker */
	int alive;  /* AF_XDP; never used: that it is open is what it tells (ike_alive in maps/layout.h) */
	int tos;    /* of what is sent: the DSCP, shifted over the bits of ECN */
};

/* Opens all. 0 or -errno; -EADDRINUSE with who it may be. */
int sockets_open(struct ike_sockets *s, struct fault *f);

/*
 * Tells the BPF programs which sockets these are: without that nothing they send to a peer leaves, and nothing that a
 * peer sends gets in. Takes the place of an earlier process's. 0 or -errno.
 */
int sockets_publish(const struct ike_sockets *s, const struct maps *maps, struct fault *f);

typedef void datagram_handler(void *arg, const struct path *path, const uint8_t *data, size_t size);

/* Reads what is there from one of the two, up to a bound, and hands each datagram over. */
void sockets_receive(const struct ike_sockets *s, int fd, datagram_handler *handler, void *arg);

/* Sends from path->local and its port. What the kernel does not take is lost, and sent again by who waits for an
 * answer. 0 or -errno. */
int sockets_send(const struct ike_sockets *s, const struct path *path, const void *data, size_t size);

#endif
