/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs are told. One configuration holds for all of them: read-only data, which the loader fills before it
 * loads them. Which NIC a packet is on is looked up in `gates`, so that a NIC that appears needs no program of its own.
 */
#ifndef BPF_CFG_H
#define BPF_CFG_H

#include "maps/config.bpf.h"
#include "maps/maps.bpf.h"
#include "parse.h"

const volatile struct prog_config cfg = {};

/*
 * The NIC that a packet is on, by the ifindex that the program sees, which is the NIC's or its TAP's. An ifindex that
 * `gates` does not have is of a NIC that was moved to another namespace with the programs on it: such a NIC has no
 * port, so that nobody serves it and its gate stays closed.
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
