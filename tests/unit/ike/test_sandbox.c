/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ike/sandbox/sandbox.h: which capability IKE goes on with, on kernels that let any process use a map it has, and on
 * others; and what can be done from inside. As root, for whom all of it works outside.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "maps/layout.h"
#include "unit/needs_root.h"
#include "lib/privileges.h"
#include "sandbox/sandbox.h"
#include "sandbox/threads.h"

static bool has_cap_bpf(void)
{
	struct __user_cap_header_struct self = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	assert_int_equal(syscall(SYS_capget, &self, data), 0);
	return data[CAP_TO_INDEX(CAP_BPF)].effective & CAP_TO_MASK(CAP_BPF);
}

/* bpf() of Linux 5.15 with kernel.unprivileged_bpf_disabled not 0. */
static int needs_cap_bpf(void *calls)
{
	++*(int *)calls;
	return has_cap_bpf() ? 0 : -EPERM;
}

/* Since 5.19; and before with kernel.unprivileged_bpf_disabled = 0. */
static int needs_nothing(void *calls)
{
	++*(int *)calls;
	return 0;
}

static int finds_nothing(void *calls)
{
	++*(int *)calls;
	return -ENOENT;
}

static void keeps_what_a_map_takes(void **unused)
{
	int calls = 0;

	(void)unused;
	assert_true(has_cap_bpf());
	assert_true(sandbox_bpf_capability(needs_cap_bpf, &calls) == 1ULL << CAP_BPF);
	assert_int_equal(calls, 1);
	assert_true(has_cap_bpf());
}

static void keeps_nothing_where_the_descriptor_does(void **unused)
{
	int calls = 0;

	(void)unused;
	assert_true(sandbox_bpf_capability(needs_nothing, &calls) == 0);
	assert_true(sandbox_bpf_capability(finds_nothing, &calls) == 0);
	assert_int_equal(calls, 2);
}

/* ---- from inside ---- */

static char secret[16] = "a key of another";
static struct {
	int sad;     /* what it is given */
	uint32_t id; /* of another map, the SPD's, that it is not given */
	char pin[64];
	pid_t victim; /* the worker, or the key holder: of the same user as who is inside */
	int fd;	      /* of which this is open */
} world;

static int make_map(enum bpf_map_type type, const char *name, uint32_t key, uint32_t value, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);

	return bpf_map_create(type, name, key, value, 8, &options);
}

static void be_victim(void)
{
	struct service_user user;
	struct fault f;

	if (service_user_find(&user, NULL, &f) || privileges_drop(&user, 0, &f))
		_exit(EXIT_FAILURE);
	for (;;)
		pause();
}

/* Of this process alone: the machine may have none mounted. */
static int mount_bpffs(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700");
}

static int make_world(void **unused)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	int spd;

	(void)unused;
	world.sad = make_map(BPF_MAP_TYPE_HASH, "sad", sizeof(struct sad_key), sizeof(struct sad_value), 0);
	spd = make_map(BPF_MAP_TYPE_LPM_TRIE, "spd", sizeof(struct spd_key), sizeof(struct spd_entry),
		       BPF_F_NO_PREALLOC);
	if (world.sad < 0 || spd < 0 || bpf_obj_get_info_by_fd(spd, &info, &size) < 0)
		return -1;
	world.id = info.id;
	if (mount_bpffs() < 0)
		return -1;
	snprintf(world.pin, sizeof(world.pin), "/sys/fs/bpf/xdp-ipsec-test-%d", getpid());
	if (bpf_obj_pin(spd, world.pin) < 0)
		return -1;
	close(spd);
	world.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	world.victim = fork();
	if (world.victim == 0)
		be_victim();
	return 0;
}

static int end_world(void **unused)
{
	(void)unused;
	kill(world.victim, SIGKILL);
	waitpid(world.victim, NULL, 0);
	unlink(world.pin);
	close(world.sad);
	close(world.fd);
	return 0;
}

/* Each returns whether it has got what it wanted. */

static bool map_by_id(void)
{
	return bpf_map_get_fd_by_id(world.id) >= 0;
}

static bool map_by_pin(void)
{
	return bpf_obj_get(world.pin) >= 0;
}

static bool map_of_its_own(void)
{
	return make_map(BPF_MAP_TYPE_ARRAY, "another", 4, 4, 0) >= 0;
}

static bool trace(void)
{
	return ptrace(PTRACE_SEIZE, world.victim, NULL, NULL) == 0;
}

static bool read_memory(void)
{
	char there[sizeof(secret)];
	const struct iovec to = {there, sizeof(there)}, from = {secret, sizeof(secret)};

	return process_vm_readv(world.victim, &to, 1, &from, 1, 0) == sizeof(there);
}

static bool open_memory(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", world.victim);
	return open(path, O_RDWR) >= 0;
}

static bool take_descriptor(void)
{
	const int process = (int)syscall(SYS_pidfd_open, world.victim, 0);

	return process >= 0 && syscall(SYS_pidfd_getfd, process, world.fd, 0) >= 0;
}

static bool open_file(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool be_another_program(void)
{
	char *const argv[] = {"true", NULL};

	execv("/bin/true", argv);
	return false;
}

static bool be_root(void)
{
	return setresuid(0, 0, 0) == 0;
}

static bool map_code(void)
{
	return mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool make_code(void)
{
	void *data = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return data != MAP_FAILED && mprotect(data, 1, PROT_READ | PROT_EXEC) == 0;
}

static bool open_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static const struct attempt {
	const char *what;
	bool (*act)(void);
} attempts[] = {
	{"another map by its id", map_by_id},
	{"another map by its pin", map_by_pin},
	{"a map of its own", map_of_its_own},
	{"ptrace", trace},
	{"another process's memory", read_memory},
	{"/proc/PID/mem", open_memory},
	{"another process's descriptor", take_descriptor},
	{"a file", open_file},
	{"another program", be_another_program},
	{"root again", be_root},
	{"a packet socket", open_packet_socket},
	{"code of its own", map_code},
	{"code of what was data", make_code},
};

enum { REFUSED, DONE, NO_SANDBOX };

static int act_inside(const struct attempt *a, int (*enter)(struct fault *f))
{
	struct fault f;

	if (enter && enter(&f))
		return NO_SANDBOX;
	return a->act() ? DONE : REFUSED;
}

/* One that is killed for it has not got it; one that has become /bin/true has. */
static int outcome(const struct attempt *a, int (*enter)(struct fault *f))
{
	const pid_t child = fork();
	int status;

	/* The sanitizers do more before _exit() than the sandbox allows. */
	if (child == 0)
		syscall(SYS_exit_group, act_inside(a, enter));
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return REFUSED;
	}
	return a->act == be_another_program && WEXITSTATUS(status) == 0 && !enter ? DONE : WEXITSTATUS(status);
}

static int enter_protocol(struct fault *f)
{
	return sandbox_enter_protocol(world.sad, f);
}

static int no_threads(void *arg, struct fault *f)
{
	(void)arg;
	(void)f;
	return 0;
}

static int enter_keyholder(struct fault *f)
{
	return sandbox_enter(SANDBOX_KEYHOLDER, no_threads, NULL, f);
}

static int enter_hands(struct fault *f)
{
	return sandbox_enter(SANDBOX_HANDS, no_threads, NULL, f);
}

static const struct {
	const char *name;
	int (*enter)(struct fault *f);
} sandboxes[] = {
	{"the protocol process", enter_protocol}, {"the key holder", enter_keyholder}, {"the hands", enter_hands}};

/* A thread that was there before the door closed is behind it, too. */
static struct {
	const struct attempt *a;
	bool closed;
} thread;

static void act_in_thread(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&thread.closed, __ATOMIC_ACQUIRE))
		continue;
	threads_end(thread.a->act() ? DONE : REFUSED);
}

static int start_thread(void *arg, struct fault *f)
{
	return threads_start(1, act_in_thread, arg, f);
}

static bool act_by_thread(void)
{
	struct fault f;

	if (sandbox_enter(SANDBOX_HANDS, start_thread, NULL, &f))
		threads_end(NO_SANDBOX);
	__atomic_store_n(&thread.closed, true, __ATOMIC_RELEASE);
	while (thread.closed)
		continue;
	return false;
}

static void nothing_else_can_be_had(void **unused)
{
	const struct attempt by_thread = {"by a thread", act_by_thread};

	(void)unused;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const struct attempt *a = &attempts[i];

		if (outcome(a, NULL) != DONE)
			fail_msg("%s: cannot be had even outside", a->what);
		for (size_t s = 0; s < sizeof(sandboxes) / sizeof(sandboxes[0]); s++)
			if (outcome(a, sandboxes[s].enter) != REFUSED)
				fail_msg("%s: can be had from inside %s", a->what, sandboxes[s].name);
		thread.a = a;
		if (outcome(&by_thread, NULL) != REFUSED)
			fail_msg("%s: can be had by a thread", a->what);
	}
}

/* What it is given works. */
static bool use_the_map(void)
{
	const struct sad_key key = {.spi = 0x1000};
	struct sad_value value = {.slot = 7};

	return bpf_map_update_elem(world.sad, &key, &value, BPF_ANY) == 0 &&
	       bpf_map_lookup_elem(world.sad, &key, &value) == 0 && bpf_map_delete_elem(world.sad, &key) == 0;
}

/* The one process has entries of maps, the others have not. */
static void the_map_that_it_has_is_used(void **unused)
{
	const struct attempt a = {"sad", use_the_map};

	(void)unused;
	assert_int_equal(outcome(&a, enter_protocol), DONE);
	assert_int_equal(outcome(&a, enter_keyholder), REFUSED);
	assert_int_equal(outcome(&a, enter_hands), REFUSED);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_a_map_takes),
		cmocka_unit_test(keeps_nothing_where_the_descriptor_does),
		cmocka_unit_test_setup_teardown(nothing_else_can_be_had, make_world, end_world),
		cmocka_unit_test_setup_teardown(the_map_that_it_has_is_used, make_world, end_world),
	};

	return run_as_root(tests, sizeof(tests) / sizeof(tests[0]));
}
