/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pinned maps of an instance, opened and mapped. A hash map is used by system calls on its descriptor. An array
 * that changes per packet is mapped into memory, so that to read and write it takes no system call.
 */
#ifndef MAPS_MAPS_H
#define MAPS_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "lib/bpffs.h"
#include "lib/clock.h"
#include "lib/fault.h"

struct maps {
	/* descriptors; -1: not open */
	int layout;
	int sad;
	int sad_out;
	int sad_sent;
	int sa_state;
	int replay;
	int replay_wide;
	int turns_map;
	int cpu_lane;
	int free_slots;
	int spd;
	int spd_empty;
	int spd_hits;
	int locals;
	int ike_sockets;
	int ike_alive;
	int ports;
	int gates;
	int gre;
	int stats;
	int stats_worker;
	int events;
	int captures;
	int event_gate;
	int fragments_in;
	int fragments_out;
	int xsks;

	uint32_t slots; /* how many SAs there may be (layout.h) */

	/* mapped: `slots`, `slots`, replay_wides(slots), one, one, one, PORTS_MAX and LANES_MAX entries */
	struct sa_state *sa;
	struct replay_bitmap *bitmaps;
	struct replay_wide *wide;
	struct turns *turns;
	struct free_slots *free;
	struct spd_empty *empty;
	struct port *port;
	struct counts *worker_counts;
};

/*
 * Opens every map that is pinned in dir (bpffs_instance_dir), and maps the arrays writable. The layout version that the
 * maker wrote has to be this program's, and so has each map's type, key size, value size and, for the number of slots
 * that he wrote, number of entries. 0, or
 * -errno with nothing left open: -ENOENT when the instance has no maps, -EPROTO when they are of another layout or not
 * all there.
 */
int maps_open(struct maps *m, const char *dir, struct fault *f);

/* Makes a struct that has no map, for maps_take(). */
void maps_none(struct maps *m);

/*
 * Takes a map by its descriptor, for a program that is given only the maps it needs. The map is checked as by
 * maps_open(), but for the layout version, and mapped where maps_open() does so. After 0 the descriptor is the
 * struct's, or closed if the map is mapped, since the mapping is enough. After -errno the descriptor stays the
 * caller's.
 */
int maps_take(struct maps *m, const char *name, int fd, struct fault *f);

/* Whether there can be maps for so many slots. */
bool maps_slots_are_good(uint32_t slots);

/* How many entries the map of that name has where there are so many slots; 0: no such map. */
uint32_t maps_entries(const char *name, uint32_t slots);

/* About how many bytes of the kernel's memory the maps take where there are so many slots, whatever is in them; not
 * what policies take. */
uint64_t maps_memory(uint32_t slots);

/* The descriptor of the map of that name, which stays the struct's. -1: not open, or no such map. */
int maps_fd(struct maps *m, const char *name);

/* From now on the mapping of the map of that name can be read alone, also by whoever asks to write it again once the
 * descriptors are closed. 0 or -errno; the mapping is gone after an error. */
int maps_only_read(struct maps *m, const char *name, struct fault *f);

/* Unmaps the map of that name, if it is mapped. */
void maps_unmap(struct maps *m, const char *name);

/* Closes the descriptors. The mappings stay, for a program that needs no others from then on. */
void maps_close_fds(struct maps *m);

/* Unmaps and closes. Safe on a struct that is zeroed or closed. */
void maps_close(struct maps *m);

/* The clock of every time in the maps, ns: that of bpf_ktime_get_boot_ns(). */
static inline uint64_t maps_now(void)
{
	return clock_now();
}

/* Of a reason (reasons.h): its name in status and metrics, its text for people, whether it drops the packet, and if so
 * what that mostly comes of. Another reason only counts it. */
const char *reason_name(enum reason reason);
const char *reason_text(enum reason reason);
const char *reason_hint(enum reason reason);
bool reason_is_drop(enum reason reason);

#endif
