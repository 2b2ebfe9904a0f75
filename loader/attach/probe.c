/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "probe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backstop.h"
#include "hooks.h"
#include "lib/child_process.h"
#include "lib/privileges.h"
#include "maps/vault.h"
#include "programs.h"
#include "tap.h"

static int probe_privileges(struct fault *f)
{
	char missing[256];

	if (privileges_in_user_namespace())
		return fault(f, EPERM, "%s", privileges_remedy(EPERM, ""));
	privileges_missing(missing, sizeof(missing));
	return missing[0] ? fault(f, EPERM, "%s", privileges_remedy(EPERM, "")) : 0;
}

/* Expanded keys and rings are 10 MB, packet memory is 9 to 19 MB for each queue. */
static int probe_locked_memory(struct fault *f)
{
	return privileges_raise_memlock().now
		       ? 0
		       : fault(f, ENOTSUP,
			       "no CAP_IPC_LOCK: give it that, or an 'ulimit -l' of 16 MB and 20 MB a queue");
}

static int probe_btf(struct fault *f)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return fault(f, errno, "no /sys/kernel/btf/vmlinux: the kernel needs CONFIG_DEBUG_INFO_BTF");
	return 0;
}

static int probe_programs(struct fault *f)
{
	return programs_try(f);
}

static int probe_af_xdp(struct fault *f)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fault(f, errno, "%s: %s", strerror(errno),
			     privileges_remedy(errno, "the kernel needs CONFIG_XDP_SOCKETS"));
	close(fd);
	return 0;
}

static int probe_tun(struct fault *f)
{
	const int fd = tap_open_driver(f);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int probe_worker(struct fault *f)
{
	char path[512];

	return program_find("xdp-ipsec-worker", path, sizeof(path))
		       ? 0
		       : fault(f, ENOENT, "%s is not there: reinstall", path);
}

static int probe_tcx(struct fault *f)
{
	return hooks_have_tcx() ? 0 : fault(f, ENOTSUP, "not before Linux 6.6: clsact is used");
}

static int probe_backstop(struct fault *f)
{
	return backstop_try(f);
}

static int probe_vault(struct fault *f)
{
	struct vault vault;
	int err = vault_create(&vault, SLOTS_DEFAULT, f);

	if (err)
		return err;
	if (!vault.secret)
		err = fault(f, ENOTSUP, "no memfd_secret (boot with secretmem.enable=1): keys are in locked memory");
	vault_close(&vault);
	return err;
}

static bool cpu_has_aes(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	const unsigned long has = getauxval(AT_HWCAP);

	return (has & HWCAP_AES) && (has & HWCAP_PMULL);
#else
	return false;
#endif
}

static int probe_aes(struct fault *f)
{
	return cpu_has_aes() ? 0 : fault(f, ENOTSUP, "the CPU has no AES instructions: slow");
}

const struct probe probes[] = {
	/* clang-format off */
	{"privileges", false, probe_privileges},
	{"locked memory", false, probe_locked_memory},
	{"BTF", true, probe_btf},
	{"BPF programs", true, probe_programs},
	{"AF_XDP", true, probe_af_xdp},
	{"TUN/TAP", true, probe_tun},
	{"worker", true, probe_worker},
	{"backstop", false, probe_backstop},
	{"tcx", false, probe_tcx},
	{"memfd_secret", false, probe_vault},
	{"AES", false, probe_aes},
	{0},
	/* clang-format on */
};
