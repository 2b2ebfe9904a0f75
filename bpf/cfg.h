/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs are told: one configuration for all, read-only data that the loader fills before it loads them;
 * and which NIC a packet is on, looked up, so that a NIC that appears needs no program of its own.
 */
#ifndef BPF_CFG_H
#define BPF_CFG_H

#include "maps/config.bpf.h"
#include "maps/maps.bpf.h"
#include "parse.h"

const volatile struct prog_config cfg = {};

/*
 * By the ifindex that a program sees: the NIC's, or its TAP's. One that is not known is a NIC that has been moved to
 * another namespace with the programs on it: nobody serves it there, and its gate stays closed.
 */
static __always_inline struct nic nic_of(__u32 ifindex)
{
	const struct gate *gate = bpf_map_lookup_elem(&gates, &ifindex);

	if (!gate)
		return (struct nic){.ifindex = ifindex, .port = PORT_NONE};
	return (struct nic){
		.ifindex = gate->nic,
		.tap = gate->tap,
		.port = gate->port,
		.generic = gate->mode == PORT_GENERIC,
	};
}

#endif
