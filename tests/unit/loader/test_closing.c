/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of an earlier run goes on, and what is taken away at the end. The kernel is played: a map is a file, pinned or
 * not, and says how long an entry is and how many there are.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/connection_policies.h"
#include "daemon/closing.h"
#include "instance/pinned_maps.h"
#include "policy/spd_store.h"

/* Of the pinned maps, and of those that are open. */
static struct instance instance = {.name = "office"};
static struct maps maps;
static struct config config;
static struct nics nics;

static int unopened; /* pins are not opened, with this error */
static int untold;   /* no map says what it is or has, with this error */
static bool made;    /* maps beside those that are pinned */
static unsigned carried;

/* ---- the kernel ---- */

struct played_map {
	uint32_t entry;
	uint32_t entries;
};

static int played_error(int error)
{
	errno = error;
	return -error;
}

int bpf_obj_get(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!unopened)
		return fd;
	close(fd);
	return played_error(unopened);
}

static struct played_map played(int fd)
{
	struct played_map map;

	return pread(fd, &map, sizeof(map), 0) == sizeof(map) ? map : (struct played_map){0};
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	struct bpf_map_info *out = info;

	(void)size;
	if (untold)
		return played_error(untold);
	*out = (struct bpf_map_info){
		.type = BPF_MAP_TYPE_LPM_TRIE,
		.key_size = sizeof(struct spd_key),
		.value_size = played(fd).entry,
	};
	return 0;
}

int bpf_map_get_next_key(int fd, const void *key, void *next)
{
	(void)key;
	if (untold)
		return played_error(untold);
	if (fcntl(fd, F_GETFD) < 0)
		return played_error(EBADF);
	if (!played(fd).entries)
		return played_error(ENOENT);
	*(struct spd_key *)next = (struct spd_key){.prefixlen = 32};
	return 0;
}

int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	struct spd_entry entry = {.count = 1, .rules = {{.action = SPD_PROTECT, .origin = 32}}};
	const struct played_map map = played(fd);

	(void)in;
	(void)out;
	(void)opts;
	for (*count = 0; *count < map.entries; ++*count) {
		((struct spd_key *)keys)[*count] =
			(struct spd_key){.prefixlen = 32, .remote = {10, 0, 0, (uint8_t)*count}};
		memcpy((char *)values + *count * map.entry, &entry, map.entry);
	}
	return played_error(ENOENT);
}

/* ---- what closing_run() does with it ---- */

int __wrap_maps_open(struct maps *m, const char *dir, struct fault *f);
int __wrap_pinned_maps_make_beside(const char *dir, uint32_t slots, char *beside, struct fault *f);
int __wrap_spd_write(const struct maps *m, struct spd *spd, struct fault *f);
void __wrap_nics_init(struct nics *n, const struct instance *in, struct maps *m, struct programs *programs,
		      struct nics_left *left);
int __wrap_connection_policies_check(const struct maps *m, const struct config *c, struct fault *f);

int __wrap_maps_open(struct maps *m, const char *dir, struct fault *f)
{
	(void)m;
	if (strcmp(dir, instance.bpf_dir) == 0)
		return fault(f, EPROTO, "made by another version");
	return 0;
}

int __wrap_pinned_maps_make_beside(const char *dir, uint32_t slots, char *beside, struct fault *f)
{
	(void)slots;
	(void)f;
	made = true;
	snprintf(beside, PIN_MAX, "%s:making", dir);
	return 0;
}

int __wrap_spd_write(const struct maps *m, struct spd *spd, struct fault *f)
{
	(void)m;
	(void)f;
	carried = (unsigned)spd->count;
	return 0;
}

void __wrap_nics_init(struct nics *n, const struct instance *in, struct maps *m, struct programs *programs,
		      struct nics_left *left)
{
	(void)n;
	(void)in;
	(void)m;
	(void)programs;
	(void)left;
}

/* Comes right after the maps, and here is the end of it. */
int __wrap_connection_policies_check(const struct maps *m, const struct config *c, struct fault *f)
{
	(void)m;
	(void)c;
	return fault(f, ECANCELED, "that far");
}

/* ---- maps ---- */

#define ENTRY	      sizeof(struct spd_entry)
#define UNKNOWN_ENTRY 1028

static void pin(const char *name, uint32_t entry, uint32_t entries)
{
	const struct played_map map = {entry, entries};
	char path[BPFFS_PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", instance.bpf_dir, name);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_int_equal(write(fd, &map, sizeof(map)), sizeof(map));
	close(fd);
}

static void open_spd(uint32_t entries)
{
	const struct played_map map = {ENTRY, entries};

	maps.spd = memfd_create("spd", MFD_CLOEXEC);
	assert_int_equal(write(maps.spd, &map, sizeof(map)), sizeof(map));
}

static bool is_there(void)
{
	return access(instance.bpf_dir, F_OK) == 0;
}

static struct closing closing(void)
{
	return (struct closing){
		.instance = &instance,
		.config = &config,
		.config_path = "xdp-ipsec.conf",
		.maps = &maps,
		.nics = &nics,
	};
}

static int setup(void **unused)
{
	(void)unused;
	strcpy(instance.bpf_dir, "/tmp/closing-XXXXXX");
	unopened = untold = 0;
	made = false;
	carried = 0;
	maps_none(&maps);
	return mkdtemp(instance.bpf_dir) ? 0 : -1;
}

static int teardown(void **unused)
{
	char command[BPFFS_PATH_MAX + 32];

	(void)unused;
	if (maps.spd >= 0)
		close(maps.spd);
	snprintf(command, sizeof(command), "rm -rf '%s'", instance.bpf_dir);
	return system(command);
}

/* ---- policies of an earlier run ---- */

/* With maps of another layout. Where it goes on, how many policies are carried over. */
static int run(struct fault *f)
{
	struct closing c = closing();
	int err = closing_run(&c, f);

	assert_false(c.closed);
	if (err != -ECANCELED)
		assert_false(made);
	return err;
}

static void test_carried(void **unused)
{
	struct fault f;

	(void)unused;
	pin("spd", ENTRY, 2);
	assert_int_equal(run(&f), -ECANCELED);
	assert_int_equal(carried, 2);
}

/* Of an earlier run there is nothing but perhaps links. */
static void test_none_to_carry(void **unused)
{
	struct fault f;

	(void)unused;
	assert_int_equal(run(&f), -ECANCELED);
	assert_int_equal(carried, 0);
}

static void test_that_cannot_be_opened(void **unused)
{
	struct fault f;

	(void)unused;
	pin("spd", ENTRY, 2);
	unopened = EMFILE;
	assert_int_equal(run(&f), -EMFILE);
	assert_non_null(strstr(f.text, strerror(EMFILE)));
	assert_non_null(strstr(f.text, instance.bpf_dir));
}

static void test_that_do_not_say_what_they_are(void **unused)
{
	struct fault f;

	(void)unused;
	pin("spd", ENTRY, 2);
	untold = ENOMEM;
	assert_int_equal(run(&f), -ENOMEM);
}

static void test_of_rules_that_are_not_known(void **unused)
{
	struct fault f;

	(void)unused;
	pin("spd", UNKNOWN_ENTRY, 2);
	assert_int_equal(run(&f), -EPROTO);
	assert_non_null(strstr(f.text, "'xdp-ipsec --instance office detach all'"));
	assert_null(strchr(f.text, '\n'));
}

/* ---- at the end ---- */

/* With the open map's entries, and those of the pinned one. */
static bool is_taken_away(uint32_t opened, uint32_t pinned)
{
	const struct closing c = closing();
	bool gone;

	open_spd(opened);
	pin("spd", ENTRY, pinned);
	gone = closing_undo_unused(&c, false);
	assert_int_equal(gone, !is_there());
	return gone;
}

static void test_unused(void **unused)
{
	(void)unused;
	assert_true(is_taken_away(0, 0));
}

/* A kernel without a backstop has nothing but them that tells the next run. */
static void test_policies_without_a_backstop(void **unused)
{
	(void)unused;
	assert_false(is_taken_away(1, 1));
}

/* A start that failed has maps beside open, into which the policies did not get. */
static void test_policies_of_the_pinned_maps_alone(void **unused)
{
	(void)unused;
	assert_false(is_taken_away(0, 1));
}

/* The backstop may be over those already. */
static void test_policies_of_the_open_maps_alone(void **unused)
{
	(void)unused;
	assert_false(is_taken_away(1, 0));
}

static void test_policies_that_nobody_can_ask_for(void **unused)
{
	(void)unused;
	open_spd(0);
	assert_false(closing_has_policies(&maps));
	untold = ENOMEM;
	assert_true(closing_has_policies(&maps));
}

static void test_pin_that_cannot_be_opened(void **unused)
{
	(void)unused;
	unopened = EMFILE;
	assert_false(is_taken_away(0, 0));
}

static void test_pinned_rules_that_are_not_known(void **unused)
{
	const struct closing c = closing();

	(void)unused;
	open_spd(0);
	pin("spd", UNKNOWN_ENTRY, 0);
	assert_false(closing_undo_unused(&c, false));
	assert_true(is_there());
}

static void test_opened_by_people(void **unused)
{
	const struct closing c = closing();

	(void)unused;
	open_spd(1);
	pin("spd", ENTRY, 1);
	assert_true(closing_undo_unused(&c, true));
	assert_false(is_there());
}

/* Somebody has removed the pins, and nothing is protected. */
static void test_without_pins(void **unused)
{
	const struct closing c = closing();

	(void)unused;
	open_spd(0);
	assert_true(closing_undo_unused(&c, false));
}

#define PLAYED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAYED(test_carried),
		PLAYED(test_none_to_carry),
		PLAYED(test_that_cannot_be_opened),
		PLAYED(test_that_do_not_say_what_they_are),
		PLAYED(test_of_rules_that_are_not_known),
		PLAYED(test_unused),
		PLAYED(test_policies_without_a_backstop),
		PLAYED(test_policies_of_the_pinned_maps_alone),
		PLAYED(test_policies_of_the_open_maps_alone),
		PLAYED(test_policies_that_nobody_can_ask_for),
		PLAYED(test_pin_that_cannot_be_opened),
		PLAYED(test_pinned_rules_that_are_not_known),
		PLAYED(test_opened_by_people),
		PLAYED(test_without_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
