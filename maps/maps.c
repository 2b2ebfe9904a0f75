/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "map_names.h"

static uint32_t one_each(uint32_t slots)
{
	return slots;
}

/* One row a map: what it must look like, and where its fd and its mapping go in struct maps. */
static const struct expectation {
	const char *name;
	uint32_t type;
	uint32_t key;
	uint32_t value;
	uint32_t entries;		/* the same always; 0: */
	uint32_t (*by)(uint32_t slots); /* by the number of slots */
	size_t fd_at;
	size_t mapping_at; /* 0: not mapped */
} expected[] = {
#define FD(member) offsetof(struct maps, member)
#define FIXED(n)   n, NULL
#define BY(count)  0, count
	{"layout", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct layout), FIXED(1), FD(layout), 0},
	{"sad", BPF_MAP_TYPE_HASH, sizeof(struct sad_key), sizeof(struct sad_value), BY(one_each), FD(sad), 0},
	{"sad_out", BPF_MAP_TYPE_HASH, sizeof(struct sad_out_key), sizeof(struct sad_out_value), BY(one_each),
	 FD(sad_out), 0},
	{"sad_sent", BPF_MAP_TYPE_HASH, sizeof(struct sad_key), sizeof(struct sad_out_value), BY(one_each),
	 FD(sad_sent), 0},
	{"sa_state", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sa_state), BY(one_each), FD(sa_state), FD(sa)},
	{"replay", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct replay_bitmap), BY(one_each), FD(replay), FD(bitmaps)},
	{"replay_wide", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct replay_wide), BY(replay_wides), FD(replay_wide), FD(wide)},
	{"turns", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct turns), FIXED(1), FD(turns_map), FD(turns)},
	{"cpu_lane", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct cpu_lane), FIXED(1), FD(cpu_lane), 0},
	{"free_slots", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct free_slots), FIXED(1), FD(free_slots), FD(free)},
	{"spd", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct spd_key), sizeof(struct spd_entry), BY(spd_prefixes), FD(spd), 0},
	{"spd_empty", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct spd_empty), FIXED(1), FD(spd_empty), FD(empty)},
	{"spd_hits", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct policy_hits), BY(spd_counters), FD(spd_hits), 0},
	{"locals", BPF_MAP_TYPE_HASH, sizeof(struct locals_key), 4, FIXED(LOCALS_MAX), FD(locals), 0},
	{"ike_sockets", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct ike_cookies), FIXED(1), FD(ike_sockets), 0},
	{"ike_alive", BPF_MAP_TYPE_XSKMAP, 4, 4, FIXED(1), FD(ike_alive), 0},
	{"ports", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct port), FIXED(PORTS_MAX), FD(ports), FD(port)},
	{"gates", BPF_MAP_TYPE_HASH, 4, sizeof(struct gate), FIXED(GATES_MAX), FD(gates), 0},
	{"gre", BPF_MAP_TYPE_HASH, 4, sizeof(struct gre_port), FIXED(PORTS_MAX), FD(gre), 0},
	{"stats", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct counts), FIXED(1), FD(stats), 0},
	{"stats_worker", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct counts), FIXED(LANES_MAX), FD(stats_worker),
	 FD(worker_counts)},
	{"events", BPF_MAP_TYPE_RINGBUF, 0, 0, FIXED(1 << 18), FD(events), 0},
	{"captures", BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, FIXED(1), FD(captures), 0},
	{"event_gate", BPF_MAP_TYPE_LRU_HASH, sizeof(struct event_gate_key), 8, FIXED(4096), FD(event_gate), 0},
	{"fragments_in", BPF_MAP_TYPE_LRU_HASH, sizeof(struct fragment_key), sizeof(struct fragment_value),
	 FIXED(FRAGMENTS_KNOWN_MAX), FD(fragments_in), 0},
	{"fragments_out", BPF_MAP_TYPE_LRU_HASH, sizeof(struct fragment_key), sizeof(struct fragment_value),
	 FIXED(FRAGMENTS_KNOWN_MAX), FD(fragments_out), 0},
	{"xsks", BPF_MAP_TYPE_XSKMAP, 4, 4, FIXED(PORTS_MAX *QUEUES_MAX), FD(xsks), 0},
#undef BY
#undef FIXED
#undef FD
};
#define READ_AND_WRITE (PROT_READ | PROT_WRITE)
#define EXPECTED       (sizeof(expected) / sizeof(expected[0]))

static int *fd_of(struct maps *m, const struct expectation *e)
{
	return (int *)((char *)m + e->fd_at);
}

static void **mapping_of(struct maps *m, const struct expectation *e)
{
	return (void **)((char *)m + e->mapping_at);
}

static uint32_t entries_of(const struct expectation *e, uint32_t slots)
{
	return e->by ? e->by(slots) : e->entries;
}

static size_t mapping_size(const struct maps *m, const struct expectation *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = (size_t)e->value * entries_of(e, m->slots);

	return (n + page - 1) / page * page;
}

bool maps_slots_are_good(uint32_t slots)
{
	return slots >= SLOTS_MIN && slots <= SLOTS_MAX && slots % SLOTS_STEP == 0;
}

/* How many slots there are, of which who is given maps one by one learns from the first that has an entry for each. */
static uint32_t slots_by(const struct maps *m, const struct expectation *e, uint32_t entries)
{
	return !m->slots && e->by == one_each && maps_slots_are_good(entries) ? entries : m->slots;
}

static int check_one(struct maps *m, const struct expectation *e, int fd, const char *where, struct fault *f)
{
	struct bpf_map_info info = {0};
	uint32_t slots, len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return fault(f, errno, "%s: not a map: %s", where, strerror(errno));
	slots = slots_by(m, e, info.max_entries);
	if (info.type != e->type || info.key_size != e->key || info.value_size != e->value ||
	    info.max_entries != entries_of(e, slots))
		return fault(f, EPROTO,
			     "%s: made by another version (type %u, key %u, value %u, entries %u): "
			     "'xdp-ipsec run' replaces it",
			     where, info.type, info.key_size, info.value_size, info.max_entries);
	m->slots = slots;
	return 0;
}

static int map_one(struct maps *m, const struct expectation *e, int fd, int prot, const char *where, struct fault *f)
{
	void *mapping;

	if (!e->mapping_at)
		return 0;
	mapping = mmap(NULL, mapping_size(m, e), prot, MAP_SHARED, fd, 0);
	if (mapping == MAP_FAILED)
		return fault(f, errno, "%s: mmap: %s", where, strerror(errno));
	*mapping_of(m, e) = mapping;
	return 0;
}

static int open_one(struct maps *m, const struct expectation *e, const char *dir, struct fault *f)
{
	char path[BPFFS_PATH_MAX + 32];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", dir, e->name);
	fd = bpf_obj_get(path);
	/* The first of them is there with every version; one of the others may be newer than what made them. */
	if (fd < 0 && errno == ENOENT && e != expected)
		return fault(f, EPROTO, "%s: is not there: made by another version", path);
	if (fd < 0)
		return fault(f, errno, "%s: %s: is 'xdp-ipsec run' up for this instance?", path, strerror(errno));
	*fd_of(m, e) = fd;
	err = check_one(m, e, fd, path, f);
	return err ? err : map_one(m, e, fd, READ_AND_WRITE, path, f);
}

static int check_layout(struct maps *m, const char *dir, struct fault *f)
{
	struct layout layout = {0};
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(m->layout, &zero, &layout) < 0)
		return fault(f, errno, "%s/layout: %s", dir, strerror(errno));
	if (layout.version != LAYOUT_VERSION || !maps_slots_are_good(layout.slots))
		return fault(f, EPROTO,
			     "%s: layout %u with %u slots, this program has %u: "
			     "'xdp-ipsec run' replaces it",
			     dir, layout.version, layout.slots, LAYOUT_VERSION);
	m->slots = layout.slots;
	return 0;
}

void maps_none(struct maps *m)
{
	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < EXPECTED; i++)
		*fd_of(m, &expected[i]) = -1;
}

static const struct expectation *find(const char *name)
{
	for (size_t i = 0; i < EXPECTED; i++)
		if (strcmp(expected[i].name, name) == 0)
			return &expected[i];
	return NULL;
}

const char *maps_name(unsigned number)
{
	return number < EXPECTED ? expected[number].name : NULL;
}

int maps_fd(struct maps *m, const char *name)
{
	const struct expectation *e = find(name);

	return e ? *fd_of(m, e) : -1;
}

uint32_t maps_entries(const char *name, uint32_t slots)
{
	const struct expectation *e = find(name);

	return e ? entries_of(e, slots) : 0;
}

/* Of a hash, its entry and its bucket besides key and value. */
#define HASH_ENTRY_MORE 64

static uint64_t memory_of(const struct expectation *e, uint64_t entries, uint64_t cpus)
{
	switch (e->type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
		return entries * (e->key + e->value + HASH_ENTRY_MORE);
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return entries * (e->value * cpus + sizeof(void *));
	case BPF_MAP_TYPE_ARRAY:
		return entries * e->value;
	case BPF_MAP_TYPE_RINGBUF:
		return entries;
	}
	return 0;
}

uint64_t maps_memory(uint32_t slots)
{
	const int cpus = libbpf_num_possible_cpus();
	uint64_t sum = 0;

	for (size_t i = 0; i < EXPECTED; i++)
		sum += memory_of(&expected[i], entries_of(&expected[i], slots), cpus > 0 ? (uint64_t)cpus : 1);
	return sum;
}

static void unmap(struct maps *m, const struct expectation *e)
{
	if (e->mapping_at && *mapping_of(m, e)) {
		munmap(*mapping_of(m, e), mapping_size(m, e));
		*mapping_of(m, e) = NULL;
	}
}

void maps_unmap(struct maps *m, const char *name)
{
	const struct expectation *e = find(name);

	if (e)
		unmap(m, e);
}

int maps_only_read(struct maps *m, const char *name, struct fault *f)
{
	const struct expectation *e = find(name);
	char where[32];

	snprintf(where, sizeof(where), "map %.20s", name);
	if (!e || !e->mapping_at || *fd_of(m, e) < 0)
		return fault(f, ENOENT, "%s: is not mapped", where);
	unmap(m, e);
	return map_one(m, e, *fd_of(m, e), PROT_READ, where, f);
}

int maps_take(struct maps *m, const char *name, int fd, struct fault *f)
{
	const struct expectation *e = find(name);
	char where[32];
	int err;

	snprintf(where, sizeof(where), "map %.20s", name);
	if (!e)
		return fault(f, ENOENT, "%s: there is none of that name", where);
	err = check_one(m, e, fd, where, f);
	if (!err)
		err = map_one(m, e, fd, READ_AND_WRITE, where, f);
	if (err)
		return err;
	if (e->mapping_at)
		close(fd);
	else
		*fd_of(m, e) = fd;
	return 0;
}

int maps_open(struct maps *m, const char *dir, struct fault *f)
{
	int err = 0;

	maps_none(m);
	for (size_t i = 0; i < EXPECTED && !err; i++) {
		err = open_one(m, &expected[i], dir, f);
		/* The first says how large the others are. */
		if (!err && i == 0)
			err = check_layout(m, dir, f);
	}
	if (err)
		maps_close(m);
	return err;
}

void maps_close_fds(struct maps *m)
{
	for (size_t i = 0; i < EXPECTED; i++) {
		if (*fd_of(m, &expected[i]) > 0)
			close(*fd_of(m, &expected[i]));
		*fd_of(m, &expected[i]) = -1;
	}
}

void maps_close(struct maps *m)
{
	for (size_t i = 0; i < EXPECTED; i++)
		unmap(m, &expected[i]);
	maps_close_fds(m);
}

enum reason_kind { PASS, DROP };

static const struct {
	const char *name;
	enum reason_kind kind;
	const char *text;
	const char *hint;
} reasons[REASON_COUNT] = {
#define REASON_ROW(NAME, name, kind, text, hint) {#name, kind, text, hint},
	FOR_EACH_REASON(REASON_ROW)
#undef REASON_ROW
};

const char *reason_name(enum reason reason)
{
	return reasons[reason].name;
}

const char *reason_text(enum reason reason)
{
	return reasons[reason].text;
}

const char *reason_hint(enum reason reason)
{
	return reasons[reason].hint;
}

bool reason_is_drop(enum reason reason)
{
	return reasons[reason].kind == DROP;
}
