/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "pinned_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libbpf_fault.h"
#include "maps/config.bpf.h"
#include "maps/map_names.h"
#include "maps/maps.h"
#include "root_dir.h"
#include "datapath.skel.h"

/* No instance can have a colon in its name. */
#define BESIDE ":making"
/* What an instance's directory has besides maps. */
#define LINKS "/links"

int pinned_maps_use(struct bpf_object *object, const char *dir, uint32_t slots, struct fault *f)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		char path[PIN_MAX];
		int err;

		if (bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
		err = bpf_map__set_max_entries(map, maps_entries(bpf_map__name(map), slots));
		if (!err)
			err = bpf_map__set_pin_path(map, path);
		if (err)
			return fault(f, -err, "%s: %s", path, strerror(-err));
	}
	return 0;
}

static int write_layout(const struct datapath *skel, uint32_t slots, struct fault *f)
{
	const struct layout layout = {.version = LAYOUT_VERSION, .slots = slots, .made_ns = maps_now()};
	const uint32_t zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(skel->maps.layout), &zero, &layout, BPF_ANY) < 0)
		return fault(f, errno, "map layout: %s", strerror(errno));
	return 0;
}

/* The maps alone: the programs are loaded once policies are in them. */
static int make_in(const char *dir, uint32_t slots, struct fault *f)
{
	struct datapath *skel = datapath__open();
	struct bpf_program *program;
	int err;

	if (!skel)
		return libbpf_fault(f, errno, "opening the BPF object");
	bpf_object__for_each_program(program, skel->obj) bpf_program__set_autoload(program, false);
	err = pinned_maps_use(skel->obj, dir, slots, f);
	if (!err) {
		err = datapath__load(skel);
		if (err)
			err = libbpf_fault(f, -err, "making the maps");
	}
	if (!err)
		err = write_layout(skel, slots, f);
	datapath__destroy(skel);
	return err;
}

void pinned_link_end(const char *path)
{
	const int fd = bpf_obj_get(path);

	unlink(path);
	if (fd < 0)
		return;
	bpf_link_detach(fd);
	close(fd);
}

static void remove_pin(const char *path)
{
	unlink(path);
}

static void remove_files(const char *dir, void (*remove_one)(const char *path))
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[PIN_MAX + NAME_MAX];

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			remove_one(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

void pinned_maps_remove(const char *dir)
{
	static const char *const inner[] = {LINKS, BACKSTOP_PINS};

	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		char path[PIN_MAX + sizeof(BACKSTOP_PINS)];

		snprintf(path, sizeof(path), "%s%s", dir, inner[i]);
		remove_files(path, pinned_link_end);
	}
	remove_files(dir, remove_pin);
}

/* The directory of all instances stays, whatever comes: another one may be making its own in it. */
static int make_parent(const char *dir, struct fault *f)
{
	char path[PIN_MAX];

	snprintf(path, sizeof(path), "%s", dir);
	*strrchr(path, '/') = '\0';
	return root_dir_make(path, f);
}

static int make_links(const char *dir, struct fault *f)
{
	char path[PIN_MAX + sizeof(BACKSTOP_PINS)];
	int err;

	snprintf(path, sizeof(path), "%s" LINKS, dir);
	err = root_dir_make(path, f);
	snprintf(path, sizeof(path), "%s" BACKSTOP_PINS, dir);
	return err ? err : root_dir_make(path, f);
}

static int make_maps_beside(const char *dir, uint32_t slots, char *beside, struct fault *f)
{
	int err;

	snprintf(beside, PIN_MAX, "%s" BESIDE, dir);
	pinned_maps_remove(beside);
	err = make_parent(dir, f);
	if (!err)
		err = root_dir_make(beside, f);
	if (!err)
		err = make_in(beside, slots, f);
	if (err)
		pinned_maps_remove(beside);
	return err;
}

int pinned_maps_make_beside(const char *dir, uint32_t slots, char *beside, struct fault *f)
{
	int err = make_maps_beside(dir, slots, beside, f);

	return err ? err : make_links(dir, f);
}

/* Moved into place complete, so that nobody ever opens half of them. */
int pinned_maps_make(const char *dir, uint32_t slots, struct fault *f)
{
	char beside[PIN_MAX];
	int err = make_maps_beside(dir, slots, beside, f);

	if (err)
		return err;
	err = make_links(beside, f);
	if (!err && rename(beside, dir) < 0)
		err = fault(f, errno, "%s: %s: an incomplete instance: 'xdp-ipsec detach' its NICs first", dir,
			    strerror(errno));
	if (err)
		pinned_maps_remove(beside);
	return err;
}

/* The one that tells the layout is the last: without it there is no instance to whoever looks. */
static int renew_one(const char *dir, struct maps *maps, const char *name, struct fault *f)
{
	char path[PIN_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return 0;
	return bpf_obj_pin(maps_fd(maps, name), path) < 0 ? fault(f, errno, "%s: %s", path, strerror(errno)) : 1;
}

static int make_dirs(const char *dir, struct fault *f)
{
	int err = make_parent(dir, f);

	if (!err)
		err = root_dir_make(dir, f);
	return err ? err : make_links(dir, f);
}

int pinned_maps_renew(const char *dir, struct maps *maps, struct fault *f)
{
	char links[PIN_MAX + sizeof(LINKS)];
	int count = 0, one = 0;

	snprintf(links, sizeof(links), "%s" LINKS, dir);
	if (access(links, F_OK) < 0 && errno == ENOENT)
		one = make_dirs(dir, f);
	for (unsigned i = 1; one >= 0 && maps_name(i); i++) {
		one = renew_one(dir, maps, maps_name(i), f);
		count += one > 0;
	}
	if (one >= 0)
		one = renew_one(dir, maps, maps_name(0), f);
	return one < 0 ? one : count + one;
}

static int move_one(const char *dir, const char *beside, const char *name, struct fault *f)
{
	char from[PIN_MAX + NAME_MAX], to[PIN_MAX + NAME_MAX];

	snprintf(from, sizeof(from), "%s/%s", beside, name);
	snprintf(to, sizeof(to), "%s/%s", dir, name);
	return rename(from, to) < 0 ? fault(f, errno, "%s: %s", to, strerror(errno)) : 0;
}

int pinned_maps_take_place(const char *dir, const char *beside, struct fault *f)
{
	DIR *d = opendir(beside);
	struct dirent *e;
	int err = d ? 0 : fault(f, errno, "%s: %s", beside, strerror(errno));

	while (!err && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && strcmp(e->d_name, "layout"))
			err = move_one(dir, beside, e->d_name, f);
	if (d)
		closedir(d);
	if (!err)
		err = move_one(dir, beside, "layout", f);
	if (!err)
		rmdir(beside);
	return err;
}
