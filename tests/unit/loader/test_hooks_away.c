/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pins of NICs that have left their name. The kernel is played: a pin is a file in a folder, and says what link it is,
 * of which interface and with which program; one that nobody has a name for any more is detached.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/hooks.h"
#include "attach/hooks_away.h"

#define PROGRAM 42

static char dir[64];
static uint32_t running;  /* the XDP program on the interface that is asked */
static unsigned detached; /* links */
static bool only_links;	  /* no pin is a program's */
static int unopened;	  /* pins are not opened, with this error */
static int untold;	  /* what is pinned says nothing, with this error */
static uint32_t in_tcx;	  /* the program that tcx has for what leaves; 0: none */

/* ---- the kernel ---- */

struct played_link {
	uint32_t ifindex; /* 0: its interface is gone */
	uint32_t program;
};

int bpf_obj_get(const char *path)
{
	struct played_link link;
	int out, fd = open(path, O_RDONLY);

	if (fd < 0)
		return -errno;
	if (unopened) {
		close(fd);
		errno = unopened;
		return -errno;
	}
	assert_int_equal(read(fd, &link, sizeof(link)), sizeof(link));
	close(fd);
	out = memfd_create(only_links || strstr(path, "-xdp") ? "link" : "prog", MFD_CLOEXEC);
	assert_int_equal(write(out, &link, sizeof(link)), sizeof(link));
	return out;
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	struct bpf_link_info *out = info;
	struct played_link link;

	(void)size;
	if (untold) {
		errno = untold;
		return -errno;
	}
	assert_int_equal(pread(fd, &link, sizeof(link), 0), sizeof(link));
	out->prog_id = link.program;
	out->xdp.ifindex = link.ifindex;
	return 0;
}

int bpf_link_detach(int fd)
{
	(void)fd;
	detached++;
	return 0;
}

/* It is there. */
char *if_indextoname(unsigned ifindex, char name[IF_NAMESIZE])
{
	(void)ifindex;
	return strcpy(name, "nic0");
}

int bpf_xdp_query(int ifindex, int flags, struct bpf_xdp_query_opts *opts)
{
	(void)ifindex;
	(void)flags;
	opts->drv_prog_id = running;
	return 0;
}

int bpf_prog_query(int ifindex, enum bpf_attach_type type, __u32 flags, __u32 *attach_flags, __u32 *ids, __u32 *count)
{
	(void)ifindex;
	(void)type;
	(void)flags;
	(void)attach_flags;
	ids[0] = in_tcx;
	*count = in_tcx != 0;
	return 0;
}

/* ---- pins ---- */

static struct hook_place place(const char *dev, int ifindex)
{
	return (struct hook_place){.dir = dir, .dev = dev, .ifindex = ifindex};
}

static void pin(const char *name, uint32_t ifindex, uint32_t program)
{
	const struct played_link link = {.ifindex = ifindex, .program = program};
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/links/%s", dir, name);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_int_equal(write(fd, &link, sizeof(link)), sizeof(link));
	close(fd);
}

static void pin_all(const char *dev, uint32_t ifindex, uint32_t program)
{
	char name[64];

	for (enum hook_point point = HOOK_XDP; point <= HOOK_INGRESS; point++) {
		snprintf(name, sizeof(name), "%s-%s", dev, (const char *[]){"xdp", "egress", "ingress"}[point]);
		pin(name, ifindex, program);
	}
}

static unsigned count(const char *sub)
{
	char command[160];
	unsigned n;
	FILE *f;

	snprintf(command, sizeof(command), "ls %s/%s 2>/dev/null | wc -l", dir, sub);
	f = popen(command, "r");
	assert_int_equal(fscanf(f, "%u", &n), 1);
	pclose(f);
	return n;
}

/* A link whose NIC is elsewhere has a number from there. */
static void move(const char *file, uint32_t ifindex)
{
	const struct played_link link = {.ifindex = ifindex, .program = PROGRAM};
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/away/%s", dir, file);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, &link, sizeof(link)), sizeof(link));
	close(fd);
}

static int setup(void **unused)
{
	char path[96];

	(void)unused;
	strcpy(dir, "/tmp/hooks-away-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/links", dir);
	detached = running = in_tcx = 0;
	unopened = untold = 0;
	only_links = true;
	return mkdir(path, 0700);
}

static int teardown(void **unused)
{
	char command[96];

	(void)unused;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* ---- tests ---- */

static void test_filters_left(void **unused)
{
	const struct hook_place at = place("nic0", 7);

	(void)unused;
	pin_all("nic0", 7, PROGRAM);
	assert_false(hooks_left_filters(&at));
	only_links = false;
	assert_true(hooks_left_filters(&at));
	pin("nic0-xdp", 0, PROGRAM);
	assert_false(hooks_left_filters(&at));
}

static void test_moved(void **unused)
{
	const struct hook_place at = place("nic0", 7);

	(void)unused;
	pin_all("nic0", 7, PROGRAM);
	hooks_put_away(&at);
	assert_int_equal(count("links"), 0);
	assert_int_equal(count("away"), 3);
	assert_true(hooks_any_away(dir));
	assert_int_equal(detached, 0);
}

static void test_deleted(void **unused)
{
	const struct hook_place at = place("nic0", 7);

	(void)unused;
	pin_all("nic0", 0, PROGRAM);
	hooks_put_away(&at);
	assert_int_equal(count("links"), 0);
	assert_false(hooks_any_away(dir));
	assert_int_equal(count(""), 1);
}

/* Another had the same name and the same number after it, and went the same way. */
static void test_two_with_one_number(void **unused)
{
	const struct hook_place at = place("nic0", 7);

	(void)unused;
	pin_all("nic0", 7, PROGRAM);
	hooks_put_away(&at);
	pin_all("nic0", 7, PROGRAM);
	hooks_put_away(&at);
	assert_int_equal(count("away"), 6);
}

static void test_back(void **unused)
{
	const struct hook_place left = place("a-b.5", 7), back = place("a-b.5", 9);

	(void)unused;
	pin_all("a-b:5", 7, PROGRAM);
	hooks_put_away(&left);
	assert_int_equal(count("away"), 3);
	move("a-b:5-0-xdp", 9);
	assert_false(hooks_is_away(&back, PROGRAM + 1));
	assert_false(hooks_is_away(&left, PROGRAM));
	assert_true(hooks_is_away(&back, PROGRAM));
	assert_false(hooks_bring_back(&back, 0));
	assert_true(hooks_bring_back(&back, PROGRAM));
	assert_int_equal(count("links"), 3);
	assert_int_equal(count("away"), 0);
}

/* Its XDP link was detached meanwhile. */
static void test_back_in_part(void **unused)
{
	const struct hook_place at = place("nic0", 7);
	enum port_mode mode;
	struct fault f;

	(void)unused;
	for (int other = 0; other < 2; other++) {
		in_tcx = PROGRAM + other;
		pin_all("nic0", 7, PROGRAM);
		pin("nic0-xdp", 0, PROGRAM);
		assert_int_equal(hooks_take_over(&at, &mode, &f), 0);
		assert_int_equal(mode, 0);
		assert_int_equal(count("links"), other ? 0 : 2);
		assert_int_equal(count("away"), other ? 2 : 0);
	}
}

/* Under another name. */
static void test_back_renamed(void **unused)
{
	const struct hook_place left = place("nic0", 7), back = place("nic1", 7);
	struct hook_place any = back;
	enum port_mode mode;
	struct fault f;

	(void)unused;
	pin_all("nic0", 7, PROGRAM);
	hooks_put_away(&left);
	running = PROGRAM;
	assert_int_equal(hook_check_foreign(&back, &f), 0);
	assert_int_equal(hooks_take_over(&back, &mode, &f), 0);
	assert_int_equal(mode, PORT_NATIVE);
	assert_true(hooks_any(&any));
	any.dev = "nic0";
	assert_false(hooks_any(&any));
}

/* What an earlier run attached has another name now, and who has its name gets none of its pins. */
static void test_namesake(void **unused)
{
	const struct hook_place at = place("nic0", 8);
	enum port_mode mode;
	struct fault f;

	(void)unused;
	pin_all("nic0", 7, PROGRAM);
	assert_int_equal(hooks_take_over(&at, &mode, &f), 0);
	assert_int_equal(mode, 0);
	assert_int_equal(count("links"), 0);
	assert_int_equal(count("away"), 3);
	assert_int_equal(detached, 0);
}

static void test_removed(void **unused)
{
	const struct hook_place at = place("nic0", 7), other = place("nic1", 8);

	(void)unused;
	pin_all("nic0", 7, PROGRAM);
	pin_all("nic1", 8, PROGRAM);
	hooks_put_away(&at);
	hooks_put_away(&other);
	pin_all("nic0", 7, PROGRAM);
	hooks_put_away(&at);
	assert_true(hooks_remove_away(&at));
	assert_false(hooks_remove_away(&at));
	assert_int_equal(detached, 6);
	assert_int_equal(count("away"), 3);
	assert_true(hooks_any_away(dir));
}

/* It was deleted where it was. */
static void test_gone_meanwhile(void **unused)
{
	const struct hook_place at = place("nic0", 7);

	(void)unused;
	pin_all("nic0", 7, PROGRAM);
	hooks_put_away(&at);
	move("nic0-0-xdp", 0);
	move("nic0-0-egress", 0);
	assert_true(hooks_any_away(dir));
	move("nic0-0-ingress", 0);
	assert_false(hooks_any_away(dir));
	assert_int_equal(count("away"), 0);
}

/* Whether its NIC is alive nobody knows, and it goes on as if it were. */
static void put_away_unread(int *why, int error)
{
	const struct hook_place at = place("nic0", 7);

	pin_all("nic0", 7, PROGRAM);
	*why = error;
	hooks_put_away(&at);
	assert_true(hooks_any_away(dir));
	*why = 0;
	assert_int_equal(count("links"), 0);
	assert_int_equal(count("away"), 3);
	assert_true(hooks_any_away(dir));
	assert_true(hooks_remove_away(&at));
}

static void test_unread(void **unused)
{
	(void)unused;
	put_away_unread(&unopened, EMFILE);
	put_away_unread(&unopened, EPERM);
	put_away_unread(&untold, ENOMEM);
}

static void test_unread_and_gone(void **unused)
{
	const struct hook_place at = place("nic0", 7);

	(void)unused;
	pin_all("nic0", 0, PROGRAM);
	unopened = ENOMEM;
	hooks_put_away(&at);
	assert_int_equal(count("away"), 3);
	unopened = 0;
	assert_false(hooks_any_away(dir));
	assert_int_equal(count("away"), 0);
}

static bool is_played_link(int fd)
{
	char path[32], what[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, what, sizeof(what) - 1) > 0 && strstr(what, "memfd:link");
}

/* With nowhere to put it, it is kept as long as this process lives. */
static void test_nowhere_to_put(void **unused)
{
	const struct hook_place at = place("nic0", 7);
	char path[96];
	unsigned held = 0;

	(void)unused;
	snprintf(path, sizeof(path), "%s/away", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	pin_all("nic0", 7, PROGRAM);
	hooks_put_away(&at);
	for (int fd = 3; fd < 64; fd++)
		held += is_played_link(fd);
	assert_int_equal(held, 3);
	assert_int_equal(count("links"), 0);
}

static void test_unread_with_nowhere_to_put(void **unused)
{
	const struct hook_place at = place("nic0", 7);
	char path[96];

	(void)unused;
	snprintf(path, sizeof(path), "%s/away", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	pin_all("nic0", 7, PROGRAM);
	unopened = EMFILE;
	hooks_put_away(&at);
	assert_int_equal(count("links"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_filters_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deleted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_with_one_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back_in_part, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back_renamed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_namesake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unread_and_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nowhere_to_put, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unread_with_nowhere_to_put, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
