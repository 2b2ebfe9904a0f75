/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pinned maps of an instance, opened and mapped.
 *
 * Hash maps are used by system call (fd); arrays that change per packet are
 * mapped, so that reading and writing them costs none.
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
	int layout;
	int sad;
	int sad_out;
	int sad_sent;
	int sa_state;
	int replay;
	int turns_map;
	int spd;
	int locals;
	int ike_sockets;
	int ports;
	int gates;
	int gre;
	int stats;
	int stats_worker;
	int events;
	int event_gate;
	int fragments_in;
	int fragments_out;
	int xsks;

	/* mapped: SLOTS_MAX, SLOTS_MAX, one, PORTS_MAX entries and one */
	struct sa_state *sa;
	struct replay_bitmap *bitmaps;
	struct turns *turns;
	struct port *port;
	struct counts *worker_counts;
};

/*
 * Opens every map pinned in dir (bpffs_instance_dir) and maps the arrays,
 * writable. Each map's type, key and value size and entries are checked, and
 * the layout version the maker wrote. 0, or -errno with nothing left open:
 * -ENOENT when the instance has no maps, -EPROTO when they are another layout's or not all there.
 */
int maps_open(struct maps *m, const char *dir, struct fault *f);

/*
 * For a program that is given maps by descriptor, and only those that it needs: of a struct without any (maps_none)
 * each takes its place by its name, checked as above, and mapped if it is an array that is. Its descriptor is the
 * struct's then; that of a mapped one is closed, since the mapping is enough. 0 or -errno; the fd stays the caller's
 * then.
 */
void maps_none(struct maps *m);
int maps_take(struct maps *m, const char *name, int fd, struct fault *f);

/* The descriptor of the map of that name, or -1. */
int maps_fd(struct maps *m, const char *name);

/* What is mapped is enough from here on: the descriptors are closed. */
void maps_close_fds(struct maps *m);

/* Opens the map at a path if its key, value and type are the same as those of the map fd. Its fd, or -errno. */
int maps_open_alike(const char *path, int fd);

/* Unmaps and closes. Safe on a zeroed or a closed struct. */
void maps_close(struct maps *m);

/* The clock of every time in the maps, which is that of bpf_ktime_get_boot_ns(). */
static inline uint64_t maps_now(void)
{
	return clock_now();
}

/* Name in status and metrics, text for people, and whether the packet was dropped (else only counted). */
const char *reason_name(enum reason reason);
const char *reason_text(enum reason reason);
bool reason_is_drop(enum reason reason);

#endif
