/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One row a map: what it must look like, and where its fd and its mapping go in struct maps. */
static const struct expectation {
	const char *name;
	uint32_t type;
	uint32_t key;
	uint32_t value;
	uint32_t entries;
	size_t fd_at;
	size_t mapping_at; /* 0: not mapped */
} expected[] = {
#define FD(member) offsetof(struct maps, member)
	{"layout", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct layout), 1, FD(layout), 0},
	{"sad", BPF_MAP_TYPE_HASH, sizeof(struct sad_key), sizeof(struct sad_value), SLOTS_MAX, FD(sad), 0},
	{"sad_out", BPF_MAP_TYPE_HASH, sizeof(struct sad_out_key), sizeof(struct sad_out_value), SLOTS_MAX, FD(sad_out),
	 0},
	{"sad_sent", BPF_MAP_TYPE_HASH, sizeof(struct sad_key), sizeof(struct sad_out_value), SLOTS_MAX, FD(sad_sent),
	 0},
	{"sa_state", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sa_state), SLOTS_MAX, FD(sa_state), FD(sa)},
	{"replay", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct replay_bitmap), SLOTS_MAX, FD(replay), FD(bitmaps)},
	{"turns", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct turns), 1, FD(turns_map), FD(turns)},
	{"spd", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct spd_key), sizeof(struct spd_entry), SPD_PREFIXES_MAX, FD(spd), 0},
	{"locals", BPF_MAP_TYPE_HASH, sizeof(struct locals_key), 4, SLOTS_MAX, FD(locals), 0},
	{"ike_sockets", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct ike_cookies), 1, FD(ike_sockets), 0},
	{"ike_alive", BPF_MAP_TYPE_XSKMAP, 4, 4, 1, FD(ike_alive), 0},
	{"ports", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct port), PORTS_MAX, FD(ports), FD(port)},
	{"gates", BPF_MAP_TYPE_HASH, 4, sizeof(struct gate), GATES_MAX, FD(gates), 0},
	{"gre", BPF_MAP_TYPE_HASH, 4, sizeof(struct gre_port), PORTS_MAX, FD(gre), 0},
	{"stats", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct counts), 1, FD(stats), 0},
	{"stats_worker", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct counts), LANES_MAX, FD(stats_worker), FD(worker_counts)},
	{"events", BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 18, FD(events), 0},
	{"captures", BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 1, FD(captures), 0},
	{"event_gate", BPF_MAP_TYPE_LRU_HASH, sizeof(struct event_gate_key), 8, 4096, FD(event_gate), 0},
	{"fragments_in", BPF_MAP_TYPE_LRU_HASH, sizeof(struct fragment_key), sizeof(struct fragment_value),
	 FRAGMENTS_KNOWN_MAX, FD(fragments_in), 0},
	{"fragments_out", BPF_MAP_TYPE_LRU_HASH, sizeof(struct fragment_key), sizeof(struct fragment_value),
	 FRAGMENTS_KNOWN_MAX, FD(fragments_out), 0},
	{"xsks", BPF_MAP_TYPE_XSKMAP, 4, 4, PORTS_MAX *QUEUES_MAX, FD(xsks), 0},
#undef FD
};
#define EXPECTED (sizeof(expected) / sizeof(expected[0]))

static int *fd_of(struct maps *m, const struct expectation *e)
{
	return (int *)((char *)m + e->fd_at);
}

static void **mapping_of(struct maps *m, const struct expectation *e)
{
	return (void **)((char *)m + e->mapping_at);
}

static size_t mapping_size(const struct expectation *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = (size_t)e->value * e->entries;

	return (n + page - 1) / page * page;
}

static int check_one(const struct expectation *e, int fd, const char *where, struct fault *f)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return fault(f, errno, "%s: not a map: %s", where, strerror(errno));
	if (info.type != e->type || info.key_size != e->key || info.value_size != e->value ||
	    info.max_entries != e->entries)
		return fault(f, EPROTO,
			     "%s: made by another version (type %u, key %u, value %u, entries %u): "
			     "'xdp-ipsec run' replaces it",
			     where, info.type, info.key_size, info.value_size, info.max_entries);
	return 0;
}

static int map_one(struct maps *m, const struct expectation *e, int fd, const char *where, struct fault *f)
{
	void *mapping;

	if (!e->mapping_at)
		return 0;
	mapping = mmap(NULL, mapping_size(e), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
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
	err = check_one(e, fd, path, f);
	return err ? err : map_one(m, e, fd, path, f);
}

static int check_version(const struct maps *m, const char *dir, struct fault *f)
{
	struct layout layout = {0};
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(m->layout, &zero, &layout) < 0)
		return fault(f, errno, "%s/layout: %s", dir, strerror(errno));
	if (layout.version != LAYOUT_VERSION || layout.slots != SLOTS_MAX)
		return fault(f, EPROTO,
			     "%s: layout %u with %u slots, this program has %u with %u: "
			     "'xdp-ipsec run' replaces it",
			     dir, layout.version, layout.slots, LAYOUT_VERSION, SLOTS_MAX);
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

int maps_fd(struct maps *m, const char *name)
{
	const struct expectation *e = find(name);

	return e ? *fd_of(m, e) : -1;
}

int maps_take(struct maps *m, const char *name, int fd, struct fault *f)
{
	const struct expectation *e = find(name);
	char where[32];
	int err;

	snprintf(where, sizeof(where), "map %.20s", name);
	if (!e)
		return fault(f, ENOENT, "%s: there is none of that name", where);
	err = check_one(e, fd, where, f);
	if (!err)
		err = map_one(m, e, fd, where, f);
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
	for (size_t i = 0; i < EXPECTED && !err; i++)
		err = open_one(m, &expected[i], dir, f);
	if (!err)
		err = check_version(m, dir, f);
	if (err)
		maps_close(m);
	return err;
}

static bool map_info(int fd, struct bpf_map_info *info)
{
	uint32_t len = sizeof(*info);

	*info = (struct bpf_map_info){0};
	return bpf_obj_get_info_by_fd(fd, info, &len) == 0;
}

int maps_open_alike(const char *path, int fd)
{
	struct bpf_map_info ours, theirs;
	const int found = bpf_obj_get(path);

	if (found < 0)
		return -errno;
	if (map_info(fd, &ours) && map_info(found, &theirs) && ours.type == theirs.type &&
	    ours.key_size == theirs.key_size && ours.value_size == theirs.value_size)
		return found;
	close(found);
	return -EPROTO;
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
	for (size_t i = 0; i < EXPECTED; i++) {
		const struct expectation *e = &expected[i];

		if (e->mapping_at && *mapping_of(m, e)) {
			munmap(*mapping_of(m, e), mapping_size(e));
			*mapping_of(m, e) = NULL;
		}
	}
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
