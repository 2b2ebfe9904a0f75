/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attached NICs. An index here is an index in the map `ports`, and stays a
 * NIC's own while it comes and goes.
 *
 *   attach -> TAP, ports entry, programs      detach -> programs, ports entry, TAP
 */
#ifndef LOADER_ATTACH_NICS_H
#define LOADER_ATTACH_NICS_H

#include "config/config.h"
#include "instance/instance.h"
#include "maps/maps.h"
#include "net/netdev.h"
#include "programs.h"
#include "tap.h"

struct nic {
	bool used;
	bool present; /* false: attached, but the interface is gone for now */
	struct interface_config config;
	struct netdev dev;
	struct tap tap;
	int tap_link;	       /* tcx link of the program on the TAP, or -1 */
	bool clsact;	       /* its tc programs are filters */
	unsigned mode;	       /* enum port_mode it came to */
	uint32_t queues;       /* that are served, QUEUES_MAX at most */
	uint32_t last_ifindex; /* before it went */
	uint32_t queues_seen;  /* when it was attached, or could not be for that many */
	int namesake;	       /* ifindex of another interface that has taken its name, once that is told */
};

/* What the supervisor before has left of a NIC. */
struct nic_left {
	char name[IF_NAMESIZE];
	struct tap tap; /* its descriptors and ifindex alone are known */
	int tap_link;	/* or -1 */
	bool over;	/* a NIC goes on with it, or none can */
	bool resumed;	/* one does */
};

struct nics_left {
	struct nic_left nic[PORTS_MAX];
	unsigned count;
};

struct nics {
	const char *bpf_dir;
	const char *run_dir;
	struct maps *maps;
	struct programs *programs;
	struct nics_left *left;
	struct nic nic[PORTS_MAX];
};

/*
 * Clears what an earlier run left in `ports`; names and so indices of NICs that are pinned stay, and all of the NICs in
 * `left`, which go on; NULL: none is.
 */
void nics_init(struct nics *nics, const struct instance *instance, struct maps *maps, struct programs *programs,
	       struct nics_left *left);

/* Whether any is attached, or expected. */
bool nics_any(const struct nics *nics);

/* Its index in ports. */
unsigned nics_index(const struct nics *nics, const struct nic *nic);

/* Its entry there. */
struct port *nics_port(const struct nics *nics, const struct nic *nic);

/* By name, or NULL if it is not attached. */
struct nic *nics_find(struct nics *nics, const char *name);

/*
 * Attaches a NIC that is not, or attaches it anew with other settings; then no
 * worker may hold its TAP. On an error nothing has changed. 0 or -errno.
 */
int nic_attach(struct nics *nics, const struct interface_config *config, struct fault *f);

/* Where the programs hang on it. */
struct hook_place nic_place(const struct nics *nics, const struct nic *nic);

/* A line in the log: how it came out. */
void nic_log_attached(const struct nic *nic);

/* Holds the place of a NIC that is not there now, as one that is gone for now: it is attached by these settings when it
 * appears. One that is expected already gets other settings. 0, or -ENOSPC: all places are taken. */
int nic_expect(struct nics *nics, const struct interface_config *config, struct fault *f);

/* Takes the programs off: the gate is open, also for the backstop. */
void nic_detach(struct nics *nics, struct nic *nic);

/* How many of its queues are to be served, QUEUES_MAX at most. */
uint32_t nic_queues(const struct interface_config *config, const struct netdev *dev);

/* Bytes of packet memory that the interface will take. */
size_t nic_packet_memory(const struct interface_config *config, const struct netdev *dev);

/* Bytes that will be taken besides for what the host sends, bit by bit, as long frames come: the most of it. */
size_t nic_host_memory(const struct interface_config *config, const struct netdev *dev);

/* The same for datagrams in fragments, of which each lane that has queues of the interface keeps some. */
size_t nic_fragment_memory(const struct interface_config *config, const struct netdev *dev, uint32_t lanes);

/* What would keep the interface from being attached: -errno and why, or 0. */
int nic_check(const struct interface_config *config, const struct netdev *dev, struct fault *f);

/* The interface is gone, or in another namespace, where its gate stays closed; its TAP goes. */
void nic_gone(struct nics *nics, struct nic *nic);

/* Whether the interface has grown to an MTU that it has to be attached anew for. */
bool nic_has_outgrown(const struct nics *nics, const struct nic *nic, const struct netdev *dev);

/* Whether it has another number of queues now, and all of them are to be served; true once for each change. */
bool nic_is_requeued(struct nic *nic);

/* The interface has another address or MTU. */
void nic_changed(struct nics *nics, struct nic *nic, const struct netdev *dev);

/* Adds what was dropped at their TAPs since the last time to the counters (tap_drops.h). */
void nics_count_drops(struct nics *nics);

/* Gives up what was left and nobody has attached. */
void nics_left_close(struct nics_left *left);

/* Closes the TAPs and leaves the programs: what they protect is dropped from now on. */
void nics_close(struct nics *nics);

#endif
