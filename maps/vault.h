/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key vault: the only place where ESP keys are kept, one entry per slot. No other process, no swap device and no
 * core dump has that memory: it is a memfd_secret, which the kernel takes out of its own mapping, too, or else a locked
 * memfd.
 *
 *   protocol process ─page of its own─► key holder ─writes─► vault ─reads─► worker
 *                                       loader (sa add) ─writes─┘
 *
 * The loader makes the vault and hands its descriptor to the worker and to IKE's key holder. The process that parses
 * the network has no part of it mapped, because who can write to a page can read it; it leaves each key on a page that
 * it shares with the key holder (vault_page). An entry belongs to whoever has claimed the slot (slots.h).
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
	uint32_t generation; /* of the slot when the key was stored; 0: there is none */
	uint8_t salt[ESP_SALT_SIZE];
	uint8_t key[ESP_KEY_SIZE];
	/*
	 * The IV is sequence number + iv_base, modulo 2^64. IKE's keys are used once, and have 0. A key that people
	 * hand in has a random base: they hand in the same key again, after a restart or for both directions, and no
	 * nonce may come twice with it.
	 */
	uint64_t iv_base;
	uint8_t owner; /* enum owner: who stored the key */
	uint8_t reserved[15];
};
LAYOUT_ASSERT(struct vault_entry, 64);

/* Whose keys these are: behind the entries, where the next supervisor looks before it takes over the vault. */
struct vault_label {
	uint32_t version; /* LAYOUT_VERSION */
	uint32_t slots;	  /* sa-max */
	uint64_t maps_ns; /* when the maps of its slots were made, which tells them from any others of this boot */
	char instance[40];
	uint64_t magic; /* last, so that half a label is none */
};
LAYOUT_ASSERT(struct vault_label, 64);

struct vault {
	int fd; /* for the maker to hand on; -1: mapped by vault_map() */
	uint32_t slots;
	struct vault_entry *entries; /* one for each slot */
	bool writable;
	bool secret; /* a memfd_secret, not a locked memfd */
};

/* Makes an empty vault for so many slots (maps_slots_are_good), mapped writable. A page of it takes memory when the
 * first key is stored on it. Its descriptor is closed on exec. 0 or -errno. */
int vault_create(struct vault *v, uint32_t slots, struct fault *f);

/* Says whose keys are in it: the instance and when its maps were made (struct layout). */
void vault_mark(struct vault *v, const char *instance, uint64_t maps_ns);

/*
 * Takes over a vault that an earlier supervisor has made and marked, as its maker. fd: from whom it was kept by, which
 * is not believed: it has to be memory of this user's that can neither shrink nor grow, for so many slots, and bear the
 * mark of this instance and its maps as they are now. 0, and fd is the vault's; -errno, and fd stays the caller's.
 */
int vault_take_over(struct vault *v, int fd, const char *instance, uint32_t slots, uint64_t maps_ns, struct fault *f);

/* Maps the vault behind fd, which is closed in any case, so that nobody can map it another way later. 0 or -errno. */
int vault_map(struct vault *v, int fd, bool writable, struct fault *f);

/* Unmaps and closes; keys stay while another process has the vault mapped. */
void vault_close(struct vault *v);

/*
 * A page as well guarded as the vault, which this process shares with its forks: a key that is handed over on the page
 * is in no buffer of the kernel's. NULL with what is wrong in f. The page is never given back.
 */
uint8_t *vault_page(struct fault *f);

/* Stores a key for a slot that the owner has claimed. keymat: ESP_KEYMAT_SIZE bytes, which stay the caller's to wipe. A
 * reader beside sees the whole key or none. */
void vault_store(struct vault *v, uint32_t slot, uint32_t generation, enum owner owner, const uint8_t *keymat,
		 uint64_t iv_base);

/* Copies the entry to out, for the caller to wipe. False, with no key in out: the entry is not of that generation. */
bool vault_load(const struct vault *v, uint32_t slot, uint32_t generation, struct vault_entry *out);

/* Whether the slot's key is of that generation. */
bool vault_has(const struct vault *v, uint32_t slot, uint32_t generation);

/* The same, and that owner has stored it. */
bool vault_is_of(const struct vault *v, uint32_t slot, uint32_t generation, enum owner owner);

/* Overwrites the slot's key. The slot's claimant calls it before slot_release(). */
void vault_wipe(struct vault *v, uint32_t slot);

#endif
