/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract (layout.h): NICs, what guards them, what of them is GRE, and the sockets of IKE. */
#ifndef MAPS_LAYOUT_PORT_H
#define MAPS_LAYOUT_PORT_H

#include "layout_base.h"

/* ---- ike_sockets: one entry, written by IKE before it answers anybody ---- */

/* Of SO_COOKIE, which no socket gets twice; 0: none. What an IKE process that is gone left here is good for nothing. */
struct ike_cookies {
	__u64 cookies[2]; /* of port 500 and of port 4500 */
};
LAYOUT_ASSERT(struct ike_cookies, 16);

/*
 * ---- ike_alive: one entry, an AF_XDP socket of IKE's that serves no NIC ----
 *
 * The kernel takes a socket out of an XSKMAP when its last descriptor is closed. So the entry is there exactly as long
 * as the process is that listens on port 500 and 4500: afterwards anybody may have these ports.
 */

/*
 * Unless the file says otherwise. Linux's route cache goes no lower than 552 (net.ipv4.route.min_pmtu) and sends that
 * much without DF whatever it is told; this is the least in which it fits with ESP around it. RFC 791 has hosts take
 * 576.
 */
#define PATH_MTU_MIN  588
#define MSS_CLAMP_FIT 0xffff

/* ---- ports: one entry per attached NIC, written by the loader, read by the worker per packet ---- */

enum port_mode {
	PORT_NATIVE = 1,
	PORT_GENERIC = 2,
};

/* By what a NIC chooses the queue that ESP arrives on (loader/attach/steering.h). */
enum port_steering {
	STEERING_UNKNOWN = 0,
	STEERING_ONE_QUEUE = 1,
	STEERING_RSS = 2,    /* addresses and SPI */
	STEERING_NTUPLE = 3, /* a rule for each SPI */
	STEERING_ADDRESSES = 4,
};

struct port {
	__u32 ifindex; /* 0: the entry is free */
	__u32 tap_ifindex;
	__u32 mtu; /* of the NIC: IP packet, without the Ethernet header */
	__u32 queues;
	__u8 mac[6];
	__u8 mode;	/* enum port_mode */
	__u8 zero_copy; /* all queues; as the worker answers when its sockets are bound */
	char name[16];
	__u16 path_mtu_min; /* less than this is believed of no router; 0: nothing is */
	__u16 mss_clamp;    /* the most a SYN may offer; 0: SYNs are left alone; MSS_CLAMP_FIT: what fits with ESP */
	__u32 mtu_room;	    /* programs and packet memory are made for an MTU up to this */
	__u32 tx_queues;   /* queues to send by, which may be fewer than those to receive by; 0: the NIC does not say */
	__u32 ring;	   /* entries of each ring of each queue (packet_memory.h) */
	__u8 steering;	   /* enum port_steering */
	__u8 busy_poll;	   /* sockets have busy polling: the worker's calls run the driver while there is traffic */
	__u8 keeps_mac;	   /* a macvlan stands on it: what is opened stays for the Ethernet address that it came to */
	__u8 bridged;	   /* the NIC is a bridge's port */
	__u32 tap_dropped; /* by the kernel at the TAP's full queues, modulo 2^32: so many are counted; the loader's */
};
LAYOUT_ASSERT(struct port, 64);

/* ---- gates: what guards an interface, made by the loader; an interface without an entry is not guarded ---- */

#define GATES_MAX 4096
/* No port: nobody serves that NIC. */
#define PORT_NONE PORTS_MAX

enum gate_kind {
	GATE_ATTACHED = 1, /* our programs are on the interface */
	GATE_COVERED = 2,  /* a VLAN, a bridge: stood on attached NICs alone when a daemon looked last */
	GATE_OPEN = 3,	   /* 'detach' has opened the gate */
	GATE_TAP = 4,	   /* the TAP of an attached NIC */
	GATE_BROKEN = 5,   /* our programs should be on the interface, and cannot: somebody else's are */
	GATE_PARTLY = 6,   /* stands on attached NICs among others: guards nothing, and brings what SAs bring */
};

struct gate {
	__u8 kind;  /* enum gate_kind */
	__u8 mode;  /* enum port_mode of an attached NIC */
	__u16 port; /* index in ports, and QUEUES_MAX entries of xsks from there; PORT_NONE */
	__u32 nic;  /* ifindex of the NIC: its own, or of a TAP the one that it serves */
	__u32 tap;  /* ifindex of the NIC's TAP; 0: none */
	/* Ids of the programs by which an attached NIC is closed: on tc egress; on XDP, or where that is generic tc
	 * ingress */
	__u32 egress;
	__u32 ingress;
	/* While others take their place without a gap, of those; 0: none do */
	__u32 egress_next;
	__u32 ingress_next;
};
LAYOUT_ASSERT(struct gate, 28);

/* First of all filters: one in front of ours that says "pass" would open the gate. */
#define CLSACT_PRIORITY 1

/* ---- gre: one entry for each attached NIC that connections with gre = yes are on; made by the loader ---- */

/* A copy of each multicast goes to every peer: more would be a flood of one's own making. */
#define GRE_PEERS_MAX 64
/* Connections of one NIC. */
#define GRE_SOURCES_MAX	  64
#define GRE_ADDRESSES_MAX 32

/* Who gets a copy: the remote of a connection, or a host of a mesh's that has an SA. */
struct gre_peer {
	__u8 local[4];
	__u8 remote[4];
};

/* Whose multicast and broadcast is taken from GRE alone: the remote of each connection. */
struct gre_source {
	__u8 prefix[4];
	__u8 mask[4];
};

/* An address that the NIC has. */
struct gre_address {
	__u8 addr[4];
	__u8 broadcast[4]; /* the directed one; 0.0.0.0: none */
};

struct gre_port {
	__u32 peer_count;
	__u32 source_count;
	__u32 address_count;
	struct gre_peer peers[GRE_PEERS_MAX];
	struct gre_source sources[GRE_SOURCES_MAX];
	struct gre_address addresses[GRE_ADDRESSES_MAX];
};
LAYOUT_ASSERT(struct gre_port, 12 + 8 * (GRE_PEERS_MAX + GRE_SOURCES_MAX + GRE_ADDRESSES_MAX));

#endif
