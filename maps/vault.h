/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key vault: the only place where ESP keys are, one entry per slot, in
 * memory that no other process, no swap and no core dump sees (memfd_secret,
 * which the kernel takes out of its own mapping too; else a locked memfd).
 *
 * The loader makes it and hands its fd to the worker, which reads, and to IKE's
 * key holder, which writes: whoever can write to a page can read it, so the process
 * that parses the network has no part of it mapped. It leaves each key on a page of
 * its own for the key holder to take (vault_page). An entry belongs to whoever
 * claimed the slot (slots.h).
 */
#ifndef MAPS_VAULT_H
#define MAPS_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "lib/fault.h"

/* RFC 4106 section 8.1: the AES-256 key, then the salt. */
#define ESP_KEY_SIZE	32
#define ESP_SALT_SIZE	4
#define ESP_KEYMAT_SIZE (ESP_KEY_SIZE + ESP_SALT_SIZE)

struct vault_entry {
	uint32_t generation; /* of the slot it was stored for; 0: empty */
	uint8_t salt[ESP_SALT_SIZE];
	uint8_t key[ESP_KEY_SIZE];
	/*
	 * The IV is sequence number + iv_base, modulo 2^64. 0 for keys that are
	 * used once (IKE). Random for keys that people hand in: they hand in the
	 * same one again, after a restart or for both directions, and the nonces
	 * must not meet.
	 */
	uint64_t iv_base;
	uint8_t owner; /* enum owner: who stored it */
	uint8_t reserved[15];
};
LAYOUT_ASSERT(struct vault_entry, 64);

struct vault {
	int fd;			     /* of who made it, to be handed on; else -1 */
	struct vault_entry *entries; /* SLOTS_MAX */
	bool writable;
	bool secret; /* memfd_secret, not the fallback */
};

/* Makes an empty vault, mapped writable. Its fd is closed on exec unless the caller clears that. 0 or -errno. */
int vault_create(struct vault *v, struct fault *f);

/* Maps the vault behind fd, which is closed: as it is mapped now, it stays. 0 or -errno. */
int vault_map(struct vault *v, int fd, bool writable, struct fault *f);

/* Unmaps and closes; what is stored stays while anyone else has it mapped. */
void vault_close(struct vault *v);

/*
 * A page as well guarded as the vault, which a process shares with those that it forks: a key that is handed over on
 * it has been in no buffer of the kernel's. NULL with what is wrong; never given back.
 */
uint8_t *vault_page(struct fault *f);

/* Stores keymat (ESP_KEYMAT_SIZE bytes, which stay the caller's to wipe) for a slot that the owner has claimed. */
void vault_store(struct vault *v, uint32_t slot, uint32_t generation, enum owner owner, const uint8_t *keymat,
		 uint64_t iv_base);

/* Copies the entry to out, which the caller wipes. False if it is not of that generation. */
bool vault_load(const struct vault *v, uint32_t slot, uint32_t generation, struct vault_entry *out);

/* Overwrites the slot's key. Do it before slot_release. */
void vault_wipe(struct vault *v, uint32_t slot);

#endif
