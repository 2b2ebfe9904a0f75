/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/privileges.h"
#include "maps.h"

/* The label has a page, so that the whole is pages. */
#define LABEL_SIZE 4096
/* "xipsKEYS" */
#define MAGIC 0x7869707345590000ULL
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

_Static_assert(sizeof(struct vault_entry) * SLOTS_STEP == 4096, "the entries are whole pages");

static size_t size_for(uint32_t slots)
{
	return sizeof(struct vault_entry) * slots + LABEL_SIZE;
}

static uint32_t slots_in(off_t size)
{
	const uint64_t slots = size < LABEL_SIZE ? 0 : ((uint64_t)size - LABEL_SIZE) / sizeof(struct vault_entry);

	return slots <= SLOTS_MAX && (off_t)size_for((uint32_t)slots) == size ? (uint32_t)slots : 0;
}

static int make_fd(void)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);

	return fd >= 0 ? fd : memfd_create("xdp-ipsec-vault", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

/* Locked and undumpable by nature, and deaf to being told so. */
static bool is_secret(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && st.f_type == SECRETMEM_MAGIC;
}

/* MAP_FAILED with errno where it cannot be had, or cannot be locked. */
static void *map_guarded(int fd, size_t size, int access)
{
	void *p;

	/* Without CAP_IPC_LOCK the soft limit may be what is in the way, and the hard one be enough. */
	privileges_raise_memlock();
	p = mmap(NULL, size, access, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || is_secret(fd) ||
	    (mlock2(p, size, MLOCK_ONFAULT) == 0 && madvise(p, size, MADV_DONTDUMP) == 0))
		return p;
	munmap(p, size);
	return MAP_FAILED;
}

static int cannot_lock(int err, struct fault *f)
{
	return fault(f, err, "key vault: cannot be locked: %s: raise 'ulimit -l', or run with CAP_IPC_LOCK",
		     strerror(err));
}

static int map_vault(struct vault *v, int fd, bool writable, struct fault *f)
{
	struct stat st;
	void *p;

	*v = (struct vault){.fd = -1, .writable = writable};
	if (fstat(fd, &st) == 0)
		v->slots = slots_in(st.st_size);
	if (!maps_slots_are_good(v->slots))
		return fault(f, EPROTO, "key vault: not of this version's size");
	p = map_guarded(fd, size_for(v->slots), PROT_READ | (writable ? PROT_WRITE : 0));
	if (p == MAP_FAILED)
		return cannot_lock(errno, f);
	v->entries = p;
	v->secret = is_secret(fd);
	return 0;
}

int vault_create(struct vault *v, uint32_t slots, struct fault *f)
{
	int err, fd = make_fd();

	if (fd < 0)
		return fault(f, errno, "key vault: %s", strerror(errno));
	if (ftruncate(fd, (off_t)size_for(slots)) < 0 || (!is_secret(fd) && fcntl(fd, F_ADD_SEALS, SEALS) < 0)) {
		err = fault(f, errno, "key vault: %s", strerror(errno));
		close(fd);
		return err;
	}
	err = map_vault(v, fd, true, f);
	if (err)
		close(fd);
	else
		v->fd = fd;
	return err;
}

static struct vault_label *label_of(const struct vault *v)
{
	return (struct vault_label *)(v->entries + v->slots);
}

static struct vault_label make_label(const char *instance, uint32_t slots, uint64_t maps_ns)
{
	struct vault_label label = {.version = LAYOUT_VERSION, .slots = slots, .maps_ns = maps_ns, .magic = MAGIC};

	memcpy(label.instance, instance, strnlen(instance, sizeof(label.instance) - 1));
	return label;
}

void vault_mark(struct vault *v, const char *instance, uint64_t maps_ns)
{
	*label_of(v) = make_label(instance, v->slots, maps_ns);
}

/* A memfd_secret cannot be sealed, nor change its size once it has one. */
static bool is_fixed(int fd)
{
	return is_secret(fd) || (fcntl(fd, F_GET_SEALS) & SEALS) == SEALS;
}

int vault_take_over(struct vault *v, int fd, const char *instance, uint32_t slots, uint64_t maps_ns, struct fault *f)
{
	const struct vault_label label = make_label(instance, slots, maps_ns);
	struct stat st;
	int err;

	*v = (struct vault){.fd = -1};
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || !is_fixed(fd))
		return fault(f, EPROTO, "key vault: what was kept is none");
	err = map_vault(v, fd, true, f);
	if (err)
		return err;
	if (v->slots != slots || memcmp(label_of(v), &label, sizeof(label)) != 0) {
		vault_close(v);
		return fault(f, ESTALE, "key vault: what was kept is of other maps, another instance or version");
	}
	v->fd = fd;
	return 0;
}

int vault_map(struct vault *v, int fd, bool writable, struct fault *f)
{
	const int err = map_vault(v, fd, writable, f);

	close(fd);
	return err;
}

uint8_t *vault_page(struct fault *f)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	const int fd = make_fd();
	void *p = MAP_FAILED;
	int err;

	if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
		p = map_guarded(fd, size, PROT_READ | PROT_WRITE);
	err = errno;
	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		return p;
	cannot_lock(err, f);
	return NULL;
}

void vault_close(struct vault *v)
{
	if (v->entries)
		munmap(v->entries, size_for(v->slots));
	if (v->fd >= 0)
		close(v->fd);
	*v = (struct vault){.fd = -1};
}

void vault_store(struct vault *v, uint32_t slot, uint32_t generation, enum owner owner, const uint8_t *keymat,
		 uint64_t iv_base)
{
	struct vault_entry *e = &v->entries[slot];

	__atomic_store_n(&e->generation, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* keeps the key behind the 0, for a reader in between */
	memcpy(e->key, keymat, ESP_KEY_SIZE);
	memcpy(e->salt, keymat + ESP_KEY_SIZE, ESP_SALT_SIZE);
	e->iv_base = iv_base;
	e->owner = (uint8_t)owner;
	__atomic_store_n(&e->generation, generation, __ATOMIC_RELEASE);
}

bool vault_load(const struct vault *v, uint32_t slot, uint32_t generation, struct vault_entry *out)
{
	const struct vault_entry *e = &v->entries[slot];

	/* 0 is no generation: that of a slot without a key, or of one whose key is being written. */
	if (generation == 0 || __atomic_load_n(&e->generation, __ATOMIC_ACQUIRE) != generation)
		return false;
	*out = *e;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&e->generation, __ATOMIC_RELAXED) == generation)
		return true;
	explicit_bzero(out, sizeof(*out));
	return false;
}

bool vault_has(const struct vault *v, uint32_t slot, uint32_t generation)
{
	return generation != 0 && __atomic_load_n(&v->entries[slot].generation, __ATOMIC_ACQUIRE) == generation;
}

bool vault_is_of(const struct vault *v, uint32_t slot, uint32_t generation, enum owner owner)
{
	return vault_has(v, slot, generation) && v->entries[slot].owner == owner;
}

void vault_wipe(struct vault *v, uint32_t slot)
{
	struct vault_entry *e = &v->entries[slot];

	__atomic_store_n(&e->generation, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* as in vault_store: half a key must not be taken for a whole one */
	explicit_bzero(e, sizeof(*e));
}
