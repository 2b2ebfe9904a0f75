/* SPDX-License-Identifier: BSD-2-Clause */
/* maps/maps.h: maps that are handed over by descriptor, each checked, and no other. As root: they are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "maps/maps.h"
#include "unit/needs_root.h"

static struct maps maps;

static int setup(void **state)
{
	(void)state;
	maps_none(&maps);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	maps_close(&maps);
	return 0;
}

static int make(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
	const int fd = bpf_map_create(type, "test", key, value, entries, &options);

	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void hash_is_used_by_its_descriptor(void **state)
{
	const int fd = make(BPF_MAP_TYPE_HASH, sizeof(struct sad_key), sizeof(struct sad_value), SLOTS_DEFAULT,
			    BPF_F_NO_PREALLOC);

	(void)state;
	assert_int_equal(maps_take(&maps, "sad", fd, NULL), 0);
	assert_int_equal(maps.sad, fd);
	assert_int_equal(maps_fd(&maps, "sad"), fd);
	assert_int_equal(maps_fd(&maps, "spd"), -1);
	maps_close_fds(&maps);
	assert_int_equal(maps.sad, -1);
	assert_false(is_open(fd));
}

/* What is mapped needs no descriptor. */
static void array_is_mapped(void **state)
{
	const int fd = make(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct turns), 1, BPF_F_MMAPABLE), again = dup(fd);
	const uint32_t only = 0;
	struct turns there;

	(void)state;
	assert_int_equal(maps_take(&maps, "turns", fd, NULL), 0);
	assert_int_equal(maps.turns_map, -1);
	assert_false(is_open(fd));
	maps.turns->now = 42;
	assert_int_equal(bpf_map_lookup_elem(again, &only, &there), 0);
	assert_int_equal(there.now, 42);
	close(again);
}

static void assert_refused(const char *name, int fd, int why)
{
	assert_int_equal(maps_take(&maps, name, fd, NULL), why);
	assert_true(is_open(fd));
	close(fd);
}

/* The first says how many SAs there may be, whatever that is; the others have to be for as many. */
static void all_are_for_the_same_number(void **state)
{
	static const uint32_t key = sizeof(struct sad_key), value = sizeof(struct sad_value);

	(void)state;
	assert_int_equal(
		maps_take(&maps, "sad", make(BPF_MAP_TYPE_HASH, key, value, SLOTS_MAX, BPF_F_NO_PREALLOC), NULL), 0);
	assert_int_equal(maps.slots, SLOTS_MAX);
	assert_refused("sa_state", make(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sa_state), SLOTS_DEFAULT, BPF_F_MMAPABLE),
		       -EPROTO);
	assert_null(maps.sa);
}

static void others_are_refused(void **state)
{
	static const uint32_t key = sizeof(struct sad_key), value = sizeof(struct sad_value);

	(void)state;
	assert_refused("sad", make(BPF_MAP_TYPE_ARRAY, 4, value, SLOTS_DEFAULT, 0), -EPROTO);
	assert_refused("sad", make(BPF_MAP_TYPE_HASH, key + 4, value, SLOTS_DEFAULT, 0), -EPROTO);
	assert_refused("sad", make(BPF_MAP_TYPE_HASH, key, value + 4, SLOTS_DEFAULT, 0), -EPROTO);
	assert_refused("sad", make(BPF_MAP_TYPE_HASH, key, value, SLOTS_DEFAULT + 1, 0), -EPROTO);
	assert_refused("sad", make(BPF_MAP_TYPE_HASH, key, value, SLOTS_MIN / 2, 0), -EPROTO);
	assert_refused("sad", make(BPF_MAP_TYPE_HASH, key, value, SLOTS_MAX + SLOTS_STEP, BPF_F_NO_PREALLOC), -EPROTO);
	assert_refused("another", make(BPF_MAP_TYPE_HASH, key, value, SLOTS_DEFAULT, 0), -ENOENT);
	assert_refused("sad", open("/dev/null", O_RDONLY), -EINVAL);
	assert_int_equal(maps.sad, -1);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hash_is_used_by_its_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(array_is_mapped, setup, teardown),
		cmocka_unit_test_setup_teardown(all_are_for_the_same_number, setup, teardown),
		cmocka_unit_test_setup_teardown(others_are_refused, setup, teardown),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
