/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP echo (RFC 792) as probes: a raw socket that sends requests from any
 * address of this host and hears only answers to its own.
 *
 *    0                   1                   2                   3
 *   +---------------+---------------+-------------------------------+
 *   |     type      |     code      |           checksum            |
 *   +---------------+---------------+-------------------------------+
 *   |           identifier          |            sequence           |
 *   +-------------------------------+-------------------------------+
 *   |        cookie: 8 bytes of the socket, 8 of the probe          |
 */
#ifndef LOADER_LIVENESS_ECHO_H
#define LOADER_LIVENESS_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/fault.h"

#define ECHO_COOKIE_SIZE 16
#define ECHO_SECRET_SIZE 8

struct echo {
	uint8_t local[4];
	uint8_t remote[4];
	uint16_t id;
	uint16_t seq;
	uint8_t cookie[ECHO_COOKIE_SIZE];
};

/*
 * Opens the socket, not blocking. The kernel drops an answer without the secret before it is queued, so that a flood of
 * forged answers pushes none of ours out. The descriptor, the caller's to close, or -errno.
 */
int echo_open(const uint8_t secret[ECHO_SECRET_SIZE], struct fault *f);

/* Sends the request out of that interface and no other. 0 or -errno. */
int echo_send(int fd, const struct echo *request, int ifindex);

/* Takes the next answer that is well-formed, and tells for how long that has waited to be read. False: there is none
 * now. */
bool echo_receive(int fd, struct echo *answer, uint64_t *waited_ns);

/* Reads an IPv4 packet of size bytes with an answer in it, whose destination is `local`. False: it is no such packet.
 */
bool echo_parse(const void *packet, size_t size, struct echo *answer);

#endif
