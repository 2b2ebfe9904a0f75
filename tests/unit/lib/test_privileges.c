/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/privileges.h: who the programs become, and what is left of root's rights. As root: what is dropped must be
 * there. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "lib/privileges.h"
#include "unit/temp_file.h"

static void write_passwd(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void is_the_user_of_that_name(void **unused)
{
	struct service_user user;
	struct fault f;

	(void)unused;
	write_passwd("root:x:0:0::/root:/bin/sh\nxdp-ipsec-x:x:7:7::/:/bin/sh\nxdp-ipsec:x:123:456::/:/bin/false\n");
	assert_int_equal(service_user_find(&user, path, &f), 0);
	assert_int_equal(user.uid, 123);
	assert_int_equal(user.gid, 456);
}

static void is_a_number_of_its_own_without_one(void **unused)
{
	struct service_user user;
	struct fault f;

	(void)unused;
	write_passwd("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n");
	assert_int_equal(service_user_find(&user, path, &f), 0);
	assert_int_equal(user.uid, SERVICE_ID);
	assert_int_equal(user.gid, SERVICE_ID);
	assert_int_equal(service_user_find(&user, "/nowhere/passwd", &f), 0);
	assert_int_equal(user.uid, SERVICE_ID);
}

static void is_never_root(void **unused)
{
	static const char *const entries[] = {"xdp-ipsec:x:0:456::/:/bin/sh\n", "xdp-ipsec:x:123:0::/:/bin/sh\n"};
	struct service_user user;
	struct fault f;

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		write_passwd(entries[i]);
		assert_int_equal(service_user_find(&user, path, &f), -EPERM);
		assert_non_null(strstr(f.text, "xdp-ipsec is root"));
	}
}

/* The number of a line of /proc/self/status. */
static uint64_t status(const char *name, int base)
{
	FILE *file = fopen("/proc/self/status", "r");
	uint64_t value = UINT64_MAX;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoull(line + strlen(name) + 1, NULL, base);
	if (file)
		fclose(file);
	return value;
}

/* 0, or how far it came. */
static int drop(uint64_t kept)
{
	const struct service_user user = {123, 456};
	struct fault f;

	if (privileges_drop(&user, kept, &f))
		return 1;
	if (getuid() != 123 || geteuid() != 123 || getgid() != 456 || getegid() != 456 || getgroups(0, NULL))
		return 2;
	if (status("CapEff", 16) != kept || status("CapPrm", 16) != kept)
		return 3;
	if (status("CapBnd", 16) || status("CapInh", 16) || status("CapAmb", 16))
		return 4;
	if (status("NoNewPrivs", 10) != 1 || prctl(PR_GET_DUMPABLE))
		return 5;
	return setuid(0) == 0 ? 6 : 0;
}

static int in_child(int (*act)(uint64_t arg), uint64_t arg)
{
	const pid_t child = fork();
	int wstatus;

	if (child == 0)
		_exit(act(arg));
	assert_int_equal(waitpid(child, &wstatus, 0), child);
	assert_true(WIFEXITED(wstatus));
	return WEXITSTATUS(wstatus);
}

static void nothing_is_left(void **unused)
{
	(void)unused;
	assert_int_equal(in_child(drop, 0), 0);
}

static void what_is_kept_is_all(void **unused)
{
	(void)unused;
	assert_int_equal(in_child(drop, 1ULL << CAP_BPF), 0);
	assert_int_equal(in_child(drop, 1ULL << CAP_BPF | 1ULL << CAP_IPC_LOCK), 0);
}

/* kB of this process's memory that are locked. */
static uint64_t locked(void)
{
	return status("VmLck", 10);
}

/* What is there is locked, and so is what comes after root's rights are gone. 0, or how far it came. */
static int lock_then_drop(uint64_t unused)
{
	const struct service_user user = {123, 456};
	const size_t size = 1 << 20;
	uint64_t kept = 0, before;
	struct fault f;

	(void)unused;
	if (!privileges_lock_memory(&kept) || (kept & ~(1ULL << CAP_IPC_LOCK)))
		return 1;
	before = locked();
	if (before < 100 || privileges_drop(&user, kept, &f))
		return 2;
	if (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		return 3;
	return locked() >= before + size / 1024 ? 0 : 4;
}

/* With neither the capability nor a limit that can be raised nothing is locked, and the process can go on. */
static int lock_without_rights(uint64_t unused)
{
	const struct rlimit limit = {1 << 16, 1 << 16};
	const struct service_user user = {123, 456};
	uint64_t kept = 0;
	struct fault f;

	(void)unused;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || privileges_drop(&user, 0, &f))
		return 1;
	if (privileges_lock_memory(&kept) || kept || locked())
		return 2;
	return mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 3 : 0;
}

/* The sanitizers make nothing of mlockall(). */
static void memory_is_locked_for_good(void **unused)
{
	(void)unused;
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	assert_int_equal(in_child(lock_then_drop, 0), 0);
	assert_int_equal(in_child(lock_without_rights, 0), 0);
}

static int effective(void *out)
{
	*(uint64_t *)out = status("CapEff", 16);
	return -EDOM;
}

static void tries_without_and_has_them_back(void **unused)
{
	const uint64_t before = status("CapEff", 16);
	uint64_t meanwhile = UINT64_MAX;

	(void)unused;
	assert_true(before);
	assert_int_equal(privileges_try_without(effective, &meanwhile), -EDOM);
	assert_true(meanwhile == 0);
	assert_true(status("CapEff", 16) == before);
}

static void other_errors_have_their_own_remedy(void **unused)
{
	(void)unused;
	assert_string_equal(privileges_remedy(ENOENT, "make it"), "make it");
	assert_string_not_equal(privileges_remedy(EPERM, "make it"), "make it");
	assert_string_not_equal(privileges_remedy(EACCES, "make it"), "make it");
	assert_non_null(strstr(privileges_remedy(EMFILE, "make it"), "'ulimit -n'"));
	assert_non_null(strstr(privileges_remedy(ENFILE, "make it"), "fs.file-max"));
	assert_non_null(strstr(privileges_remedy(EAGAIN, "make it"), "'ulimit -u'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_the_user_of_that_name, make_file, remove_file),
		cmocka_unit_test_setup_teardown(is_a_number_of_its_own_without_one, make_file, remove_file),
		cmocka_unit_test_setup_teardown(is_never_root, make_file, remove_file),
		cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(what_is_kept_is_all),
		cmocka_unit_test(memory_is_locked_for_good),
		cmocka_unit_test(tries_without_and_has_them_back),
		cmocka_unit_test(other_errors_have_their_own_remedy),
	};

	return cmocka_run_group_tests_name("privileges", tests, NULL, NULL);
}
