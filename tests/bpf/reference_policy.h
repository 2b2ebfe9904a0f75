/* SPDX-License-Identifier: BSD-2-Clause */
/* What a host's policies say of a packet, for reference.c: all of them are walked, for each. */
#ifndef TESTS_BPF_REFERENCE_POLICY_H
#define TESTS_BPF_REFERENCE_POLICY_H

#include "reference.h"
#include "reference_packet.h"

/* A packet as this host sees it. */
struct ref_view {
	uint32_t local, remote;
	uint8_t proto;
	bool has_ports, ports_seen;
	uint16_t local_port, remote_port;
};

struct ref_decided {
	enum ref_decision decision;
	const struct ref_policy *by; /* NULL: nothing, or a cover */
	bool covered;
};

struct ref_view ref_view_in(const struct ref_packet *p);
struct ref_view ref_view_out(const struct ref_packet *p);

/* Whether it is for all ports. */
bool ref_is_any(const struct ref_selector *s);

/* Whether what is decided so goes nowhere in clear. */
bool ref_keeps_back(enum ref_decision decision);

/*
 * The first that takes the packet. But what a connection would protect, were it for this local address, does not go in
 * clear because of a bypass for a shorter prefix, nor because nothing is said.
 */
struct ref_decided ref_decide(const struct ref_host *h, const struct ref_view *v);

/* Whether a connection is for the two addresses. */
bool ref_is_connected(const struct ref_host *h, uint32_t local, uint32_t remote);

/* The same, but IKE between the hosts of a connection protects itself. */
struct ref_decided ref_decide_but_ike(const struct ref_host *h, const struct ref_view *v, bool ike);

/* Whether anything between the two may be protected: no packet is asked. */
bool ref_may_protect(const struct ref_host *h, uint32_t local, uint32_t remote);

/* The same by a policy for the two, and not by a cover. */
bool ref_protects_some(const struct ref_host *h, uint32_t local, uint32_t remote);

#endif
