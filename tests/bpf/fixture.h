/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs loaded with maps of their own, and run on one packet at a time
 * by BPF_PROG_TEST_RUN: packet in -> verdict, bytes, metadata, counters, events.
 * Nothing is attached and nothing pinned. Whatever fails here fails the test.
 */
#ifndef TESTS_BPF_FIXTURE_H
#define TESTS_BPF_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>

#include "maps/config.bpf.h"
#include "frame.h"
#include "maps/layout.h"

#define PORT 3
/* A test run is on the loopback interface. */
#define NIC  1
#define TAP  8
#define MARK 0x1b5ec
/* What it is on the way from the TAP to a NIC in generic mode (bpf/opened.h). */
#define MARK_ON_ITS_WAY (~(uint32_t)MARK ^ PORT)

#define ANY_PORT	.local_port_max = 65535, .remote_port_max = 65535
#define ANY_REMOTE_PORT .remote_port_max = 65535
#define ANY_LOCAL_PORT	.local_port_max = 65535

struct fixture {
	struct datapath *skel;
	struct sa_state *sa; /* the map itself */
	uint32_t slots;	     /* of it: SLOTS_DEFAULT */
	struct ring_buffer *ring;
	struct event events[256];
	int told;		     /* events that came, beyond the room for them too */
	int sockets[QUEUES_MAX + 1]; /* by queue; -1: none */
	int ike;		     /* -1: there is no daemon */
};

struct outcome {
	uint32_t verdict;
	uint8_t data[2048]; /* metadata first */
	size_t len;
	size_t meta_len;
	uint32_t mark;
};

/* cmocka setup and teardown. A worker serves queue 0; there are no policies and no SAs. */
int fixture_native(void **state);
int fixture_generic(void **state);
/* With SLOTS_MAX slots. */
int fixture_large(void **state);
int fixture_free(void **state);
/* With a configuration that is otherwise the native one's. */
int fixture_with(void **state, enum unknown_spi unknown_spi, uint32_t mark);
int fixture_generic_with(void **state, uint32_t mark);

#define TEST_NATIVE(name)  cmocka_unit_test_setup_teardown(name, fixture_native, fixture_free)
#define TEST_GENERIC(name) cmocka_unit_test_setup_teardown(name, fixture_generic, fixture_free)

/* The rules behind a prefix, in the order given. */
void put_rules(struct fixture *fx, const char *prefix, const struct spd_rule *rules, size_t n);
#define PUT_RULES(fx, prefix, ...) \
	put_rules(fx, prefix, (struct spd_rule[]){__VA_ARGS__}, \
		  sizeof((struct spd_rule[]){__VA_ARGS__}) / sizeof(struct spd_rule))
/* One of them: what goes to that port of the other end, and what comes from it. */
#define TO_PORT(protocol, port, what) \
	((struct spd_rule){.proto = (protocol), \
			   ANY_LOCAL_PORT, \
			   .remote_port_min = (port), \
			   .remote_port_max = (port), \
			   .action = (what)})
/* One rule that protects everything with REMOTE. */
void protect_all(struct fixture *fx);
/* The NIC is a bridge's port. */
void put_port(struct fixture *fx, uint32_t mtu, uint16_t path_mtu_min);
/* It has so many queues to receive by, and to send by; 0 to send: it does not say. */
void put_queues(struct fixture *fx, uint32_t rx, uint32_t tx);
void put_local(struct fixture *fx, const char *addr);
/* The programs are on that NIC too, as the same port. */
void put_gate(struct fixture *fx, uint32_t nic, enum port_mode mode);
void remove_gate(struct fixture *fx, uint32_t nic);

/* An inbound SA from REMOTE to LOCAL, ESN and a window of 64; an outbound one back, for everything. */
struct sa_state *put_inbound(struct fixture *fx, uint32_t slot, uint32_t spi);
struct sa_state *put_outbound(struct fixture *fx, uint32_t slot, uint16_t proto, uint16_t remote_port);
void remove_outbound(struct fixture *fx, uint16_t proto, uint16_t remote_port);
/* The same for any selector. */
struct sa_state *put_outbound_for(struct fixture *fx, uint32_t slot, struct selector sel);
void remove_outbound_for(struct fixture *fx, struct selector sel);
/* One of a lane's own beside it, bound to that lane (as in sad_out_key). */
struct sa_state *put_outbound_of_lane(struct fixture *fx, uint32_t slot, struct selector sel, uint32_t lane);
void remove_outbound_of_lane(struct fixture *fx, struct selector sel, uint32_t lane);
/* CPU n's lane is 1 + n % lanes; of 1 lane or none, 0. */
void put_lanes(struct fixture *fx, unsigned lanes);
#define SEL(...) ((struct selector){__VA_ARGS__})
/* Binds the inbound SA to a NIC in sad. */
void bind_inbound(struct fixture *fx, uint32_t slot, uint32_t ifindex);

void worker_leaves(struct fixture *fx);

/* There is an IKE daemon, as there is from the beginning; and it is killed. */
void ike_listens(struct fixture *fx);
void ike_dies(struct fixture *fx);
void worker_serves(struct fixture *fx, uint32_t queue);

struct outcome run_xdp(struct fixture *fx, const struct frame *f);
/* As received by the device's queue, behind that much metadata of another program. */
struct outcome run_xdp_on(struct fixture *fx, const struct frame *f, uint32_t ifindex, uint32_t queue, size_t meta);
struct outcome run_egress(struct fixture *fx, const struct frame *f);
struct outcome run_egress_gso(struct fixture *fx, const struct frame *f);
struct outcome run_nic_ingress(struct fixture *fx, const struct frame *f, uint32_t mark);
struct outcome run_tap_ingress(struct fixture *fx, const struct frame *f);

uint64_t counted(struct fixture *fx, enum reason reason);
uint64_t counted_in_all(struct fixture *fx);
/* Exactly this one reason was counted, once, since the last time counters were looked at so; they start again. */
void assert_counted_only(struct fixture *fx, enum reason reason);
void assert_nothing_counted(struct fixture *fx);

/* Takes what is in the ring: how many events came since the last time; they are in fx->events. */
int take_events(struct fixture *fx);
/* Makes everything that was told a second older. */
void age_gates(struct fixture *fx);

/* Makes what was decided on first fragments older by that much. */
void age_fragments(struct fixture *fx, uint64_t ns);

/* CLOCK_BOOTTIME in ns, as the programs have it. */
uint64_t boot_ns(void);

#endif
