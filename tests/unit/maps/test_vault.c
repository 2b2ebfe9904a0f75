/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/privileges.h"
#include "maps/vault.h"

static struct vault vault;

static int set_up(void **unused)
{
	struct fault f = {.text = ""};

	(void)unused;
	if (vault_create(&vault, SLOTS_DEFAULT, &f) == 0)
		return 0;
	print_error("%s\n", f.text);
	return -1;
}

static int tear_down(void **unused)
{
	(void)unused;
	vault_close(&vault);
	return 0;
}

/* A key of which every byte is the same, so that a torn one shows. */
static void store(uint32_t slot, uint32_t generation, uint8_t byte)
{
	uint8_t keymat[ESP_KEYMAT_SIZE];

	memset(keymat, byte, sizeof(keymat));
	vault_store(&vault, slot, generation, OWNER_IKE, keymat, byte * 0x0101010101010101ULL);
}

static bool is_whole(const struct vault_entry *e, uint8_t byte)
{
	uint8_t keymat[ESP_KEYMAT_SIZE];

	memset(keymat, byte, sizeof(keymat));
	return memcmp(e->key, keymat, sizeof(e->key)) == 0 && memcmp(e->salt, keymat, sizeof(e->salt)) == 0 &&
	       e->iv_base == byte * 0x0101010101010101ULL;
}

static void stores_key_then_salt(void **unused)
{
	uint8_t keymat[ESP_KEYMAT_SIZE];
	struct vault_entry e;

	(void)unused;
	for (size_t i = 0; i < sizeof(keymat); i++)
		keymat[i] = (uint8_t)i;
	vault_store(&vault, SLOTS_DEFAULT - 1, 3, OWNER_IKE, keymat, 42);
	assert_true(vault_load(&vault, SLOTS_DEFAULT - 1, 3, &e));
	assert_int_equal(e.generation, 3);
	assert_memory_equal(e.key, keymat, ESP_KEY_SIZE);
	assert_memory_equal(e.salt, keymat + ESP_KEY_SIZE, ESP_SALT_SIZE);
	assert_int_equal(e.iv_base, 42);
	assert_int_equal(e.owner, OWNER_IKE);
}

static void another_generation_gets_no_key(void **unused)
{
	struct vault_entry e;

	(void)unused;
	assert_false(vault_load(&vault, 5, 1, &e));
	store(5, 3, 0xaa);
	assert_false(vault_load(&vault, 5, 1, &e));
	assert_false(vault_load(&vault, 5, 5, &e));
	assert_false(vault_load(&vault, 4, 3, &e));
	store(5, 5, 0xbb);
	assert_false(vault_load(&vault, 5, 3, &e));
	assert_true(vault_load(&vault, 5, 5, &e));
	assert_true(is_whole(&e, 0xbb));
}

static void generation_0_has_no_key(void **unused)
{
	struct vault_entry e;

	(void)unused;
	assert_false(vault_load(&vault, 4, 0, &e));
}

static void wipe_leaves_nothing(void **unused)
{
	static const struct vault_entry empty;
	struct vault_entry e;

	(void)unused;
	store(5, 3, 0xaa);
	store(6, 3, 0xbb);
	vault_wipe(&vault, 5);
	assert_memory_equal(&vault.entries[5], &empty, sizeof(empty));
	assert_false(vault_load(&vault, 5, 3, &e));
	assert_true(vault_load(&vault, 6, 3, &e));
}

static void reader_sees_but_cannot_write(void **unused)
{
	const int fd = dup(vault.fd);
	struct vault reader;
	struct vault_entry e;
	int status;
	pid_t child;

	(void)unused;
	assert_int_equal(vault_map(&reader, fd, false, NULL), 0);
	assert_true(fcntl(fd, F_GETFD) < 0);
	store(7, 1, 0xcc);
	assert_true(vault_load(&reader, 7, 1, &e));
	assert_true(is_whole(&e, 0xcc));
	child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		vault_wipe(&reader, 7);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	assert_true(vault_load(&vault, 7, 1, &e));
	vault_close(&reader);
}

static void another_file_is_refused(void **unused)
{
	struct fault f = {.text = ""};
	struct vault v;
	int fd = memfd_create("short", MFD_CLOEXEC);

	(void)unused;
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(vault_map(&v, fd, false, &f), -EPROTO);
	assert_null(v.entries);
	assert_true(fcntl(fd, F_GETFD) < 0);
	assert_non_null(strstr(f.text, "key vault"));
}

static int take_over(int fd, const char *instance, uint64_t maps_ns)
{
	struct fault f;
	struct vault v;
	const int err = vault_take_over(&v, fd, instance, SLOTS_DEFAULT, maps_ns, &f);

	if (err)
		return err;
	assert_int_equal(v.fd, fd);
	assert_true(v.writable);
	assert_true(vault_load(&v, 8, 5, &(struct vault_entry){0}));
	v.fd = -1; /* the caller's again */
	vault_close(&v);
	return 0;
}

static void next_maker_takes_over_what_is_his(void **unused)
{
	(void)unused;
	store(8, 5, 0xdd);
	assert_int_equal(take_over(vault.fd, "default", 42), -ESTALE);
	vault_mark(&vault, "default", 42);
	assert_int_equal(take_over(vault.fd, "default", 42), 0);
	assert_int_equal(take_over(vault.fd, "default2", 42), -ESTALE);
	assert_int_equal(take_over(vault.fd, "", 42), -ESTALE);
	assert_int_equal(take_over(vault.fd, "default", 43), -ESTALE);
}

/* Of the right size and with the mark, but not what only a maker of vaults makes. */
static int take_over_copy(int fd, off_t size, int seals)
{
	struct vault_entry *copy;
	int err;

	assert_int_equal(ftruncate(fd, size), 0);
	copy = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(copy, MAP_FAILED);
	if ((size_t)size >= SLOTS_DEFAULT * sizeof(*copy) + sizeof(struct vault_label))
		memcpy(copy, vault.entries, SLOTS_DEFAULT * sizeof(*copy) + sizeof(struct vault_label));
	munmap(copy, (size_t)size);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	err = take_over(fd, "default", 42);
	close(fd);
	return err;
}

static int sealable(void)
{
	return memfd_create("vault", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static void what_is_no_vault_is_not_taken_over(void **unused)
{
	const off_t size = (off_t)(SLOTS_DEFAULT * sizeof(struct vault_entry)) + 4096;
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int ends[2];

	(void)unused;
	store(8, 5, 0xdd);
	vault_mark(&vault, "default", 42);
	assert_int_equal(take_over_copy(sealable(), size, seals), 0);
	assert_int_equal(take_over_copy(sealable(), size, 0), -EPROTO);
	assert_int_equal(take_over_copy(sealable(), size, F_SEAL_GROW | F_SEAL_SEAL), -EPROTO);
	assert_int_equal(take_over_copy(sealable(), size + 64, seals), -EPROTO);
	/* For more SAs than the maps are. */
	assert_int_equal(take_over_copy(sealable(), size + 4096, seals), -ESTALE);
	assert_int_equal(take_over_copy(sealable(), 4096, seals), -EPROTO);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(take_over(ends[0], "default", 42), -EPROTO);
	close(ends[0]);
	close(ends[1]);
}

/* The flags of the mapping at addr in /proc/self/smaps. */
static void mapping_flags(const void *addr, char *flags, size_t size)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	bool inside = false;
	char line[512];

	assert_non_null(smaps);
	flags[0] = '\0';
	while (!flags[0] && fgets(line, sizeof(line), smaps)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (unsigned long)addr >= from && (unsigned long)addr < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(flags, size, "%s", line);
	}
	fclose(smaps);
}

static void assert_guarded(const void *addr)
{
	char flags[512];

	mapping_flags(addr, flags, sizeof(flags));
	/* A memfd_secret is in memory for good; Linux 6.12 does not call that locked. */
	if (!vault.secret)
		assert_non_null(strstr(flags, " lo"));
	assert_non_null(strstr(flags, " dd"));
}

static void is_locked_and_not_dumped(void **unused)
{
	(void)unused;
	assert_guarded(vault.entries);
}

/* It is this process's and its children's, and nobody gets at it by a descriptor. */
static void page_is_shared_and_as_well_guarded(void **unused)
{
	const int before = dup(0);
	uint8_t *page = vault_page(NULL);
	const int after = dup(0);
	int status;
	pid_t child;

	(void)unused;
	assert_non_null(page);
	assert_int_equal(after, before + 1);
	assert_guarded(page);
	child = fork();
	if (child == 0) {
		page[7] = 42;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(page[7], 42);
	close(before);
	close(after);
}

static bool dumps_nothing(void)
{
	FILE *file = fopen("/proc/self/coredump_filter", "re");
	unsigned filter = 1;
	const bool read = file && fscanf(file, "%x", &filter) == 1;

	if (file)
		fclose(file);
	return read && filter == 0;
}

/* In a child: it cannot be undone. */
static void hardened_process_leaves_no_core(void **unused)
{
	pid_t child = fork();
	int status;

	(void)unused;
	if (child == 0) {
		struct rlimit limit;

		privileges_harden();
		_exit(dumps_nothing() && getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 &&
				      limit.rlim_max == 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define STORES 2000000

/* Every byte of a generation's key. */
static uint8_t byte_of(uint32_t generation)
{
	return (uint8_t)(generation / 2);
}

static void *store_one_after_another(void *latest)
{
	for (uint32_t generation = 1; generation < 2 * STORES; generation += 2) {
		store(1, generation, byte_of(generation));
		__atomic_store_n((uint32_t *)latest, generation, __ATOMIC_RELEASE);
		/* On one CPU the reader comes in here, and not always in the middle. */
		if (generation % 512 == 1)
			sched_yield();
		if (generation % 4 == 3)
			vault_wipe(&vault, 1);
	}
	return NULL;
}

/* While the slot changes hands as fast as it can, a reader gets a whole key or none. */
static void reader_never_gets_half_a_key(void **unused)
{
	uint32_t latest = 0, generation = 0, loads = 0, torn = 0;
	struct vault_entry e;
	pthread_t writer;

	(void)unused;
	assert_int_equal(pthread_create(&writer, NULL, store_one_after_another, &latest), 0);
	while (generation != 2 * STORES - 1) {
		generation = __atomic_load_n(&latest, __ATOMIC_ACQUIRE);
		if (!vault_load(&vault, 1, generation, &e))
			continue;
		loads++;
		torn += !is_whole(&e, byte_of(generation));
	}
	pthread_join(writer, NULL);
	assert_true(loads > 0);
	assert_int_equal(torn, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stores_key_then_salt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_generation_gets_no_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(generation_0_has_no_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wipe_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reader_sees_but_cannot_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_file_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(next_maker_takes_over_what_is_his, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_vault_is_not_taken_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(is_locked_and_not_dumped, set_up, tear_down),
		cmocka_unit_test(page_is_shared_and_as_well_guarded),
		cmocka_unit_test_setup_teardown(hardened_process_leaves_no_core, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reader_never_gets_half_a_key, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("vault", tests, NULL, NULL);
}
