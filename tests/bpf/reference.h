/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs at a NIC decide on a packet, once more, in plain C and from what the documents and RFCs say: by
 * offsets in bytes, over plain lists that are walked from their beginning. It shares nothing with bpf/ but the names of
 * the reasons, and neither is made from the other.
 *
 *   ref_ingress(): from the wire, RFC 4301 section 5.2       ref_egress(): from the host, section 5.1
 *
 * Left to tests of their own: GRE, lanes, limits in time, what is forwarded, IKE's own sockets.
 */
#ifndef TESTS_BPF_REFERENCE_H
#define TESTS_BPF_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/reasons.h"

#define REF_POLICIES_MAX  24
#define REF_SAS_MAX	  12
#define REF_LOCALS_MAX	  4
#define REF_FRAGMENTS_MAX 16

/* Addresses and ports are numbers in host order. */
struct ref_range {
	uint16_t min, max;
};

struct ref_selector {
	uint8_t proto; /* 0: any */
	struct ref_range local, remote;
};

enum ref_action { REF_BYPASS, REF_PROTECT, REF_DISCARD };

/* In the order of precedence among those of one length of prefix. */
struct ref_policy {
	uint32_t remote;
	uint8_t length; /* of the prefix */
	uint32_t local; /* 0: any */
	struct ref_selector sel;
	enum ref_action action;
	bool connection;
};

struct ref_sa {
	bool inbound;
	bool there; /* else its slot is another's by now */
	uint32_t spi, src, dst;
	uint32_t slot;
	struct ref_selector sel; /* outbound */
	bool esn, other_nic, worn_out;
	uint32_t window;
	uint64_t seq;
	uint16_t path_mtu; /* that is known now; 0: none */
};

enum ref_decision { DECIDED_NONE = -1, DECIDED_BYPASS, DECIDED_PROTECT, DECIDED_DISCARD, DECIDED_IKE };

/* What a first fragment has met with. */
struct ref_fragment {
	uint32_t src, dst;
	uint16_t id;
	uint8_t proto;
	enum ref_decision decision;
	uint32_t slot; /* of who carries it */
};

/* In the order in which they came. */
struct ref_memory {
	unsigned count;
	struct ref_fragment entries[REF_FRAGMENTS_MAX];
};

enum ref_unknown { REF_UNKNOWN_AUTO, REF_UNKNOWN_DROP, REF_UNKNOWN_PASS };

struct ref_host {
	bool generic;
	bool worker;
	bool ike; /* a daemon listens */
	enum ref_unknown unknown_spi;
	uint16_t mtu, path_mtu_min;
	unsigned policy_count, sa_count, local_count;
	struct ref_policy policies[REF_POLICIES_MAX];
	struct ref_sa sas[REF_SAS_MAX];
	uint32_t locals[REF_LOCALS_MAX];
	struct ref_memory in, out;
};

enum ref_verdict { REF_PASS, REF_DROP, REF_TO_WORKER };

#define REF_NO_SLOT 0xffffffffU

struct ref_outcome {
	enum ref_verdict verdict;
	uint32_t slot;	    /* of what goes to the worker; REF_NO_SLOT: a later fragment of ESP */
	enum reason reason; /* that is counted; REASON_COUNT: none */
};

/* By XDP. */
struct ref_outcome ref_ingress(struct ref_host *h, const uint8_t *frame, size_t size);
/* By tc at the NIC's ingress, where XDP is generic. */
struct ref_outcome ref_ingress_generic(struct ref_host *h, const uint8_t *frame, size_t size);
struct ref_outcome ref_egress(struct ref_host *h, const uint8_t *frame, size_t size);

#endif
