/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a NIC's receive-side scaling looks at in ESP over IPv4 (ETHTOOL_GRXFH, ETHTOOL_SRXFH). ethtool has a word of
 * RXH_* for each kind of packets; "the first four bytes behind the IP header", which are TCP's ports, are ESP's SPI.
 * Some drivers know ESP by itself, others only together with AH.
 */
#ifndef LOADER_NET_RX_HASH_H
#define LOADER_NET_RX_HASH_H

#include <stdint.h>

#include "ethtool.h"

#define RX_HASH_ADDRESSES (RXH_IP_SRC | RXH_IP_DST)
#define RX_HASH_SPI	  (RXH_L4_B_0_1 | RXH_L4_B_2_3)
/* RXH_DISCARD, which linux/ethtool.h shifts into the sign. */
#define RX_HASH_DISCARD 0x80000000ULL

/* The kinds of packets that ESP may be, in the order to try; ends with 0. */
extern const uint32_t rx_hash_esp[];

/* What of packets of that kind is hashed. 0 or -errno. */
int rx_hash_get(const char *name, uint32_t kind, uint64_t *fields);

/* Says what is to be. 0 or -errno; a driver that takes it has not always done it. */
int rx_hash_set(const char *name, uint32_t kind, uint64_t fields);

#endif
