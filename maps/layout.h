/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the BPF programs, the worker, the loader and IKE: every
 * structure that two of them share stands in a part of this file, once, and both sides
 * include it. Addresses are in network byte order, kept as bytes so that bpftool
 * prints them readably; every number (SPI, port, sequence) is in host order.
 *
 *   spd      policy:   remote prefix        -> rules: protect, bypass, discard
 *   spd_empty          remote address      -> whether there is certainly no rule for it
 *   spd_hits           a rule's counter     -> what it has decided on
 *   sad_out  binding:  src, dst, selector, lane -> outbound slot
 *   sad      inbound:  SPI, dst             -> inbound slot
 *   gates    ifindex                        -> what guards that interface
 *   gre      port                           -> who gets and sends multicast in GRE
 *   sad_sent outbound: SPI, dst             -> outbound slot, for what routers say of what was sent
 *   ike_sockets                             -> whose UDP from port 500 and 4500 is IKE
 *   ike_alive                               -> whether UDP to these ports is
 *   sa_state, replay   slot                 -> what changes per packet
 *   key vault          slot                 -> the key (never a map: vault.h)
 *   free_slots                              -> which slots may be free
 *   turns    lane                           -> what it may still be at work with (slots.h)
 *   cpu_lane this CPU                       -> its lane
 *   captures                                -> where dropped packets are shown, while somebody looks
 *
 * Changing a structure means raising LAYOUT_VERSION.
 */
#ifndef MAPS_LAYOUT_H
#define MAPS_LAYOUT_H

#include "layout_base.h"
#include "layout_packet.h"
#include "layout_port.h"
#include "layout_sa.h"
#include "layout_spd.h"

#endif
