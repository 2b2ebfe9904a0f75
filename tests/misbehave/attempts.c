/* SPDX-License-Identifier: BSD-2-Clause */
/* What each process may try. What succeeds is undone, or does no harm: without walls all of it is done as root. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "misbehave/misbehave.h"

static int result(long n)
{
	return n < 0 ? -errno : 0;
}

/* Of a call that makes a descriptor. */
static int made(long fd)
{
	if (fd < 0)
		return -errno;
	close((int)fd);
	return 0;
}

/* In a process of its own, or where there can be none, in this one. */
static int in_child(int (*act)(void))
{
	const pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	int status;

	if (child < 0)
		return act();
	if (child == 0)
		syscall(SYS_exit_group, -act());
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* ---- files ---- */

static int open_directory(void)
{
	return made(open("/", O_RDONLY | O_DIRECTORY));
}

static int open_file(void)
{
	return made(open("/etc/passwd", O_RDONLY));
}

static int make_file(void)
{
	return made(open("/tmp", O_RDWR | O_TMPFILE, 0600));
}

/* ---- programs ---- */

static int nothing(void)
{
	return 0;
}

static int start_process(void)
{
	const pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		syscall(SYS_exit_group, 0);
	return child < 0 ? -errno : result(waitpid(child, NULL, 0));
}

static int be_true(void)
{
	char *const argv[] = {"true", NULL};

	return result(syscall(SYS_execve, "/bin/true", argv, argv + 1));
}

static int run_program(void)
{
	return in_child(be_true);
}

static int map_code(void)
{
	void *p = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -errno : result(munmap(p, 1));
}

static int make_data_code(void)
{
	void *p = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const int err = p == MAP_FAILED ? -errno : result(mprotect(p, 1, PROT_READ | PROT_EXEC));

	munmap(p, 1);
	return err;
}

/* All that is mapped to be read can be run then. */
static int read_is_run(void)
{
	const long before = syscall(SYS_personality, 0xffffffff);

	if (before < 0 || syscall(SYS_personality, before | READ_IMPLIES_EXEC) < 0)
		return -errno;
	return result(syscall(SYS_personality, before));
}

/* ---- the network ---- */

static int udp(void)
{
	return made(socket(AF_INET, SOCK_DGRAM, 0));
}

static int packets(void)
{
	return made(socket(AF_PACKET, SOCK_RAW, 0));
}

/* call: to connect, or to bind. */
static int tcp(long call, uint16_t port)
{
	const struct sockaddr_in addr = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = result(syscall(call, fd, &addr, sizeof(addr)));
	close(fd);
	return err;
}

static int tcp_connect(void)
{
	const int err = tcp(SYS_connect, 9);

	/* Nobody listens: but it was asked. */
	return err == -ECONNREFUSED ? 0 : err;
}

static int tcp_bind(void)
{
	return tcp(SYS_bind, 0);
}

static int abstract_connect(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const int n = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "%u", orders->listens);
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = result(
		connect(fd, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)));
	close(fd);
	return err;
}

/* ---- other processes ---- */

static int open_memory(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", orders->victim);
	return made(open(path, O_RDWR));
}

static int other_memory(ssize_t (*act)(pid_t, const struct iovec *, unsigned long, const struct iovec *, unsigned long,
				       unsigned long))
{
	char here[8] = "harmless";
	const struct iovec own = {here, sizeof(here)}, of_victim = {(void *)orders->secret, sizeof(here)};

	return result(act(orders->victim, &own, 1, &of_victim, 1, 0));
}

static int read_memory(void)
{
	return other_memory(process_vm_readv);
}

static int write_memory(void)
{
	return other_memory(process_vm_writev);
}

/* Some tenths of a second in all. */
#define SEIZE_TRIES 1000
#define SEIZE_SPINS 100000

/* Others try the same at the same time, and who is traced by one is not by another: then it is tried again, without a
 * system call to wait by, which a sandbox may refuse. */
static int seize(pid_t victim)
{
	for (int i = 0; i < SEIZE_TRIES; i++) {
		if (ptrace(PTRACE_SEIZE, victim, NULL, NULL) == 0)
			return 0;
		if (errno != EPERM)
			break;
		for (volatile int spin = 0; spin < SEIZE_SPINS; spin++)
			;
	}
	return -errno;
}

static int trace(void)
{
	const pid_t victim = orders->victim;
	const int err = seize(victim);

	if (err)
		return err;
	if (ptrace(PTRACE_INTERRUPT, victim, NULL, NULL) < 0 || waitpid(victim, NULL, __WALL) < 0)
		return -errno;
	return result(ptrace(PTRACE_DETACH, victim, NULL, NULL));
}

/* No signal: whether it could. */
static int send_signal(void)
{
	return result(kill(orders->victim, 0));
}

static int take_descriptor(void)
{
	const int process = (int)syscall(SYS_pidfd_open, orders->victim, 0);
	int err;

	if (process < 0)
		return -errno;
	err = made(syscall(SYS_pidfd_getfd, process, 0, 0));
	close(process);
	return err;
}

/* ---- maps and programs of BPF ---- */

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int write_map(void)
{
	const uint32_t key = 0, value = 1;
	union bpf_attr attr = {.map_id = orders->map};
	const long fd = bpf(BPF_MAP_GET_FD_BY_ID, &attr);
	int err;

	if (fd < 0)
		return -errno;
	attr = (union bpf_attr){.map_fd = (uint32_t)fd, .key = (uintptr_t)&key, .value = (uintptr_t)&value};
	err = result(bpf(BPF_MAP_UPDATE_ELEM, &attr));
	close((int)fd);
	return err;
}

static int open_pin(void)
{
	union bpf_attr attr = {.pathname = (uintptr_t)orders->pin};

	return made(bpf(BPF_OBJ_GET, &attr));
}

static int make_map(void)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return made(bpf(BPF_MAP_CREATE, &attr));
}

static int load_program(void)
{
	static const struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
			       .insn_cnt = 2,
			       .insns = (uintptr_t)code,
			       .license = (uintptr_t) "BSD"};

	return made(bpf(BPF_PROG_LOAD, &attr));
}

/* ---- rights ---- */

static int be_root(void)
{
	return result(syscall(SYS_setuid, 0));
}

static int be_group(void)
{
	return result(syscall(SYS_setgid, 0));
}

static int be_in_groups(void)
{
	return result(syscall(SYS_setgroups, 0, NULL));
}

static int take_capability(void)
{
	struct __user_cap_header_struct self = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct all[2];

	if (syscall(SYS_capget, &self, all) < 0)
		return -errno;
	all[0].effective |= CAP_TO_MASK(CAP_NET_ADMIN);
	all[0].permitted |= CAP_TO_MASK(CAP_NET_ADMIN);
	return result(syscall(SYS_capset, &self, all));
}

static int be_dumpable(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* ---- namespaces ---- */

static int mount_something(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return result(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int mount_in_child(void)
{
	return in_child(mount_something);
}

static int leave_network(void)
{
	return result(unshare(CLONE_NEWNET));
}

static int leave_network_in_child(void)
{
	return in_child(leave_network);
}

static int be_root_of_namespace(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int be_root_of_namespace_in_child(void)
{
	return in_child(be_root_of_namespace);
}

static int enter_network(void)
{
	const int process = (int)syscall(SYS_pidfd_open, orders->victim, 0);
	int err;

	if (process < 0)
		return -errno;
	err = result(setns(process, CLONE_NEWNET));
	close(process);
	return err;
}

static int change_root(void)
{
	return result(syscall(SYS_chroot, "/"));
}

static int change_root_in_child(void)
{
	return in_child(change_root);
}

/* ---- what the kernel has besides ---- */

static int make_ring(void)
{
	struct io_uring_params params = {0};

	return made(syscall(SYS_io_uring_setup, 1, &params));
}

static int count_events(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_CPU_CLOCK,
				       .exclude_kernel = 1};

	return made(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int handle_faults(void)
{
	/* UFFD_USER_MODE_ONLY */
	return made(syscall(SYS_userfaultfd, O_CLOEXEC | 1));
}

static int look_for_keys(void)
{
	return result(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1));
}

static int control_device(void)
{
	int n;

	return result(ioctl(STDERR_FILENO, FIONREAD, &n));
}

const struct attempt attempts[] = {
	{"nothing", nothing},
	{"open a directory", open_directory},
	{"open a file", open_file},
	{"make a file", make_file},
	{"start a process", start_process},
	{"run a program", run_program},
	{"map code", map_code},
	{"make data code", make_data_code},
	{"run what is read", read_is_run},
	{"UDP socket", udp},
	{"packet socket", packets},
	{"TCP connect", tcp_connect},
	{"TCP bind", tcp_bind},
	{"abstract socket", abstract_connect},
	{"open another's memory", open_memory},
	{"read another's memory", read_memory},
	{"write another's memory", write_memory},
	{"trace another", trace},
	{"signal another", send_signal},
	{"take another's descriptor", take_descriptor},
	{"write another map", write_map},
	{"open a pinned map", open_pin},
	{"make a map", make_map},
	{"load a program", load_program},
	{"become root", be_root},
	{"become root's group", be_group},
	{"leave all groups", be_in_groups},
	{"take a capability", take_capability},
	{"become dumpable", be_dumpable},
	{"mount", mount_in_child},
	{"another network", leave_network_in_child},
	{"a user namespace", be_root_of_namespace_in_child},
	{"another's network", enter_network},
	{"another root", change_root_in_child},
	{"io_uring", make_ring},
	{"perf event", count_events},
	{"userfaultfd", handle_faults},
	{"keyring", look_for_keys},
	{"ioctl", control_device},
	{.name = NULL},
};
