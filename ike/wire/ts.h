/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traffic selectors, RFC 7296 section 3.13, and their narrowing, section 2.9,
 * for transport mode between two hosts: the addresses are always the two hosts' own, and
 * what is left of a selector is protocol and ports.
 */
#ifndef IKE_WIRE_TS_H
#define IKE_WIRE_TS_H

#include "message.h"
#include "maps/selector.h"

#define TS_MAX 16

struct ts {
	uint8_t proto; /* 0: any */
	uint16_t port_min;
	uint16_t port_max;
	uint8_t start[4];
	uint8_t end[4];
};

/* Selectors of other types than IPv4 are left out. */
struct ts_list {
	struct ts ts[TS_MAX];
	unsigned count;
};

/* Reads TSi or TSr. False if it is not well-formed; more than TS_MAX: the rest is ignored. */
bool ts_parse(const struct payload *p, struct ts_list *out);

/* Writes one TS payload (PAYLOAD_TSI or PAYLOAD_TSR) with one selector: this address, protocol and range of ports. */
void ts_write(struct body *b, uint8_t type, const uint8_t addr[4], uint8_t proto, uint16_t port_min, uint16_t port_max);

/*
 * The responder narrows what the peer proposes to what one of ours allows.
 *
 * local_ts, remote_ts: the peer's TS for this host and for itself (as responder: TSr, TSi).
 * allowed: what the connection protects, in order of preference.
 * The widest intersection is taken; among equal ones the first of allowed. A first selector that is the packet of an
 * acquire is no reason to take less than the rest allow. OPAQUE ports (65535 to 0) have nothing in common with ours.
 * *index: of the one in allowed. False: nothing in common (TS_UNACCEPTABLE).
 */
bool ts_narrow(const struct ts_list *local_ts, const struct ts_list *remote_ts, const uint8_t local[4],
	       const uint8_t remote[4], const struct selector *allowed, unsigned count, struct selector *out,
	       unsigned *index);

/*
 * The initiator reads the answer to `asked`. False if it goes beyond what was asked or covers nothing useful.
 * *out is what is left; it may be narrower.
 */
bool ts_accept(const struct ts_list *local_ts, const struct ts_list *remote_ts, const uint8_t local[4],
	       const uint8_t remote[4], const struct selector *asked, struct selector *out);

#endif
